"""Where a recording may be fetched from. A forged ``RecordingUrl`` would be sent your API key.

Facts
-----
- Since October 2024 the download needs the account's API key and token (Basic authentication). So whoever gets a URL of
  his own into your handler gets the key.
  Source: https://github.com/frappe/exotel_integration/issues/3, https://github.com/juspay/clairvoyance/pull/989.
- The recordings are under the prefixes below. An S3 host is shared with everybody, so the host alone proves nothing.
  Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback.
- Presigned URLs have a query.

What is trusted is narrow: nothing that two programs could read differently.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

__all__ = ["EXOTEL_PREFIXES", "is_trusted"]

EXOTEL_PREFIXES: Final = (
    "https://recordings.exotel.com/exotelrecordings/",
    "https://s3-ap-southeast-1.amazonaws.com/exotelrecordings/",
)
"""Where Exotel keeps recordings, as seen in its documentation and in public code."""

# Of what RFC 3986 allows in a path and a query; no user part, no other port, no fragment, no IPv6.
_CHARS: Final = r"!$&'()*+,\-./0-9:;=@A-Z_a-z~%"
_URL: Final = re.compile(rf"https://([a-z0-9.-]+)(?::443)?(/[{_CHARS}]*)(?:\?[?{_CHARS}]*)?", re.IGNORECASE | re.ASCII)
_BROKEN_ESCAPE: Final = re.compile("%(?![0-9A-Fa-f]{2})")
_ODD: Final = re.compile(r"[\x00-\x1f\x7f\\%?#]|[^\x00-\x7f]")


def is_trusted(url: str | None, trusted: str | Iterable[str] = EXOTEL_PREFIXES) -> bool:
    """Tell whether a URL is under one of the prefixes that you would send your API key to.

    The scheme is https; there is no user part, no port but 443 and no fragment; host and path are those of a prefix;
    there are no tricks (backslashes, control characters, dot segments even encoded, a host that is not ASCII). A query
    is allowed. Do not follow redirects with credentials: where they lead was not checked.

    :param url: Such as ``callback.recording_url``. None, or what is no text, is not trusted.
    :param trusted: URL prefixes, each with a path that ends in ``/``.
    :raises ValueError: `trusted` is empty, or one of it is no such prefix.
    """
    prefixes = [_prefix(prefix) for prefix in ([trusted] if isinstance(trusted, str) else trusted)]
    if not prefixes:
        raise ValueError("trusted must not be empty")
    place = _place(url)
    return place is not None and any(place[0] == host and place[1].startswith(path) for host, path in prefixes)


def _prefix(prefix: object) -> tuple[str, str]:
    place = _place(prefix)
    if place is None or not place[1].endswith("/") or "?" in str(prefix):
        raise ValueError("a trusted prefix must have the form https://host/path/ and end in a slash")
    return place


def _place(url: object) -> tuple[str, str] | None:
    """Return host and path of a plain https URL; None for any other."""
    match = _URL.fullmatch(url) if isinstance(url, str) else None
    if match is None or _BROKEN_ESCAPE.search(match[0]):
        return None
    host, path = match[1].lower(), match[2]
    decoded = unquote(path)
    # To some servers ``..;`` and a ``..`` with blanks are ``..``.
    segments = {segment.partition(";")[0].strip() for segment in decoded.split("/")}
    # An escaped slash or percent sign is a slash or an escape to the next program.
    if _ODD.search(decoded) or decoded.count("/") != path.count("/") or {".", ".."} & segments:
        return None
    return host, path
