"""Share code between all adapters: check the secret, reject a body that is too large, and parse the body.

Facts
-----
- Exotel sends your own query parameters back with a callback. So the secret is read only from the query. Of a POST
  request, only the body is parsed, and of a GET request, such as Passthru's, the query without the secret.
- Earlier code (CSRF middleware, logging) may have read the body or the form. Then the framework has stored it, or it is
  lost.
- A request has a body if it has a ``Content-Length`` or a ``Transfer-Encoding`` (RFC 9112, section 6).
- A body without a ``Content-Length`` is too large only after a part of it was read. No later code can read all of it,
  so each adapter makes later reads of that request fail.
- Under WSGI and in aiohttp, a body that breaks off or has invalid chunks raises an exception of the server's choice. So
  these adapters catch every exception. ASGI has a message for this case, but the stream of an ASGI framework raises an
  exception of the framework's choice.
"""

from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from datetime import tzinfo
from io import RawIOBase
from typing import Any, Final, Generic, Protocol, TypedDict, TypeVar, cast
from urllib.parse import parse_qs

import attrs

from exotel_callback._errors import AuthenticationError, DecodeError
from exotel_callback._options import DEFAULT_LIMITS, IST, Limits, ReadOptions, read_options
from exotel_callback._wire.payload import Payload, RawPayload
from exotel_callback.auth import Secrets, as_secrets, check_secret

Event = TypeVar("Event")
Event_co = TypeVar("Event_co", covariant=True)

# A query string, or the values of each parameter if other code has unescaped them.
Query = str | bytes | Mapping[str, Sequence[str]]

# The methods of requests whose query is parsed.
READS_QUERY: Final = ("GET", "HEAD")

# A private sentinel and not Ellipsis, because a user may paste ``parse_request(secret=...)`` from the documentation.
_NOT_GIVEN: Any = object()

_TO_CHECK_NOTHING: Final = " To check nothing, omit `secret`."
LOST: Final = "the body is incomplete or malformed, or other code has already read it"
UNREADABLE: Final = "could not read the whole body"


def query_values(query: Query, name: str) -> Sequence[str]:
    """Return the values of one query parameter. An empty query, or one that isn't UTF-8, is not an error."""
    if isinstance(query, Mapping):
        return query.get(name, ())
    text = query.decode(errors="surrogateescape") if isinstance(query, bytes) else query
    return parse_qs(text, keep_blank_values=True, errors="surrogateescape").get(name, [])


def without_parameter(query: Any, name: str) -> Any:
    """Return a query string, or its bytes, without one parameter. The others stay as they are."""
    separator: Any = "&" if isinstance(query, str) else b"&"
    return separator.join(part for part in query.split(separator) if not query_values(part, name))


def length_of(header: str | None) -> int | None:
    """Read a ``Content-Length``. Return None without one.

    Only the first 19 digits are read, because Python refuses to read an integer of thousands of digits.
    """
    return int(header.lstrip("0")[:19] or "0") if header and header.isascii() and header.isdecimal() else None


def min_length_of(length: int | None, transfer_encoding: str | None) -> int:
    """Return the minimum size of a body: its ``Content-Length``, or 1 byte if it is chunked."""
    return length or int(transfer_encoding is not None)


def too_large(max_bytes: int | None = None) -> DecodeError:
    """Return the error for a body of more than `max_bytes`, or over the framework's own limit if that is None."""
    limit = "the framework's own limit" if max_bytes is None else f"{max_bytes} bytes"
    return DecodeError(f"the body is larger than {limit}", status_hint=413)


def read_at_most(read: Callable[[int], bytes], max_bytes: int) -> bytes:
    """Read a stream to its end, or up to `max_bytes`. One call of `read` may return fewer bytes than requested."""
    body = bytearray()  # Each addition to `bytes` would copy all that was read before.
    while chunk := read(max_bytes - len(body)):
        body += chunk
    return bytes(body)


async def join_at_most(parts: AsyncIterable[bytes], max_bytes: int) -> bytes:
    """Read an asynchronous stream to its end, or until there are more than `max_bytes`."""
    body = bytearray()
    async for part in parts:
        body += part
        if len(body) > max_bytes:
            break
    return bytes(body)


class UnreadableStream(RawIOBase):
    """A stream that replaces a body of which a part is lost. Otherwise later code would take the rest for the body."""

    def __init__(self, error: Callable[[], Exception]) -> None:
        """Store how to make the exception that every read raises."""
        self._error = error

    def readinto(self, _: object) -> int:
        """Raise the given exception."""
        raise self._error()


class Reader(Protocol[Event_co]):
    """A function that parses a payload: `parse`, which is the default, `parse_passthru`, `parse_popup` or `parse_any`.

    An adapter passes it the query of a GET request, and the body of any other request.
    """

    def __call__(
        self,
        payload: Payload,
        content_type: str | None = None,
        *,
        strict: bool = False,
        timezone: tzinfo = IST,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Event_co:
        """Return the event in a payload."""
        ...


Reader.__module__ = "exotel_callback.adapters"


class Options(TypedDict, total=False):
    """The keyword arguments of every adapter.

    An adapter raises `ValueError` if ``secret`` is passed but None or empty, or if ``secret_parameter`` is empty. It
    raises `TypeError` if an option has the wrong type.
    """

    secret: Secrets | None
    """The secret in the callback URL, or a list of which every entry is accepted (for rotation).

    If you omit it, nothing is checked. None and an empty string are errors, because an unset environment variable is
    one of these.
    """
    secret_parameter: str
    """The query parameter that holds the secret. The default is ``secret``."""
    strict: bool
    """As for `exotel_callback.parse`."""
    timezone: tzinfo
    """As for `exotel_callback.parse`."""
    limits: Limits
    """As for `exotel_callback.parse`."""


Options.__module__ = "exotel_callback.adapters"


class Settings(Generic[Event]):
    """The validated options of one adapter."""

    def __init__(
        self,
        reader: Reader[Event],
        *,
        secret: Secrets | None = _NOT_GIVEN,
        secret_parameter: str = "secret",  # noqa: S107 - the name of a query parameter
        strict: bool = False,
        timezone: tzinfo = IST,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        if not isinstance(cast("object", secret_parameter), str):
            raise TypeError(f"secret_parameter must be a string, not {type(secret_parameter).__name__}")
        if not secret_parameter:
            raise ValueError("secret_parameter must not be empty")
        if not callable(cast("object", reader)):
            raise TypeError(f"reader must be a function such as parse_any, not {type(reader).__name__}")
        self.reader = reader
        self.secret: list[bytes] | None = (
            None if secret is _NOT_GIVEN else as_secrets(secret, "secret", _TO_CHECK_NOTHING)
        )
        self.secret_parameter = secret_parameter
        self.options: ReadOptions = read_options(strict, timezone, limits)

    def admit(self, query: Query, length: int | None) -> None:
        """Check the secret and the declared size before the body is read. A repeated secret is wrong.

        :param length: The ``Content-Length``, or None.
        :raises AuthenticationError: The secret is wrong or missing.
        :raises DecodeError: The body is too large.
        """
        if self.secret is not None:
            received = query_values(query, self.secret_parameter)
            if len(received) != 1 or not check_secret(received[0], self.secret):
                raise AuthenticationError("the secret is wrong or missing")
        if length is not None and length > self.options.limits.body_bytes:
            raise too_large(self.options.limits.body_bytes)

    def parse_query(self, query: Query) -> Event:
        """Parse the query of a GET request, without the secret."""
        if isinstance(query, Mapping):
            return self.parse([(name, value) for name, values in query.items() for value in values], None)
        return self.parse(query if self.secret is None else without_parameter(query, self.secret_parameter), None)

    def parse_body(self, body: bytes, content_type: str | None, min_length: int) -> Event:
        """Parse a body.

        :param min_length: The minimum size of the body. Of a shorter body, a part was read before or never arrived.
        """
        if len(body) < min_length:
            raise DecodeError(LOST)
        return self.parse(body, content_type)

    def parse(self, payload: Payload, content_type: str | None) -> Event:
        """Parse a query or body, or the fields that earlier code decoded. The secret never reaches the event."""
        strict, timezone, limits = self.options
        event = self.reader(payload, content_type, strict=strict, timezone=timezone, limits=limits)
        raw: Mapping[str, object] = getattr(event, "raw", {})
        if self.secret is None or self.secret_parameter not in raw:
            return event
        fields = RawPayload({name: value for name, value in raw.items() if name != self.secret_parameter})
        return cast("Event", attrs.evolve(cast("Any", event), raw=fields))

    def parse_form(self, pairs: Iterable[tuple[str, object]], min_length: int) -> Event:
        """Parse the form that a framework stored, after its body was read. If the body was broken, the form is empty.

        :param pairs: The form's names and values. Uploads are ignored. Some frameworks return strings as bytes.
        """
        fields = [
            (name, bytes(value).decode(errors="surrogateescape") if isinstance(value, bytes | bytearray) else value)
            for name, value in pairs
            if not hasattr(value, "filename")
        ]
        if not fields and min_length:
            raise DecodeError(LOST)
        return self.parse(fields, None)
