"""What all adapters do: check the secret, refuse what is too large, and parse the body.

Facts
-----
- The receiver's own query parameters come back with a callback. So the secret is taken from the query alone, and only
  the body is parsed.
- Something earlier (CSRF middleware, logging) may have read the body or the form. Then the framework has kept it, or it
  is lost.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo
from typing import Any, Final, TypedDict

import attrs

from exotel_callback._errors import AuthenticationError, DecodeError
from exotel_callback._model import StatusCallback
from exotel_callback._options import DEFAULT_LIMITS, IST, Limits, check_options
from exotel_callback._parse import parse
from exotel_callback.auth import Secrets, as_secrets, check_secret

# Not Ellipsis, which somebody may take over from a line such as ``parse_request(secret=...)``.
_NOT_GIVEN: Any = object()
_LOST: Final = "the body was read before and not kept, or it is incomplete, or its form is broken"


def length_of(header: str | None) -> int | None:
    """Read a ``Content-Length``; None without one. Python refuses to read a number of thousands of digits."""
    return int(header[:19]) if header and header.isascii() and header.isdecimal() else None


def read_at_most(read: Callable[[int], bytes], most: int) -> bytes:
    """Read a stream to its end, or to a number of bytes; one call may give less than it is asked for."""
    body = b""
    while chunk := read(most - len(body)):
        body += chunk
    return body


class Options(TypedDict, total=False):
    """What every adapter takes, by keyword."""

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


def _secrets(secret: Secrets | None) -> list[bytes] | None:
    return None if secret is _NOT_GIVEN else as_secrets(secret)


@attrs.frozen(kw_only=True)
class Settings:
    """The options of one adapter, checked at once."""

    secret: list[bytes] | None = attrs.field(default=_NOT_GIVEN, converter=_secrets, repr=False)
    secret_parameter: str = "secret"  # noqa: S105 - a name
    strict: bool = False
    timezone: tzinfo = IST
    limits: Limits = DEFAULT_LIMITS

    def __attrs_post_init__(self) -> None:
        """Raise for a misused option, whatever the request."""
        check_options(None, self.timezone, self.limits)

    def admit(self, received: Sequence[str], length: int | None) -> None:
        """Raise before anything is read: for a wrong secret, and for a body that is too large by its header.

        :param received: The values of the secret's parameter in the query; one that is repeated is wrong.
        """
        if self.secret is not None and not (len(received) == 1 and check_secret(received[0], self.secret)):
            message = "the secret is wrong or missing"
            raise AuthenticationError(message)
        if length is not None and length > self.limits.body_bytes:
            raise self.too_large()

    def too_large(self) -> DecodeError:
        """Return the error for a body beyond the limit."""
        return DecodeError(f"the body is larger than {self.limits.body_bytes} bytes", status_hint=413)

    def parse_body(self, body: bytes, content_type: str | None, length: int | None) -> StatusCallback:
        """Parse a body; one that is shorter than its header says was read before, or never came."""
        if len(body) < (length or 0):
            raise DecodeError(_LOST)
        return self.parse(body, content_type)

    def parse(self, body: object, content_type: str | None) -> StatusCallback:
        """Parse the body, or the fields that something earlier made of it."""
        return parse(body, content_type, strict=self.strict, timezone=self.timezone, limits=self.limits)

    def parse_form(self, pairs: Iterable[tuple[str, object]], length: int | None) -> StatusCallback:
        """Parse what a framework kept of a body that can't be read any more; nothing is left of a broken one.

        :param pairs: The form's names and values. Uploads are no fields; some frameworks leave texts as bytes.
        """
        fields = [
            (name, bytes(value).decode(errors="surrogateescape") if isinstance(value, bytes | bytearray) else value)
            for name, value in pairs
            if not hasattr(value, "filename")
        ]
        if not fields and length:
            raise DecodeError(_LOST)
        return self.parse(fields, None)
