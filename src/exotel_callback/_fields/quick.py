"""Generate quick lookups for the fields of a class. The full reader of a field reads every value that a lookup rejects.

The lookups are code that is generated from the table of the class, as attrs generates ``__init__``. A loop over the
table would take twice the time. A new field needs no line here. A test compares each lookup with the full reader.

Facts
-----
- `datetime.fromisoformat` accepts many formats that Exotel doesn't send, so the separators are checked first.
- To add a difference to an aware date takes a tenth of the time of ``datetime.replace`` with a zone. It gives the same
  date if the zone's offset is fixed.
- CPython calls ``items.get`` faster than a variable that holds the method.
- JSON and forms spell an enum value in few ways. A dict of these spellings is quicker than normalizing each value.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timezone, tzinfo
from enum import StrEnum
from functools import cache
from textwrap import indent
from typing import Any, Final

import attrs

from .._enums import NOT_SENT_NAMES, value_reader
from .._model._open import open_class
from .._options import IST
from .kinds import DATE, EMPTY_DATES, EMPTY_VALUES, SECONDS, STRING, in_zone
from .table import USUAL_LEGS, WireField, wire_fields

QuickReader = Callable[[Mapping[str, Any], tzinfo, list[str], bool], Any]
"""The type of a generated function, which returns an instance of the open subclass (see `open_class`).

Its arguments are a mapping of wire names, the zone of dates without one, a list to which it adds the attributes that it
can't read, and whether the strings are known to hold neither NUL nor a lone surrogate.
"""

UnreadLeg = tuple[Any, int, str, object]
"""A leg, its position, an attribute that the lookup can't read, and the received value."""

QuickEventReader = Callable[[Mapping[str, Any], tzinfo, list[str], bool, int, list[UnreadLeg]], Any]
"""Takes the maximum number of legs, and a list to which it adds the values of legs that it can't read, too.

If the legs have an unusual shape, ``legs`` is None.
"""

_SECONDS_DIGITS: Final = 9
_LONGEST_EMPTY: Final = max(map(len, EMPTY_VALUES))

# Every third character of "2024-01-15 14:30:45", from the second on.
_EVERY_THIRD: Final = slice(1, None, 3)
_SEPARATORS: Final = ("0-- ::", "0--T::")
_LONGEST_DATE: Final = len("2024-01-15T14:30:45+05:30")
# Any date. Other dates are counted from it, in the zone of the call.
_ORIGIN: Final = datetime(2024, 1, 1)  # noqa: DTZ001 - `_origin_in` adds the zone

# The exceptions that a lookup raises for a value that it rejects. A list, for example, can't be a key of a dict. On
# Windows, a zone that asks the system raises `OSError` for distant dates.
_UNKNOWN: Final = (LookupError, TypeError, ValueError, AttributeError, OverflowError, OSError)

_START_CODE: Final = """\
    aware = IST_ORIGIN if zone is IST else origin_in(zone)
    first_text, first_date = "", None
    absent = 0
"""
# In the generated code, `v` is the typed value, and `absent` counts the names that weren't received.
_ABSENT_CODE: Final = "absent += {name} not in items"
_STRING_CODE: Final = """\
v = {source}.get({name})
if v is None:
    {if_none}
{aliases}\
if v is not None:
    v = v.strip()
    if len(v) <= {longest_empty} and v.lower() in EMPTY_VALUES:
        if {is_open}: raise LookupError
        v = None
    elif not (is_storable or (v.isascii() and NUL not in v)): raise LookupError
"""
_ALIAS_CODE: Final = "    if v is None: v = items.get({!r})\n"
_REQUIRED_CODE: Final = "    if v is None: raise LookupError\n"
_SECONDS_CODE: Final = """\
v = {source}.get({name})
if v is None: {if_none}
elif type(v) is not int or not 0 <= v < {max_seconds}: v = decimal_seconds(v)
"""
# A date of the usual years needs these separators. Newer Python versions read 24 o'clock as the next day, so an hour
# of 0 is checked. When a call is over, EndTime is often the same string as DateUpdated, which is the first date.
_DATE_CODE: Final = """\
v = text = {source}.get({name})
if text is None: {if_none}
elif text == first_text and type(text) is str: v = first_date
elif text > "2" and text[EVERY_THIRD] in {separators}:
    v = from_iso(text)
    if not v.hour and text[11] != "0": raise LookupError
    v = localize(v, zone) if aware is None else aware + (v - ORIGIN)
else: v = other_date(text)
"""
_FIRST_DATE_CODE: Final = "first_text, first_date = text, v\n"
_ENUM_CODE: Final = """\
v = {source}.get({name})
if v is not None: v = {members}[v]
elif {is_open}: raise LookupError
{if_null}\
else: {if_none}
"""
_NULL_CODE: Final = "elif {name} in {source}: v = {members}['']\n"
_FULL_READER_CODE: Final = "raise LookupError\n"
_OTHER_CODE: Final = """\
v = {source}.get({name})
if v is not None: raise LookupError
{if_none}
"""
_UNREAD_LEG_CODE: Final = "unread_legs.append((leg, len(found), {attribute!r}, {source}.get({name})))"
# A leg may be in a wrapper, or have the names of a list, which are indexes. At the end, the names that were read are
# compared with all names, because any other name may be the bracket key of a leg.
_LEGS_CODE: Final = """\
    value.legs = None
    legs, found, leg_names = items.get("Legs"), [], 1
    names = {names} - absent
    if type(legs) is list and len(legs) <= max_legs:
        for each in legs:
            if type(each) is not dict or "Leg" in each or "0" in each: return value
            leg = new_leg()
{lookups}\
            leg.__class__ = LEG
            found.append(leg)
    elif legs is None:
        found, leg_names = bracket_reader(LEG)(items, zone, is_storable, max_legs, unread_legs)
    else: return value
    if len(items) <= names + leg_names or "\\n".join(items).count("Legs") == leg_names:
        value.legs = tuple(found)
"""
# A leg without any usual name ends the legs.
_BRACKETS_CODE: Final = """\
    found, leg_names = [], 0
    for {keys} in LEG_KEYS[:max_legs]:
        leg = new()
        absent = 0
{lookups}\
        if absent == {leg_names}: break
        leg_names += {leg_names} - absent
        leg.__class__ = LEG
        found.append(leg)
    return found, leg_names
"""


@cache
def quick_reader(cls: type[attrs.AttrsInstance]) -> QuickReader:
    """Generate the function that reads the fields of a class."""
    scope: dict[str, Any] = {**_SCOPE, "new": open_class(cls)}
    code = "def read(items, zone, unread, is_storable):\n" + _START_CODE + "    value = new()\n"
    code += indent(_lookups(cls, scope, "value", "unread.append({attribute!r})"), "    ")
    exec(code + "    return value\n", scope)
    read: QuickReader = scope["read"]
    return read


@cache
def quick_event_reader(cls: type[attrs.AttrsInstance], leg_cls: type[attrs.AttrsInstance] | None) -> QuickEventReader:
    """Generate the function that reads the fields of an event, and its legs from a list or from usual bracket keys."""
    scope: dict[str, Any] = {**_SCOPE, "new": open_class(cls)}
    code = "def read(items, zone, unread, is_storable, max_legs, unread_legs):\n" + _START_CODE + "    value = new()\n"
    otherwise = "unread.append({attribute!r}); " + _ABSENT_CODE
    code += indent(_lookups(cls, scope, "value", otherwise), "    ")
    if leg_cls:
        scope |= {"new_leg": open_class(leg_cls), "LEG": leg_cls}
        lookups = indent(_lookups(leg_cls, scope, "leg", _UNREAD_LEG_CODE, source="each", if_none="pass"), " " * 12)
        code += _LEGS_CODE.format(names=len(wire_fields(cls)), lookups=lookups)
    exec(code + "    return value\n", scope)
    read: QuickEventReader = scope["read"]
    return read


@cache
def _bracket_reader(cls: type[attrs.AttrsInstance]) -> Callable[..., tuple[list[Any], int]]:
    """Generate the function that reads legs from usual bracket keys. It returns the legs and how many names it read."""
    names = [field.names[0] for field in wire_fields(cls)]
    keys = {name: f"key_{number}" for number, name in enumerate(names)}
    scope: dict[str, Any] = {**_SCOPE, "new": open_class(cls), "LEG": cls}
    scope["LEG_KEYS"] = [[f"Legs[{at}][{name}]" for name in names] for at in range(USUAL_LEGS)]
    code = "def read(items, zone, is_storable, max_legs, unread_legs):\n" + _START_CODE
    lookups = indent(_lookups(cls, scope, "leg", _UNREAD_LEG_CODE, names=keys), " " * 8)
    code += _BRACKETS_CODE.format(keys=", ".join(keys.values()), leg_names=len(names), lookups=lookups)
    exec(code, scope)
    read: Callable[..., tuple[list[Any], int]] = scope["read"]
    return read


def _lookups(
    cls: type[attrs.AttrsInstance],
    scope: dict[str, Any],
    target: str,
    otherwise: str,
    *,
    names: Mapping[str, str] | None = None,
    source: str = "items",
    if_none: str = _ABSENT_CODE,
) -> str:
    """Return the code that sets the attributes of `target`.

    :param otherwise: The code for a value that a lookup rejects.
    :param names: The variables that hold the names. Without it, the names are literals.
    :param source: The variable that holds the mapping.
    :param if_none: The code for a name without a value.
    """
    code = ""
    first_date = next((field for field in wire_fields(cls) if field.kind is DATE), None)
    for field in wire_fields(cls):
        primary, *aliases = field.names
        name = names[primary] if names else repr(primary)
        members = f"{target}_{field.attribute}"
        if field.kind.enum:
            scope[members] = _usual_members(field.kind.enum, field)
        lookup = (_code_of(field) + (_FIRST_DATE_CODE if field is first_date else "")).format(
            name=name,
            members=members,
            source=source,
            if_none=if_none.format(name=name),
            separators=_SEPARATORS,
            longest_empty=_LONGEST_EMPTY,
            max_seconds=10**_SECONDS_DIGITS,
            aliases="".join(map(_ALIAS_CODE.format, aliases)) + (_REQUIRED_CODE if field.is_required else ""),
            # An empty value decides if the field isn't required, and has no value under another name.
            is_open=" or ".join([str(field.is_required), *(f"{alias!r} in items" for alias in aliases)]),
        )
        code += f"try:\n{indent(lookup, '    ')}    {target}.{field.attribute} = v\n"
        code += f"except UNKNOWN: {otherwise.format(attribute=field.attribute, name=name, source=source)}\n"
    return code


def _code_of(field: WireField) -> str:
    if field.kind.enum:
        return _ENUM_CODE.replace("{if_null}", "" if field.kind.if_empty is None else _NULL_CODE)
    if len(field.names) > 1 and field.kind is not STRING:  # Only the full reader looks at both names.
        return _FULL_READER_CODE
    return {STRING: _STRING_CODE, SECONDS: _SECONDS_CODE, DATE: _DATE_CODE}.get(field.kind, _OTHER_CODE)


def _may_be_empty(field: WireField) -> bool:
    """Return whether an empty value decides: the field has no other name, and isn't required."""
    return not field.is_required and len(field.names) == 1


def _usual_members(enum: type[StrEnum], field: WireField) -> dict[str, Any]:
    """Return a dict from the usual spellings of an enum's values to its members."""
    find = value_reader(enum)
    usual = [member.value for member in enum if member.name not in NOT_SENT_NAMES]
    empty = dict.fromkeys(("", "null"), field.kind.if_empty)
    spelled = [spelling for value in usual for spelling in (value, value.upper(), value.replace("-", " "))]
    return {spelling: find(spelling) for spelling in spelled} | (empty if _may_be_empty(field) else {})


def _decimal_seconds(value: Any) -> int | None:
    if value.isdecimal() and value.isascii() and len(value) <= _SECONDS_DIGITS:
        return int(value)
    if value:
        raise ValueError
    return None


def _other_date(value: Any) -> datetime | None:
    """Read a placeholder, or a date with an offset."""
    if value in EMPTY_DATES:
        return None
    if value[19] not in "+-Z" or len(value) > _LONGEST_DATE or value < "2":
        raise ValueError
    date = datetime.fromisoformat(value)
    is_usual = value[_EVERY_THIRD][:6] in _SEPARATORS and value[-2:] <= "59"  # Python reads ``+05:60`` as ``+06:00``.
    if not is_usual or (not date.hour and value[11] != "0"):
        raise ValueError
    return date


def _origin_in(zone: tzinfo) -> datetime | None:
    """Return the origin in a zone. Return None if the zone's offset isn't fixed."""
    return datetime.combine(_ORIGIN, _ORIGIN.time(), zone) if type(zone) is timezone else None


def _localize(date: datetime, zone: tzinfo) -> datetime:
    if found := in_zone(date, zone):
        return found
    raise ValueError


_SCOPE: Final[dict[str, Any]] = {
    "bracket_reader": _bracket_reader,
    "UNKNOWN": _UNKNOWN,
    "NUL": "\0",
    "EMPTY_VALUES": EMPTY_VALUES,
    "decimal_seconds": _decimal_seconds,
    "EVERY_THIRD": _EVERY_THIRD,
    "other_date": _other_date,
    "from_iso": datetime.fromisoformat,
    "IST": IST,
    "IST_ORIGIN": _origin_in(IST),
    "ORIGIN": _ORIGIN,
    "origin_in": _origin_in,
    "localize": _localize,
}
