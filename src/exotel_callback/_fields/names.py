"""Choose among the wire names of a field, and parse the bracket keys of legs and streams.

Facts
-----
- One field may have two names (``From`` and ``CallFrom``), because Exotel's pages disagree on which is sent.
- Forms contain legs as PHP writes them, ``Legs[0][Status]``, and sometimes still percent-encoded,
  ``Legs%5B0%5D%5BStatus%5D``. The Call Details API wraps a leg: ``Legs[0][Leg][OnCallDuration]``.
- Related webhooks contain deeper keys (``Legs[1][Insights][Status]``).
- PHP ends a name in brackets at the first ``]``, so the name can't contain one.
"""

import re
from typing import Final

from .._wire.payload import MAX_DEPTH, RawPayload
from .kinds import is_empty

LEGS: Final = "Legs"
LEG_ID: Final = "Id"
STREAM: Final = "Stream"
# The names of a stream's fields that a request may have beside the other fields.
STREAM_NAMES_AT_TOP: Final = ("StreamSID", "StreamSid", "StreamUrl")
CALL_DETAILS_ID: Final = "Sid"

_LEG_PREFIXES: Final = ("Legs[", "Legs%5B", "Legs%5b")
_STREAM_PREFIXES: Final = ("Stream[", "Stream%5B", "Stream%5b")
_BRACKETS: Final = re.compile(r"(?:\[[^\]]*\])+")
_BRACKET: Final = re.compile(r"\[([^\]]*)\]")
_PERCENT_BRACKET: Final = re.compile("%5([BD])", re.IGNORECASE)
_PERCENT_RUN: Final = re.compile("(?:%[0-9A-Fa-f]{2})+")


def is_leg_key(name: str) -> bool:
    """Return whether a name is a bracket key of legs, valid or not."""
    return name.startswith(_LEG_PREFIXES)


def is_stream_key(name: str) -> bool:
    """Return whether a name is a bracket key of a stream, valid or not."""
    return name.startswith(_STREAM_PREFIXES)


def path_in(root: str, name: str) -> list[str]:
    """Return the names in the brackets of a bracket key: ``0`` and ``Status`` for ``Legs[0][Status]``.

    If the brackets are broken, the only name is what follows the root, and it begins with a bracket. Names that are
    nested more deeply than any payload become one name.

    :param root: The name before the brackets, such as ``Legs``.
    """
    brackets = _decoded(root, name)[len(root) :]
    if not _BRACKETS.fullmatch(brackets):
        return [brackets]
    path = _BRACKET.findall(brackets)
    return path if len(path) < MAX_DEPTH else [*path[: MAX_DEPTH - 1], "][".join(path[MAX_DEPTH - 1 :])]


def _decoded(root: str, name: str) -> str:
    """Decode a bracket key that is still percent-encoded, or whose brackets are."""
    if name[len(root)] == "[":
        return _PERCENT_BRACKET.sub(lambda match: "[" if match[1] in "Bb" else "]", name) if "%5" in name else name
    return _PERCENT_RUN.sub(lambda run: bytes.fromhex(run[0].replace("%", "")).decode(errors="replace"), name)


def count_names(raw: RawPayload) -> int:
    """Count the top-level names. ``Legs`` and all bracket keys of legs count as one name."""
    return len({LEGS if is_leg_key(name) else name for name in raw})


def chosen_name(raw: RawPayload, names: tuple[str, ...]) -> str:
    """Return the first of a field's names that has a value, else the first that is present, else the primary name."""
    present = [name for name in names if name in raw] or names
    if len(present) == 1:
        return present[0]
    return next((name for name in present if not is_empty(raw.get(name))), present[0])
