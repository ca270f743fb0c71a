"""Check that a recording's URL is at Exotel before you send your API key to it. An attacker can forge ``RecordingUrl``.

Facts
-----
- Since October 2024 the download needs the account's API key and token (Basic authentication). So an attacker whose URL
  reaches your handler gets the key.
  Source: https://github.com/frappe/exotel_integration/issues/3, https://github.com/juspay/clairvoyance/pull/989.
- The recordings are under the prefixes below. Every AWS customer shares the S3 host, so the host alone proves nothing.
  Source: https://developer.exotel.com/docs/voice-v1/api-reference/status-callback and, for the cluster in Mumbai,
  https://developer.exotel.com/docs/voice-v3/api-reference/call-details.
- Presigned URLs have a query.

The check is strict: it rejects every URL that two programs could read differently.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

__all__ = ["EXOTEL_PREFIXES", "is_trusted"]

EXOTEL_PREFIXES: Final = (
    "https://recordings.exotel.com/exotelrecordings/",
    "https://s3-ap-southeast-1.amazonaws.com/exotelrecordings/",
    "https://s3-ap-south-1.amazonaws.com/exotel-mum1-recordings/",
)
"""The URL prefixes of Exotel's recordings, of its clusters in Singapore and Mumbai, as seen in its documentation."""

# The characters that RFC 3986 allows in a path and a query. The pattern allows no user part, no port except 443, no
# fragment and no IPv6.
_CHARS: Final = r"!$&'()*+,\-./0-9:;=@A-Z_a-z~%"
_URL: Final = re.compile(rf"https://([a-z0-9.-]+)(?::443)?(/[{_CHARS}]*)(?:\?[?{_CHARS}]*)?", re.IGNORECASE | re.ASCII)
_BROKEN_ESCAPE: Final = re.compile("%(?![0-9A-Fa-f]{2})")
_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f\\%?#]|[^\x00-\x7f]")


def is_trusted(url: str | None, trusted: str | Iterable[str] = EXOTEL_PREFIXES) -> bool:
    """Return whether a URL is under one of the prefixes to which you would send your API key.

    The URL must have the scheme https, no user part, no port except 443, no fragment, and the host and path of a
    prefix. Backslashes, control characters, dot segments (also encoded) and a host that isn't ASCII are rejected. A
    query is allowed. Don't follow redirects with credentials, because their targets are not checked.

    :param url: A URL, such as ``callback.recording_url``. None, and any value that isn't a string, is not trusted.
    :param trusted: One or more URL prefixes, each with a path that ends in ``/``.
    :raises ValueError: `trusted` is empty, or an entry isn't such a prefix.
    """
    prefixes = [_prefix(prefix) for prefix in ([trusted] if isinstance(trusted, str) else trusted)]
    if not prefixes:
        raise ValueError("trusted must not be empty")
    location = _location(url)
    return location is not None and any(location[0] == host and location[1].startswith(path) for host, path in prefixes)


def _prefix(prefix: object) -> tuple[str, str]:
    location = _location(prefix)
    if location is None or not location[1].endswith("/") or "?" in str(prefix):
        raise ValueError("a trusted prefix must have the form https://host/path/ and end in a slash")
    return location


def _location(url: object) -> tuple[str, str] | None:
    """Return the host and the path of a plain https URL. Return None for any other URL."""
    match = _URL.fullmatch(url) if isinstance(url, str) else None
    if match is None or _BROKEN_ESCAPE.search(match[0]):
        return None
    host, path = match[1].lower(), match[2]
    decoded = unquote(path)
    # Some servers read ``..;``, and ``..`` with whitespace, as ``..``.
    segments = {segment.partition(";")[0].strip() for segment in decoded.split("/")}
    # The next program may decode an escaped slash or percent sign again.
    if _FORBIDDEN.search(decoded) or decoded.count("/") != path.count("/") or {".", ".."} & segments:
        return None
    return host, path
