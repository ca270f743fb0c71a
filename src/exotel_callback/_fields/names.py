"""Names on the wire: which of a field's names counts, and the bracket keys of legs.

Facts
-----
- One field may have two names (``From`` and ``CallFrom``): Exotel's pages disagree on which is sent.
- In forms the legs come as PHP writes them, ``Legs[0][Status]``, and sometimes still percent-encoded,
  ``Legs%5B0%5D%5BStatus%5D``. Call Details wraps a leg: ``Legs[0][Leg][OnCallDuration]``.
- Deeper keys (``Legs[1][Insights][Status]``) occur in related webhooks.
"""

import re
from typing import Final, NamedTuple

from .._wire.payload import RawPayload
from .kinds import is_empty

LEGS: Final = "Legs"
LEG_ID: Final = "Id"
CALL_DETAILS_ID: Final = "Sid"

_LEG_PREFIXES: Final = ("Legs[", "Legs%5B", "Legs%5b")
_LEG_KEY: Final = re.compile(r"Legs\[(0|[1-9][0-9]{0,8})\](\[Leg\])?(?:\[([^\[\]]+)\](\[.+)?)?", re.DOTALL)
_PERCENT_BRACKET: Final = re.compile("%5([BD])", re.IGNORECASE)


class LegKey(NamedTuple):
    """What a flat key says of one leg."""

    position: int
    wrapped: bool
    field: str | None
    """None where the whole leg is the value."""
    is_deeper: bool
    """Whether the key goes on: then it belongs to no field of ours, but there is such a leg."""


def leg_key(name: str) -> LegKey | None:
    """Take a flat key apart; None for a name that is no such key."""
    if not name.startswith(_LEG_PREFIXES):
        return None
    plain = _PERCENT_BRACKET.sub(lambda match: "[" if match[1] in "Bb" else "]", name)
    match = _LEG_KEY.fullmatch(plain)
    if match is None:
        return None
    position, wrapped, field, deeper = match.groups()
    return LegKey(int(position), wrapped is not None, field, deeper is not None)


def count_names(raw: RawPayload) -> int:
    """Count the top-level names, all bracket keys of legs together with ``Legs`` as one."""
    return len({LEGS if name.startswith(_LEG_PREFIXES) else name for name in raw})


def chosen_name(raw: RawPayload, names: tuple[str, ...]) -> str:
    """Choose the first of a field's names that says something, else the first that is there, else the primary one."""
    present = [name for name in names if name in raw] or names
    if len(present) == 1:
        return present[0]
    return next((name for name in present if not is_empty(raw.get(name))), present[0])
