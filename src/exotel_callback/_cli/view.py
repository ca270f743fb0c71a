"""What came for a call, and what it means, laid out for a person at a terminal."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

import attrs
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from .._enums import LegStatus, Outcome
from .._fields.kinds import as_text
from .._fields.names import CALL_DETAILS_ID
from .._fields.table import wire_fields
from .._model.call import Call, merge
from .._model.callback import Leg, StatusCallback
from .._parse.passthru import PassthruEvent, PassthruLeg

_NOTHING: Final = Text("-", style="dim")
_BAR_WIDTH: Final = 20

_Event = StatusCallback | PassthruEvent


class Found(NamedTuple):
    """What was read, and where."""

    place: str
    event: _Event


def explain_call(deliveries: Sequence[Found], *, show_personal: bool) -> RenderableType:
    """Lay out one call: several deliveries as a timeline and merged, then fields, legs, issues and unknown fields."""
    parts: list[RenderableType] = []
    callbacks = [event for _, event in deliveries if isinstance(event, StatusCallback)]
    requests = dict.fromkeys(event for _, event in deliveries if isinstance(event, PassthruEvent))
    if len(deliveries) > 1:
        parts.append(_timeline(deliveries))
    if callbacks:
        parts += _event(callbacks[0] if len(deliveries) == 1 else merge(*callbacks), show_personal=show_personal)
    for request in requests:
        parts += _event(request, show_personal=show_personal)
    if not show_personal:
        parts.append(Text("Personal data is masked; --show-personal shows it.", style="dim"))
    return Group(*parts)


def explain_calls(calls: Iterable[Sequence[Found]]) -> RenderableType:
    """Lay out several calls, a line each."""
    return _table("Calls", ("CallSid", "Status", "Outcome", "Issues"), map(_call_in_brief, calls), unbroken=3)


def _call_in_brief(deliveries: Sequence[Found]) -> list[RenderableType]:
    callbacks = [event for _, event in deliveries if isinstance(event, StatusCallback)]
    event = merge(*callbacks) if callbacks else deliveries[0].event
    unreached = None if isinstance(event, PassthruEvent) else event.unreached_leg
    return [
        _in_words(event.call_sid),
        _in_words(_status(event)),
        _in_words(event.outcome.value if unreached is None else f"{event.outcome.value} (leg {unreached})"),
        str(len(event.issues)),
    ]


def printable(text: str) -> str:
    """Escape what is not printable: it could move the terminal's cursor or hide text."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _timeline(deliveries: Sequence[Found]) -> RenderableType:
    """Lay out the distinct events by their time; those without one come last."""
    places: dict[_Event, list[str]] = {}
    for place, event in deliveries:
        places.setdefault(event, []).append(place)
    first = min(filter(None, map(_date, places)), default=None)
    rows = [
        _event_in_brief(event, first, places[event])
        for event in sorted(places, key=lambda event: (_date(event) is None, _date(event) or 0))
    ]
    return _table("What came, by its time", ("When", "Since", "What"), rows, unbroken=2)


def _event_in_brief(event: _Event, first: datetime | None, places: list[str]) -> list[RenderableType]:
    date = _date(event)
    legs = [] if isinstance(event, PassthruEvent) else [_in_words(leg.status).plain for leg in event.legs]
    lines = [
        f"{_what(event)}: {_in_words(_status(event))}, outcome {event.outcome.value}",
        *([f"legs: {', '.join(legs)}"] if legs else []),
        f"from: {printable(', again in '.join(places))}",
    ]
    since = None if date is None or first is None else f"+{(date - first).total_seconds():.0f} s"
    return [_in_words(date), _in_words(since), Text("\n".join(lines))]


def _date(event: _Event) -> datetime | None:
    return event.current_time if isinstance(event, PassthruEvent) else event.date_updated


def _status(event: _Event | Call) -> StrEnum | None:
    return event.dial_status if isinstance(event, PassthruEvent) else event.status


def _what(event: _Event | Call) -> str:
    if isinstance(event, StatusCallback):
        if CALL_DETAILS_ID in event.raw:
            is_settled = event.end_time or not event.is_terminal
            return "Call Details" if is_settled else "Call Details (not settled)"
        return f"StatusCallback ({event.event_type.value})" if event.event_type else "StatusCallback"
    return "Call" if isinstance(event, Call) else "Passthru"


def _event(event: _Event | Call, *, show_personal: bool) -> list[RenderableType]:
    parts: list[RenderableType] = [_fields(event, show_personal=show_personal)]
    if event.legs:
        parts.append(_legs(event.legs, show_personal=show_personal))
    if event.issues:
        parts.append(_issues(event, show_personal=show_personal))
    if not isinstance(event, Call) and event.extra:
        parts.append(_unknown(event, show_personal=show_personal))
    return parts


def _table(
    title: str, columns: Iterable[str], rows: Iterable[Iterable[RenderableType]], unbroken: int = 0
) -> RenderableType:
    """Lay out a table, of which the first columns may be kept from breaking their lines on a narrow terminal."""
    table = Table()
    for index, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=index < unbroken)
    for row in rows:
        table.add_row(*row)
    return Group(Text(title, style="bold"), table)


def _fields(event: _Event | Call, *, show_personal: bool) -> RenderableType:
    values = _values(event, show_personal=show_personal)
    return _table(f"{_what(event)}: {_meaning(event)}", ("Field", "Value"), values)


def _meaning(event: _Event | Call) -> str:
    if isinstance(event, PassthruEvent):
        return f"outcome {event.outcome.value}"
    state = "the call is over" if event.is_terminal else "the call is not over"
    meaning = f"{event.status.value}, {state}; outcome {event.outcome.value}"
    if event.unreached_leg is not None:
        return f"{meaning}, leg {event.unreached_leg} was not reached"
    if event.outcome is Outcome.UNKNOWN and not event.legs:
        return f"{meaning}: there are no legs to tell it by (StatusCallbackEvents and details=true bring them)"
    return meaning


def _values(value: attrs.AttrsInstance, *, show_personal: bool) -> Iterable[tuple[str, Text]]:
    """Yield the wire name and the value of each field, masked as in the repr unless it may be shown."""
    masks: dict[str, Any] = {field.name: field.repr for field in attrs.fields(type(value)) if callable(field.repr)}
    for field in wire_fields(type(value)):
        shown: object = getattr(value, field.attribute)
        if shown is not None and field.attribute in masks and not show_personal:
            shown = str(masks[field.attribute](shown)).strip("'")
        yield field.names[0], _in_words(shown)


def _in_words(value: object) -> Text:
    if value is None:
        return _NOTHING
    if value is LegStatus.NOT_ATTEMPTED:
        return Text("not attempted")
    if isinstance(value, datetime):
        return Text(value.isoformat(sep=" "))
    return Text(printable(str(value)))


def _legs(legs: Sequence[Leg | PassthruLeg], *, show_personal: bool) -> RenderableType:
    cls: type[attrs.AttrsInstance] = type(legs[0])
    columns = ["Leg", *(field.names[0] for field in wire_fields(cls))]
    if len(legs) > 1:
        columns.append("")  # for bars, which compare the legs
    longest = max(leg.on_call_duration or 0 for leg in legs) or 1
    rows: list[list[RenderableType]] = []
    for index, leg in enumerate(legs):
        row: list[RenderableType] = [str(index), *(text for _, text in _values(leg, show_personal=show_personal))]
        rows.append([*row, _bar(leg.on_call_duration or 0, longest)][: len(columns)])
    return _table("Legs, in the order in which they were called", columns, rows)


def _bar(seconds: int, longest: int) -> Text:
    # A leg that lasted is never without a mark, however short it was beside the longest.
    width = max(round(_BAR_WIDTH * seconds / longest), 1 if seconds else 0)
    return Text("=" * width)


def _issues(event: _Event | Call, *, show_personal: bool) -> RenderableType:
    rows = [(issue.message, issue.value) for issue in event.issues]
    return _personal_table("Issues", ("What", "Value"), rows, show_personal=show_personal)


def _unknown(event: _Event, *, show_personal: bool) -> RenderableType:
    rows = [(name, as_text(value)) for name, value in event.extra.items()]
    return _personal_table("Other fields, in extra", ("Name", "Value"), rows, show_personal=show_personal)


def _personal_table(
    title: str, columns: tuple[str, str], rows: Iterable[tuple[str, str]], *, show_personal: bool
) -> RenderableType:
    """Lay out pairs whose second part is shown only if it may be."""
    shown = 2 if show_personal else 1
    return _table(title, columns[:shown], ([_in_words(text) for text in row[:shown]] for row in rows))
