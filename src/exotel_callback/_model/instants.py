"""Convert dates to instants: microseconds since 1970 in UTC, as Arrow stores them.

Facts
-----
- `datetime.astimezone` fails on the first and the last day that a `datetime` can hold. A difference of dates doesn't.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_MICROSECOND: Final = timedelta(microseconds=1)
_TIMES: Final = frozenset({str, int, float, datetime})
_MAX_CHARACTERS: Final = 64


def instant(date: datetime) -> int:
    """Return the instant of an aware date."""
    return (date - UNIX_EPOCH) // _MICROSECOND


def received_instant(value: Any) -> int | None:
    """Return the instant at which a request was received, or None if the value isn't a time.

    :param value: A date or a string in ISO 8601, in UTC if it has no offset, or a number of seconds since 1970.
    """
    if type(value) not in _TIMES or (isinstance(value, str) and len(value) > _MAX_CHARACTERS):
        return None  # The cache would keep a long string.
    return _instant_of(value)


@lru_cache(maxsize=1_024, typed=True)  # Many requests come in one second.
def _instant_of(value: Any) -> int | None:
    with suppress(ValueError, OverflowError):
        if isinstance(value, int | float):
            return instant(UNIX_EPOCH + timedelta(seconds=value))
        date = datetime.fromisoformat(value) if isinstance(value, str) else value
        return instant(date if date.tzinfo else date.replace(tzinfo=UTC))
    return None
