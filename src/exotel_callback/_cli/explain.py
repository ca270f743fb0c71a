"""Define ``exotel-callback explain``."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import click
from rich.console import Console

from .._errors import CallbackError, IssueCode
from .._parse.any_event import parse_any
from .._parse.call_details import LIST_LIMITS, XML, CallList, parse_call_details, parse_call_list
from .._parse.diagnose import decode_for, identify
from .._wire.decode import guess_content_type
from .envelope import CAPTURED_FILE, bodies_in, open_input
from .help import epilog
from .view import Event, Located, exit_with, explain_call, explain_calls

# The functions that `OtherEvent.reader` names for an answer of the API. `parse_any` reads every other body.
_BODY_READERS: Final[Mapping[str | None, Callable[[bytes | str, str | None], Event | CallList]]] = {
    "parse_call_details": parse_call_details,
    "parse_call_list": parse_call_list,
}


@click.command(
    "explain",
    epilog=epilog(
        "exotel-callback explain body.json", "exotel-callback sample second-party-busy | exotel-callback explain"
    ),
)
@click.argument("files", nargs=-1, type=CAPTURED_FILE)
@click.option("--content-type", help="The request's Content-Type header; by default guessed from the body.")
@click.option(
    "--show-personal",
    is_flag=True,
    help="Show numbers, URLs, the custom field, and the values of issues and unknown fields.",
)
def command(files: tuple[str, ...], content_type: str | None, *, show_personal: bool) -> None:
    """Explain captured bodies. Each FILE is a body without headers. Without a FILE, read standard input.

    A body may be a StatusCallback, the query string of a Passthru request or a popup, or an answer from the Call
    Details API. For multiple bodies of one call, the command shows a timeline and the merged call. A file may have
    multiple bodies, one after the other, unless you pass --content-type.
    """
    calls: dict[str, list[Located]] = {}
    problems: list[str] = []
    for name in files or ("-",):
        with open_input(name) as file:
            body = file.read(LIST_LIMITS.body_bytes + 1)
        bodies = [body] if content_type else bodies_in(body)
        for number, each in enumerate(bodies, 1):
            location = name if len(bodies) == 1 else f"{name} ({number} of {len(bodies)})"
            try:
                events, errors = events_in(each, content_type or guess_content_type(each))
            except CallbackError as error:
                events, errors = [], [_describe(error)]
            for event in events:
                calls.setdefault(event.call_sid, []).append(Located(location, event))
            problems.extend(f"{location}: {error}" for error in errors)
    if calls or not problems:  # A list of calls can be empty.
        only = next(iter(calls.values())) if len(calls) == 1 else None
        shown = explain_call(only, show_personal=show_personal) if only else explain_calls(calls.values())
        Console(highlight=False).print(shown)
    exit_with(problems)


def events_in(body: bytes | str, content_type: str | None) -> tuple[Sequence[Event], Sequence[str]]:
    """Read a body with the function for its kind of event. Return its events, and the messages of invalid events."""
    raw = decode_for("parse", body, content_type, LIST_LIMITS, if_xml=XML)
    # Account-level webhooks send names of other events together with these two.
    other = None if {"CallSid", "Status"} <= raw.keys() else identify(raw)
    result = _BODY_READERS.get(other and other.reader, parse_any)(body, content_type)
    if isinstance(result, CallList):
        return result.calls, [issue.message for issue in result.errors]
    return [result], []


def _describe(error: CallbackError) -> str:
    """Return the message for a body that can't be read."""
    missing = [issue.path for issue in error.issues if issue.code is IssueCode.MISSING]
    if len(missing) > 1 and not error.advice:
        return f"this doesn't look like a StatusCallback: it has no {' and no '.join(missing)}"
    return f"{type(error).__name__}: {error}"
