"""Generate quick lookups for the fields of a class. The full reader of a field reads every value that a lookup rejects.

The lookups are code that is generated from the table of the class, as attrs generates ``__init__``. A loop over the
table would take twice the time. A new field needs no line here. A test compares each lookup with the full reader.

Facts
-----
- `datetime.fromisoformat` accepts many formats that Exotel doesn't send, so the separators are checked first.
- ``datetime.combine`` with a zone takes a fifth of the time of ``replace``.
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
from .kinds import DATE, EMPTY_DATES, EMPTY_VALUES, SECONDS, STRING, in_zone
from .table import WireField, table_of, wire_fields

QuickReader = Callable[[Mapping[str, Any], tzinfo, list[str], bool], Any]
"""The type of a generated function, which returns an instance of the open subclass (see `open_class`).

Its arguments are a mapping of wire names, the zone of dates without one, a list to which it adds the attributes that it
can't read, and whether the strings are known to hold neither NUL nor a lone surrogate.
"""

QuickEventReader = Callable[[Mapping[str, Any], tzinfo, list[str], bool, int], Any]
"""Takes the maximum number of legs, too. The ``legs`` are None if their shape or one of their values is unusual."""

_SECONDS_DIGITS: Final = 9

# A sentinel for a value that was not sent, where an empty value has another meaning.
_NOT_SENT: Final = object()

# The exceptions that a lookup raises for a value that it rejects. A list, for example, can't be a key of a dict.
_UNKNOWN: Final = (LookupError, TypeError, ValueError, AttributeError, OverflowError)

_START_CODE: Final = """\
    get = items.get
    value = new()
    is_fixed = zone.__class__ is timezone
    first_text = None
"""
# In the generated code, `v` is first the received value and then the typed value.
_STRING_CODE: Final = """\
v = get({name!r})
if v is not None:
    v = v.strip()
    if len(v) <= LONGEST_EMPTY and v.lower() in EMPTY_VALUES: v = None
    elif not (is_storable or (v.isascii() and NUL not in v)): raise LookupError
"""
# If the value is empty, the field may have a value under its other name, or it may be required. The reader decides.
_STRING_OR_ALIAS_CODE: Final = """\
v = get({name!r}).strip()
if len(v) <= LONGEST_EMPTY and v.lower() in EMPTY_VALUES: raise LookupError
if not (is_storable or (v.isascii() and NUL not in v)): raise LookupError
"""
_SECONDS_CODE: Final = """\
v = get({name!r})
if v is not None and (v.__class__ is not int or v not in SECONDS): v = decimal_seconds(v)
"""
# A date needs these separators. Newer Python versions read 24 o'clock as the next day, so an hour of 0 is checked.
# When a call is over, EndTime is often the same string as DateUpdated, which is the first date.
_DATE_CODE: Final = """\
v = get({name!r})
if v is not None:
    if v == first_text and v.__class__ is str: v = first_date
    elif v[EVERY_THIRD] in SEPARATORS:
        date = from_iso(v)
        if not date.hour and v[11] != "0": raise LookupError
        v = combine(date, date.time(), zone) if is_fixed else localize(date, zone)
    elif v in EMPTY_DATES: v = None
    else: raise LookupError
"""
_FIRST_DATE_CODE: Final = "first_text, first_date = get({name!r}), v\n"
_ENUM_CODE: Final = "v = {members}[get({name!r})]\n"
_ENUM_OR_NOT_SENT_CODE: Final = "v = {members}[get({name!r}, NOT_SENT)]\n"
_NO_CODE: Final = "raise LookupError\n"
# Other names than those of the table may be bracket keys of legs, and a leg may be in a wrapper.
_LEGS_CODE: Final = """\
    value.legs = None
    legs = get("Legs")
    if legs.__class__ is list and len(legs) <= max_legs and NAMES.issuperset(items):
        found = []
        for each in legs:
            if each.__class__ is not dict or "Leg" in each: break
            get = each.get
            leg = new_leg()
{lookups}\
            leg.__class__ = LEG
            found.append(leg)
        else:
            value.legs = tuple(found)
"""


@cache
def quick_reader(cls: type[attrs.AttrsInstance]) -> QuickReader:
    """Generate the function that reads the fields of a class."""
    scope: dict[str, Any] = {**_SCOPE, "new": open_class(cls)}
    code = "def read(items, zone, unread, is_storable):\n" + _START_CODE
    code += indent(_lookups(cls, scope, "value", "unread.append({attribute!r})"), "    ")
    exec(code + "    return value\n", scope)
    read: QuickReader = scope["read"]
    return read


@cache
def quick_event_reader(cls: type[attrs.AttrsInstance], leg_cls: type[attrs.AttrsInstance] | None) -> QuickEventReader:
    """Generate the function that reads the fields of an event, and its legs if they are a list of usual ones."""
    scope: dict[str, Any] = {**_SCOPE, "new": open_class(cls)}
    code = "def read(items, zone, unread, is_storable, max_legs):\n" + _START_CODE
    code += indent(_lookups(cls, scope, "value", "unread.append({attribute!r})"), "    ")
    if leg_cls:
        scope |= {"new_leg": open_class(leg_cls), "LEG": leg_cls, "NAMES": table_of(cls).names}
        code += _LEGS_CODE.format(lookups=indent(_lookups(leg_cls, scope, "leg", "break"), " " * 12))
    exec(code + "    return value\n", scope)
    read: QuickEventReader = scope["read"]
    return read


def _lookups(cls: type[attrs.AttrsInstance], scope: dict[str, Any], target: str, otherwise: str) -> str:
    code = ""
    first_date = next((field for field in wire_fields(cls) if field.kind is DATE), None)
    for field in wire_fields(cls):
        name = f"{target}_{field.attribute}"
        if field.kind.enum:
            scope[name] = _usual_members(field.kind.enum, field)
        lookup = _code_of(field) + (_FIRST_DATE_CODE if field is first_date else "")
        lookup = lookup.format(name=field.names[0], members=name)
        code += f"try:\n{indent(lookup, '    ')}    {target}.{field.attribute} = v\n"
        code += f"except UNKNOWN: {otherwise.format(attribute=field.attribute)}\n"
    return code


def _code_of(field: WireField) -> str:
    may_be_empty = _may_be_empty(field)
    if field.kind.enum:
        return _ENUM_CODE if field.kind.if_empty is None else _ENUM_OR_NOT_SENT_CODE
    if field.kind is STRING:
        return _STRING_CODE if may_be_empty else _STRING_OR_ALIAS_CODE
    if not may_be_empty:  # An absent number or date may have a value under its other name.
        return _NO_CODE
    return {SECONDS: _SECONDS_CODE, DATE: _DATE_CODE}.get(field.kind, _NO_CODE)


def _may_be_empty(field: WireField) -> bool:
    """Return whether an empty value decides: the field has no other name, and isn't required."""
    return not field.is_required and len(field.names) == 1


def _usual_members(enum: type[StrEnum], field: WireField) -> dict[Any, Any]:
    """Return a dict from the usual spellings of an enum's values to its members."""
    find = value_reader(enum)
    usual = [member.value for member in enum if member.name not in NOT_SENT_NAMES]
    empty: dict[Any, Any] = {_NOT_SENT: None, **dict.fromkeys((None, "", "null"), field.kind.if_empty)}
    spelled = [spelling for value in usual for spelling in (value, value.upper(), value.replace("-", " "))]
    return {spelling: find(spelling) for spelling in spelled} | (empty if _may_be_empty(field) else {})


def _decimal_seconds(value: Any) -> int | None:
    if value.isdecimal() and value.isascii() and len(value) <= _SECONDS_DIGITS:
        return int(value)
    if value:
        raise ValueError
    return None


def _localize(date: datetime, zone: tzinfo) -> datetime:
    if found := in_zone(date, zone):
        return found
    raise ValueError


_SCOPE: Final[dict[str, Any]] = {
    "UNKNOWN": _UNKNOWN,
    "NOT_SENT": _NOT_SENT,
    "NUL": "\0",
    "EMPTY_VALUES": EMPTY_VALUES,
    "LONGEST_EMPTY": max(map(len, EMPTY_VALUES)),
    "SECONDS": range(10**_SECONDS_DIGITS),
    "decimal_seconds": _decimal_seconds,
    # Every third character of "2024-01-15 14:30:45", from the second on.
    "EVERY_THIRD": slice(1, None, 3),
    "SEPARATORS": frozenset({"0-- ::", "0--T::"}),
    "EMPTY_DATES": EMPTY_DATES,
    "from_iso": datetime.fromisoformat,
    "combine": datetime.combine,
    "timezone": timezone,
    "localize": _localize,
}
