"""Read the requests of an archive, to send them again."""

from collections.abc import Collection, Iterable, Iterator
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

from .._errors import CallbackError, DecodeError
from .._model.instants import received_instant
from .._parse.any_event import parse_any
from .._wire.decode import guess_content_type
from ..testing import Delivery
from .envelope import Envelope, envelopes_in, open_input

_METHODS: Final = frozenset({"GET", "POST"})
# A pause between two requests counts as no more, so that a gap in an archive doesn't stop the command for weeks.
_LONGEST_PAUSE: Final = 86_400.0


class Selection(NamedTuple):
    """The requests of an archive to send. An empty collection selects all."""

    call: str | None = None
    events: Collection[str] = ()
    as_received: bool = False
    """Whether the delays are those between the times in the envelopes."""


def read_archive(source: str, selection: Selection, query: str) -> tuple[list[Delivery], list[str]]:
    """Return the selected requests of an archive, and a sentence for each line or selection that can't be used.

    :param query: The query of the URL to send to. Its parameters replace those of the same name in the archive.
    """
    found: list[tuple[Delivery, int | None]] = []
    problems: list[str] = []
    missing = set(selection.events)
    own = {_name_of(parameter) for parameter in query.split("&") if parameter}
    with open_input(source) as file:
        for number, envelope in envelopes_in(file):
            try:
                delivery, received = _delivery_of(envelope, own)
            except ValueError as error:
                problems.append(f"{source}, line {number}: {error}")
                continue
            call, event = _ids_of(delivery) if selection.call or selection.events else (None, None)
            if selection.call in {None, call} and (not selection.events or event in selection.events):
                missing.discard(str(event))
                found.append((delivery, received))
    problems.extend(f"{source}: no selected request has the event key {key}" for key in sorted(missing))
    if not found and not problems:
        problems.append(f"{source}: no request" + (f" of the call {selection.call}" if selection.call else ""))
    return list(_with_delays(found)) if selection.as_received else [delivery for delivery, _ in found], problems


def _delivery_of(envelope: Envelope | DecodeError, own: Collection[str]) -> tuple[Delivery, int | None]:
    """Return the request in an envelope, and when it was received.

    :raises ValueError: The line isn't an envelope, or its request can't be sent.
    """
    if isinstance(envelope, DecodeError):
        raise envelope
    method = envelope.method if isinstance(envelope.method, str) else "POST"
    if method not in _METHODS:
        raise ValueError("only GET and POST requests can be sent")
    captured = envelope.path.partition("?")[2] if isinstance(envelope.path, str) else ""
    body = envelope.body if isinstance(envelope.body, bytes) else envelope.body.encode("utf-8", "surrogatepass")
    content_type = (envelope.content_type or guess_content_type(body) or "").strip()
    # The body of a GET request without a body is its query.
    if method == "GET" and body == captured.encode("utf-8", "surrogatepass"):
        body, content_type = b"", ""
    if not (content_type.isprintable() and content_type.isascii()):
        raise ValueError("the content type has a character that a header can't have")
    query = "&".join(parameter for parameter in captured.split("&") if _name_of(parameter) not in own)
    return Delivery(content_type, body, 0.0, method, query), received_instant(envelope.received_at)


def _name_of(parameter: str) -> str:
    return unquote_plus(parameter.partition("=")[0])


def _ids_of(delivery: Delivery) -> tuple[str | None, str | None]:
    """Return the CallSid and the event key of a request, or None for both if it can't be parsed."""
    try:
        event = parse_any(delivery.body or delivery.query, delivery.content_type or None)
    except CallbackError:
        return None, None
    return event.call_sid, event.event_key


def _with_delays(found: Iterable[tuple[Delivery, int | None]]) -> Iterator[Delivery]:
    """Give each request the delay since the latest one before it. Without a time, it follows at once."""
    latest: int | None = None
    for delivery, received in found:
        pause = 0.0 if received is None or latest is None else min(max(received - latest, 0) / 1e6, _LONGEST_PAUSE)
        latest = received if latest is None else max(latest, received or latest)
        yield delivery._replace(delay=pause)
