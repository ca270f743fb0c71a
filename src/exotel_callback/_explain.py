"""What a callback means, laid out for a person at a terminal."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import attrs
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ._fields import wire_fields
from ._model import Leg, StatusCallback
from ._read import as_text
from ._words import LegStatus

_NOTHING: Final = Text("-", style="dim")
_BAR_WIDTH: Final = 30


def explanation(callback: StatusCallback, *, show_personal: bool) -> RenderableType:
    """Lay out the fields, the legs as bars to scale, the issues in words, and the unknown fields."""
    parts: list[RenderableType] = [_fields(callback, show_personal=show_personal)]
    if callback.legs:
        parts.append(_legs(callback.legs))
    if callback.issues:
        parts.append(_issues(callback, show_personal=show_personal))
    if callback.extra:
        parts.append(_unknown(callback, show_personal=show_personal))
    if not show_personal:
        parts.append(Text("Personal data is masked; --show-personal shows it.", style="dim"))
    return Group(*parts)


def printable(text: str) -> str:
    """Escape what is not printable: it could move the terminal's cursor or hide text."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _fields(callback: StatusCallback, *, show_personal: bool) -> Table:
    state = "the call is over" if callback.is_terminal else "the call is not over"
    table = _table(f"StatusCallback: {callback.status.value}, {state}", "Field", "Value")
    masks: dict[str, Any] = {field.name: field.repr for field in attrs.fields(StatusCallback) if callable(field.repr)}
    for field in wire_fields(StatusCallback):
        value: object = getattr(callback, field.attribute)
        if value is not None and field.attribute in masks and not show_personal:
            value = str(masks[field.attribute](value)).strip("'")
        table.add_row(field.names[0], _in_words(value))
    return table


def _in_words(value: object) -> Text:
    if value is None:
        return _NOTHING
    if isinstance(value, datetime):
        return Text(value.isoformat(sep=" "))
    return Text(printable(value.value if isinstance(value, StrEnum) else str(value)))


def _legs(legs: tuple[Leg, ...]) -> Table:
    table = _table("Legs, in the order in which they were called", "Leg", "Status", "Answered by", "Seconds", "")
    longest = max(leg.on_call_duration or 0 for leg in legs) or 1
    for index, leg in enumerate(legs):
        status = Text("not attempted") if leg.status is LegStatus.NOT_ATTEMPTED else _in_words(leg.status)
        seconds = leg.on_call_duration or 0
        table.add_row(
            str(index), status, _in_words(leg.answered_by), _in_words(leg.on_call_duration), _bar(seconds, longest)
        )
    return table


def _bar(seconds: int, longest: int) -> Text:
    # A leg that lasted is never without a mark, however short it was beside the longest.
    width = max(round(_BAR_WIDTH * seconds / longest), 1 if seconds else 0)
    return Text("=" * width)


def _issues(callback: StatusCallback, *, show_personal: bool) -> Table:
    table = _table("Issues", "What", *(["Value"] if show_personal else []))
    for issue in callback.issues:
        table.add_row(issue.message, *([Text(printable(issue.text))] if show_personal else []))
    return table


def _unknown(callback: StatusCallback, *, show_personal: bool) -> Table:
    table = _table("Fields that this version does not know", "Name", *(["Value"] if show_personal else []))
    for name, value in callback.extra.items():
        table.add_row(Text(printable(name)), *([Text(printable(as_text(value)))] if show_personal else []))
    return table
