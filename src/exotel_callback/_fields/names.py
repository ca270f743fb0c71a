"""Choose among the wire names of a field, and parse the bracket keys of legs.

Facts
-----
- One field may have two names (``From`` and ``CallFrom``), because Exotel's pages disagree on which is sent.
- Forms contain legs as PHP writes them, ``Legs[0][Status]``, and sometimes still percent-encoded,
  ``Legs%5B0%5D%5BStatus%5D``. The Call Details API wraps a leg: ``Legs[0][Leg][OnCallDuration]``.
- Related webhooks contain deeper keys (``Legs[1][Insights][Status]``).
"""

import re
from typing import Final, NamedTuple

from .._wire.payload import RawPayload
from .kinds import is_empty

LEGS: Final = "Legs"
LEG_ID: Final = "Id"
STREAM: Final = "Stream"
CALL_DETAILS_ID: Final = "Sid"

_LEG_PREFIXES: Final = ("Legs[", "Legs%5B", "Legs%5b")
_STREAM_PREFIXES: Final = ("Stream[", "Stream%5B", "Stream%5b")
_STREAM_KEY: Final = re.compile(r"Stream\[([^\[\]]+)\]")
_LEG_KEY: Final = re.compile(r"Legs\[(0|[1-9][0-9]{0,8})\](\[Leg\])?(?:\[([^\[\]]+)\](\[.+)?)?", re.DOTALL)
_PERCENT_BRACKET: Final = re.compile("%5([BD])", re.IGNORECASE)


class LegKey(NamedTuple):
    """The parts of a bracket key, such as ``Legs[0][Status]``."""

    position: int
    wrapped: bool
    field: str | None
    """The name of the leg's field. None if the key's value is the whole leg."""
    is_deeper: bool
    """Whether more brackets follow. Such a key isn't a known field, but its leg exists."""


def leg_key(name: str) -> LegKey | None:
    """Parse a bracket key. Return None if the name isn't one."""
    if not name.startswith(_LEG_PREFIXES):
        return None
    plain = _PERCENT_BRACKET.sub(lambda match: "[" if match[1] in "Bb" else "]", name)
    match = _LEG_KEY.fullmatch(plain)
    if match is None:
        return None
    position, wrapped, field, deeper = match.groups()
    return LegKey(int(position), wrapped is not None, field, deeper is not None)


def stream_key(name: str) -> str | None:
    """Return the field of a stream that a bracket key names, such as ``Stream[Status]``, or None."""
    if not name.startswith(_STREAM_PREFIXES):
        return None
    match = _STREAM_KEY.fullmatch(_PERCENT_BRACKET.sub(lambda match: "[" if match[1] in "Bb" else "]", name))
    return match and match[1]


def count_names(raw: RawPayload) -> int:
    """Count the top-level names. ``Legs`` and all bracket keys of legs count as one name."""
    return len({LEGS if name.startswith(_LEG_PREFIXES) else name for name in raw})


def chosen_name(raw: RawPayload, names: tuple[str, ...]) -> str:
    """Return the first of a field's names that has a value, else the first that is present, else the primary name."""
    present = [name for name in names if name in raw] or names
    if len(present) == 1:
        return present[0]
    return next((name for name in present if not is_empty(raw.get(name))), present[0])
