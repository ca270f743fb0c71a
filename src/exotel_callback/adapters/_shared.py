"""What all adapters do: check the secret, refuse what is too large, and parse the body.

Facts
-----
- The receiver's own query parameters come back with a callback. So the secret is taken from the query alone, and only
  the body is parsed.
- Something earlier (CSRF middleware, logging) may have read the body or the form. Then the framework has kept it, or it
  is lost.
- A request has a body if it has a ``Content-Length`` or a ``Transfer-Encoding`` (RFC 9112, section 6).
- Under WSGI and in aiohttp, reading a body that breaks off or is no chunks raises whatever the server likes, so these
  adapters catch any exception. ASGI has a message for it.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo
from typing import Any, Final, TypedDict, cast
from urllib.parse import parse_qs

from exotel_callback._errors import AuthenticationError, DecodeError
from exotel_callback._model.callback import StatusCallback
from exotel_callback._options import DEFAULT_LIMITS, IST, Limits, read_options
from exotel_callback._parse import parse
from exotel_callback.auth import Secrets, as_secrets, check_secret

# Not Ellipsis, which somebody may take over from a line such as ``parse_request(secret=...)``.
_NOT_GIVEN: Any = object()

_TO_CHECK_NOTHING: Final = " To check nothing, omit `secret`."
LOST: Final = "the body is incomplete or malformed, or other code has already read it"
UNREADABLE: Final = "could not read the whole body"


def query_values(query: str | bytes, name: str) -> list[str]:
    """Return the values of one parameter; a query that is no UTF-8, or none at all, is not an error."""
    text = query.decode(errors="surrogateescape") if isinstance(query, bytes) else query
    return parse_qs(text, keep_blank_values=True, errors="surrogateescape").get(name, [])


def length_of(header: str | None) -> int | None:
    """Read a ``Content-Length``; None without one. Python refuses to read a number of thousands of digits."""
    return int(header.lstrip("0")[:19] or "0") if header and header.isascii() and header.isdecimal() else None


def least_of(length: int | None, transfer_encoding: str | None) -> int:
    """Return the bytes that a body must have; nobody sends an empty one in chunks."""
    return length or int(transfer_encoding is not None)


def too_large(most: int | None = None) -> DecodeError:
    """Return the error for a body beyond a number of bytes, or beyond what the framework itself allows."""
    limit = "the framework's own limit" if most is None else f"{most} bytes"
    return DecodeError(f"the body is larger than {limit}", status_hint=413)


def read_at_most(read: Callable[[int], bytes], most: int) -> bytes:
    """Read a stream to its end, or to a number of bytes; one call may give less than it is asked for."""
    body = b""
    while chunk := read(most - len(body)):
        body += chunk
    return body


class Options(TypedDict, total=False):
    """The keyword arguments of every adapter."""

    secret: Secrets | None
    """The secret of the callback URL, or several (rotation). Left out, there is no check; given but empty, as from an
    environment variable that is not set, it is a `ValueError`."""
    secret_parameter: str
    """The query parameter that carries it: ``secret`` if you do not say otherwise."""
    strict: bool
    """As for `exotel_callback.parse`."""
    timezone: tzinfo
    """As for `exotel_callback.parse`."""
    limits: Limits
    """As for `exotel_callback.parse`."""


Options.__module__ = "exotel_callback.adapters"


class Settings:
    """The options of one adapter, validated when they are made."""

    def __init__(
        self,
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
        self.secret = None if secret is _NOT_GIVEN else as_secrets(secret, "secret", _TO_CHECK_NOTHING)
        self.secret_parameter = secret_parameter
        self.options = read_options(strict, timezone, limits)

    def admit(self, received: Sequence[str], length: int | None) -> None:
        """Raise before anything is read: for a wrong secret, and for a body that is too large by its header.

        :param received: The values of the secret's parameter in the query; one that is repeated is wrong.
        """
        if self.secret is not None and not (len(received) == 1 and check_secret(received[0], self.secret)):
            raise AuthenticationError("the secret is wrong or missing")
        if length is not None and length > self.options.limits.body_bytes:
            raise too_large(self.options.limits.body_bytes)

    def parse_body(self, body: bytes, content_type: str | None, least: int) -> StatusCallback:
        """Parse a body.

        :param least: The bytes that there must have been. A shorter body was read before, or never came.
        """
        if len(body) < least:
            raise DecodeError(LOST)
        return self.parse(body, content_type)

    def parse(self, body: object, content_type: str | None) -> StatusCallback:
        """Parse the body, or the fields that something earlier made of it."""
        strict, timezone, limits = self.options
        return parse(body, content_type, strict=strict, timezone=timezone, limits=limits)

    def parse_form(self, pairs: Iterable[tuple[str, object]], least: int) -> StatusCallback:
        """Parse what a framework kept of a body that can't be read any more; nothing is left of a broken one.

        :param pairs: The form's names and values. Uploads are no fields; some frameworks leave texts as bytes.
        """
        fields = [
            (name, bytes(value).decode(errors="surrogateescape") if isinstance(value, bytes | bytearray) else value)
            for name, value in pairs
            if not hasattr(value, "filename")
        ]
        if not fields and least:
            raise DecodeError(LOST)
        return self.parse(fields, None)
