"""Lay out events and their meaning for a terminal."""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple, NoReturn, cast

import attrs
import click
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .._enums import AgentStatus, LegStatus, Outcome, PopupEventType
from .._errors import Issue, IssueCode
from .._fields.answers import is_call_details
from .._fields.kinds import as_text
from .._fields.table import mask_number, read_only, wire_fields
from .._model.call import Call, distinct, merged
from .._model.callback import CallFields, Leg, StatusCallback
from .._model.combined import combined_outcome
from .._model.passthru import PassthruEvent, PassthruLeg
from .._model.popup import PopupEvent
from .._wire.payload import EMPTY_PAYLOAD, shown_name

_ABSENT: Final = Text("-", style="dim")
_BAR_WIDTH: Final = 20
_MIN_WIDTH: Final = 10
_PARTY_NAMES: Final = ("first party", "second party")

# A narrow table breaks longer words, such as URLs.
_UNBROKEN_LENGTH: Final = 28
_CALL_SID_LENGTH: Final = 32

# The offset of the dates that Exotel sends. The line of a call doesn't show it.
_USUAL_OFFSET: Final = "+05:30"

# The colors of outcomes. The name of the outcome is always there, so they aren't the only sign.
_MISSED_STYLE: Final = "red"
_OUTCOME_STYLES: Final[Mapping[Outcome, str]] = {
    Outcome.CONNECTED: "green",
    Outcome.MACHINE: "cyan",
    Outcome.NO_ANSWER: _MISSED_STYLE,
    Outcome.BUSY: _MISSED_STYLE,
    Outcome.CANCELED: _MISSED_STYLE,
    Outcome.FAILED: _MISSED_STYLE,
    Outcome.FIRST_PARTY_ONLY: "magenta",
    Outcome.IN_PROGRESS: "yellow",
    Outcome.UNKNOWN: "yellow",
}

# An unrecognized value of this form is a name that Exotel added, and not personal data.
_PUBLIC_VALUE: Final = re.compile("[A-Za-z _-]{1,40}")
_MASKED: Final = "***"

Event = StatusCallback | PassthruEvent | PopupEvent

# The text for an agent's state, by the event of a popup or else by the agent's status.
_AGENT_DOES: Final[Mapping[StrEnum | None, str]] = {
    PopupEventType.DIAL: "is being called",
    PopupEventType.RINGING: "rings",
    PopupEventType.ANSWERED: "talks",
    PopupEventType.TERMINAL: "is free",
    AgentStatus.BUSY: "is busy",
    AgentStatus.FREE: "is free",
}


class Located(NamedTuple):
    """An event, and the file that it was read from, which can be empty."""

    file: str
    event: Event


class View(NamedTuple):
    """The parts of an event that are shown. Each type of event has one function that returns a view."""

    event: Event | Call
    title: str
    meaning: str
    in_brief: str
    """The event in brief, for a timeline."""
    status: StrEnum | None
    """The status of the call. None for a popup, whose status is that of the agent."""
    date: datetime | None
    legs_in_brief: Sequence[Leg] = ()
    """The legs whose statuses a timeline lists."""
    unreached_leg: int | None = None
    extra: Mapping[str, object] = EMPTY_PAYLOAD

    @property
    def outcome(self) -> Outcome | None:
        """The outcome of the event. None for a popup, which describes the agent."""
        return None if isinstance(self.event, PopupEvent) else self.event.outcome


def _public(value: str) -> str:
    """Return a value as Exotel could have chosen it, or a mask for any other value."""
    return value if _PUBLIC_VALUE.fullmatch(value) else _MASKED


def _view_of_callback(event: StatusCallback) -> View:
    if is_call_details(read_only(event.raw)):
        title = "Call Details" if event.end_time or not event.is_terminal else "Call Details (not settled)"
    else:
        title = f"StatusCallback ({event.event_type.value})" if event.event_type else "StatusCallback"
    return _view_of_fields(event, title)._replace(extra=event.extra)


def _view_of_call(call: Call) -> View:
    return _view_of_fields(call, "Call")


def _view_of_fields(event: StatusCallback | Call, title: str) -> View:
    in_brief = _with_outcome(event.status, event)
    date = event.date_updated
    return View(event, title, _meaning(event), in_brief, event.status, date, event.legs, event.unreached_leg)


def _view_of_passthru(event: PassthruEvent) -> View:
    stream = event.stream
    kind = event.event_type or ("stream" if stream else "")
    title = f"Passthru ({_public(kind)})" if kind else "Passthru"
    status = event.dial_status or (stream and stream.status) or event.call_type
    meaning = f"outcome {event.outcome.value}"
    in_brief = _with_outcome(status, event)
    if stream and stream.disconnected_by:
        in_brief += f", ended by {_public(stream.disconnected_by)}"
    return View(event, title, meaning, in_brief, status, event.current_time, extra=event.extra)


def _view_of_popup(event: PopupEvent) -> View:
    does = _AGENT_DOES.get(event.event_type) or _AGENT_DOES.get(event.agent_status, "has an unknown status")
    agent = f"agent {mask_number(event.dialed_number)}".replace("'", "") if event.dialed_number else "an agent"
    meaning = f"{agent} {does}"
    title = f"Popup ({event.event_type.value})"
    return View(event, title, meaning, meaning, None, event.current_time, extra=event.extra)


def _with_outcome(status: StrEnum | None, event: CallFields | PassthruEvent) -> str:
    return f"{_cell(status).plain}, outcome {event.outcome.value}"


_VIEWS: Final[Mapping[type, Callable[[Any], View]]] = {
    StatusCallback: _view_of_callback,
    Call: _view_of_call,
    PassthruEvent: _view_of_passthru,
    PopupEvent: _view_of_popup,
}


def _view(event: Event | Call) -> View:
    make_view = cast("Callable[[Event | Call], View]", _VIEWS[type(event)])
    return make_view(event)


def in_brief(event: Event) -> str:
    """Return an event in one line, without personal data."""
    view = _view(event)
    return f"{view.title}: {view.in_brief}"


def _meaning(event: CallFields) -> str:
    state = "the call is over" if event.is_terminal else "the call is not over"
    meaning = f"{event.status.value}, {state}; outcome {event.outcome.value}"
    if event.unreached_leg is not None:
        return f"{meaning}, {_party(event.unreached_leg)} was not reached"
    if event.outcome is Outcome.UNKNOWN and not event.legs:
        return f"{meaning} because the payload has no legs (StatusCallbackEvents or details=true adds them)"
    return meaning


def _party(leg: int) -> str:
    return f"the {_PARTY_NAMES[leg]} (leg {leg})" if leg < len(_PARTY_NAMES) else f"leg {leg}"


def explain_call(deliveries: Sequence[Located], *, show_personal: bool) -> RenderableType:
    """Lay out one call: a timeline if there are multiple deliveries, then the fields of the merged call.

    Popups are only in the timeline, because they describe the agent.
    """
    parts: list[RenderableType] = []
    if len(deliveries) > 1:
        parts.append(_timeline(deliveries))
        outcome = outcome_of(deliveries)
        if outcome and any(isinstance(event, PassthruEvent) for _, event in deliveries):
            sentence = f"Outcome of the call, from its callbacks and Passthru requests: {outcome.value}"
            parts.append(_colored(sentence, outcome))
    for event in _merged(deliveries):
        parts += _event_parts(_view(event), show_personal=show_personal)
    if not show_personal:
        parts.append(Text("Personal data is masked; pass --show-personal to show it.", style="dim"))
    return Group(*parts)


def explain_calls(calls: Iterable[Sequence[Located]]) -> RenderableType:
    """Lay out multiple calls, one line each, by the time of their first event. Calls without a time come last."""
    rows = [(_first_date(deliveries), _call_row(deliveries)) for deliveries in calls]
    rows.sort(key=lambda item: (item[0] is None, item[0] or 0))
    columns = ("Call", "First event", "Events", "Outcome")
    return _table("Calls", columns, (row for _, row in rows), unbroken=_CALL_SID_LENGTH)


def _merged(deliveries: Sequence[Located]) -> list[Event | Call]:
    """Return the call that the callbacks are merged into, if there are any, and the other events."""
    events = dict.fromkeys(event for _, event in deliveries)
    if len(deliveries) == 1:
        return [*events]
    callbacks = [event for event in events if isinstance(event, StatusCallback)]
    others = [event for event in events if isinstance(event, PassthruEvent)]
    return [*([_merged_call(callbacks)] if callbacks else []), *others]


def _merged_call(callbacks: Sequence[StatusCallback]) -> Call:
    """Merge callbacks as `merge` does. A file may hold more events of a call than `merge` accepts."""
    return merged(distinct({event.event_key: event} for event in callbacks))


def outcome_of(deliveries: Sequence[Located]) -> Outcome | None:
    """Return the outcome of a call. None if there are only popups, which don't say."""
    callbacks = [event for _, event in deliveries if isinstance(event, StatusCallback)]
    requests = [event for _, event in deliveries if isinstance(event, PassthruEvent)]
    if not callbacks and not requests:
        return None
    return combined_outcome(_merged_call(callbacks) if callbacks else None, *requests)


def issues_of(deliveries: Sequence[Located]) -> tuple[Issue, ...]:
    """Return the issues of a call, or of its first other event if it has no callbacks."""
    return _first_view(deliveries).event.issues


def _first_view(deliveries: Sequence[Located]) -> View:
    return _view((_merged(deliveries) or [event for _, event in deliveries])[0])


def _first_date(deliveries: Sequence[Located]) -> datetime | None:
    return min((date for _, event in deliveries if (date := _view(event).date)), default=None)


def _call_row(deliveries: Sequence[Located]) -> list[RenderableType]:
    view = _first_view(deliveries)
    date = _first_date(deliveries)
    outcome = outcome_of(deliveries)
    leg = "" if view.unreached_leg is None else f" (leg {view.unreached_leg})"
    codes = dict.fromkeys(issue.code.value for issue in view.event.issues)
    issues = [f"issues: {', '.join(codes)}"] if codes else []
    return [
        _cell(view.event.call_sid),
        _cell(date and date.isoformat(" ", "seconds").removesuffix(_USUAL_OFFSET)),
        str(len({event for _, event in deliveries})),
        _colored("\n".join([f"{outcome.value}{leg}", *issues]), outcome) if outcome else _cell(None),
    ]


def printable(text: str) -> str:
    """Escape unprintable characters, because they could move the terminal's cursor or hide text."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def new_console() -> Console:
    """Return a console for standard output. The width is a minimum, because some programs set ``COLUMNS`` to 0."""
    console = Console(highlight=False, markup=False)
    console.width = max(console.width, _MIN_WIDTH)
    return console


def number_of_requests(count: int) -> str:
    """Return a number with its noun."""
    return "1 request" if count == 1 else f"{count} requests"


def exit_with(problems: Sequence[str]) -> NoReturn:
    """Print the problems, and exit with 1 if there are any, else with 0."""
    for problem in problems:
        click.echo(f"Error: {printable(problem)}", err=True)
    sys.exit(bool(problems))


def _timeline(deliveries: Sequence[Located]) -> RenderableType:
    """Lay out the distinct events by date. Events without a date come last."""
    files: dict[Event, list[str]] = {}
    for file, event in deliveries:
        files.setdefault(event, []).append(file)
    views = [(_view(event), files_of_event) for event, files_of_event in files.items()]
    views.sort(key=lambda item: (item[0].date is None, item[0].date or 0))
    first = views[0][0].date
    rows = [_timeline_row(view, first, files_of_event) for view, files_of_event in views]
    return _table("Events by time", ("Time", "Offset", "Event"), rows)


def _timeline_row(view: View, first: datetime | None, files: list[str]) -> list[RenderableType]:
    legs = [_cell(leg.status).plain for leg in view.legs_in_brief]
    lines = [
        f"{view.title}: {view.in_brief}",
        *([f"legs: {', '.join(legs)}"] if legs else []),
        f"from: {printable(', repeated in '.join(files))}",
    ]
    since = None if view.date is None or first is None else f"+{(view.date - first).total_seconds():.0f} s"
    return [_cell(view.date), _cell(since), _colored("\n".join(lines), view.outcome)]


def _event_parts(view: View, *, show_personal: bool) -> list[RenderableType]:
    event = view.event
    fields = _field_cells(event, show_personal=show_personal)
    title = _colored(f"{view.title}: {view.meaning}", view.outcome)
    parts: list[RenderableType] = [_table(title, ("Field", "Value"), fields)]
    if isinstance(event, PassthruEvent) and event.stream:
        stream_fields = _field_cells(event.stream, show_personal=show_personal)
        parts.append(_table("Stream", ("Field", "Value"), stream_fields))
    if not isinstance(event, PopupEvent) and event.legs:
        parts.append(_legs_table(event.legs, show_personal=show_personal))
    if event.issues:
        issues = [(issue.message, _issue_value(issue, show_personal=show_personal)) for issue in event.issues]
        parts.append(_table("Issues", ("Issue", "Value"), ([_cell(text) for text in row] for row in issues)))
    if view.extra:
        columns = ("Name", "Value") if show_personal else ("Name",)
        unknown = (
            [_cell(name), _cell(as_text(value))] if show_personal else [_cell(shown_name(name))]
            for name, value in view.extra.items()
        )
        parts.append(_table("Unknown fields, in extra", columns, unknown))
    return parts


def _issue_value(issue: Issue, *, show_personal: bool) -> str:
    if show_personal or not issue.value:
        return issue.value
    return _public(issue.value) if issue.code is IssueCode.UNKNOWN_VALUE else _MASKED


def _colored(text: str, outcome: Outcome | None) -> Text:
    """Return a line in which the outcome has its color."""
    colored = Text(text)
    if outcome is not None:
        colored.highlight_regex(rf"(?<![\w-]){outcome.value}(?![\w-])", _OUTCOME_STYLES[outcome])
    return colored


class _FittedTable:
    """A table that fits its terminal, or a list of its cells if the terminal would break them."""

    def __init__(self, columns: Sequence[str], rows: Iterable[Iterable[RenderableType]], unbroken: int) -> None:
        self._columns = columns
        self._rows = [[cell if isinstance(cell, Text) else Text(str(cell)) for cell in row] for row in rows]
        self._unbroken = unbroken

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Yield the table or the list. `rich` calls this method."""
        widths = self._widths(options.max_width - 3 * len(self._columns) - 1)
        yield from self._as_list() if widths is None else [self._as_table(widths)]

    def _widths(self, available: int) -> list[int] | None:
        """Return the widths of the columns without their borders, or None if a cell would be cut."""
        texts = [[name, *(row[index].plain for row in self._rows)] for index, name in enumerate(self._columns)]
        widths = [min(max(map(_line_length, column)), available) for column in texts]
        minima = [min(max(map(_word_length, column)), self._unbroken) for column in texts]
        if sum(minima) > available:
            return None
        while sum(widths) > available:
            shrinkable = [index for index, width in enumerate(widths) if width > minima[index]]
            widths[max(shrinkable, key=widths.__getitem__)] -= 1
        return widths

    def _as_table(self, widths: Sequence[int]) -> Table:
        table = Table()
        for name, width in zip(self._columns, widths, strict=True):
            table.add_column(name, overflow="fold", width=width)
        for row in self._rows:
            table.add_row(*row)
        return table

    def _as_list(self) -> Iterator[RenderableType]:
        """Yield the cells with their names. A row of more than two columns has a line for each."""
        for row in self._rows:
            if len(row) == 2:
                yield Text.assemble((row[0].plain, "bold"), ": ", row[1])
                continue
            for index, (name, cell) in enumerate(zip(self._columns, row, strict=True)):
                if cell:
                    yield Padding(Text.assemble((name, "bold"), ": ", cell), (0, 0, 0, 2 if index else 0), expand=False)


def _line_length(text: str) -> int:
    return max(map(cell_len, text.split("\n")))


def _word_length(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)


def _table(
    title: str | Text,
    columns: Sequence[str],
    rows: Iterable[Iterable[RenderableType]],
    unbroken: int = _UNBROKEN_LENGTH,
) -> RenderableType:
    """Lay out a table, or a list on a narrow terminal. Only a part of more than `unbroken` characters is broken."""
    heading = title if isinstance(title, Text) else Text(title)
    heading.style = "bold"
    return Group(heading, _FittedTable(columns, rows, unbroken))


def _field_cells(value: attrs.AttrsInstance, *, show_personal: bool) -> Iterable[tuple[str, Text]]:
    """Yield the wire name and the value of each field, masked as in the repr unless `show_personal` is true."""
    masks: Mapping[str, Callable[[Any], object]] = {
        field.name: field.repr for field in attrs.fields(type(value)) if callable(field.repr)
    }
    for field in wire_fields(type(value)):
        shown: object = getattr(value, field.attribute)
        if shown is not None and field.attribute in masks and not show_personal:
            shown = str(masks[field.attribute](shown)).strip("'\"")
        yield field.names[0], _cell(shown)


def _cell(value: object) -> Text:
    if value is None:
        return _ABSENT
    if value is LegStatus.NOT_ATTEMPTED:
        return Text("not attempted")
    if isinstance(value, datetime):
        return Text(value.isoformat(sep=" "))
    return Text(printable(str(value)))


def _legs_table(legs: Sequence[Leg | PassthruLeg], *, show_personal: bool) -> RenderableType:
    cls: type[attrs.AttrsInstance] = type(legs[0])
    columns = ["Leg", *(field.names[0] for field in wire_fields(cls))]
    if len(legs) > 1:
        columns.append("Time")  # The column of bars, which compare the legs.
    longest = max(leg.on_call_duration or 0 for leg in legs) or 1
    rows: list[list[RenderableType]] = []
    for index, leg in enumerate(legs):
        row: list[RenderableType] = [str(index), *(text for _, text in _field_cells(leg, show_personal=show_personal))]
        rows.append([*row, _bar(leg.on_call_duration or 0, longest)][: len(columns)])
    return _table("Legs, in the order in which they were called", columns, rows)


def _bar(seconds: int, longest: int) -> Text:
    # Every leg with a duration gets at least one character, also if it was short.
    width = max(round(_BAR_WIDTH * seconds / longest), 1 if seconds else 0)
    return Text("=" * width)
