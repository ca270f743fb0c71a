"""Do the same work with other libraries, each as its documentation recommends.

The work is to read a JSON body into a frozen value with the fields of a `StatusCallback` and its legs, under their
Python names.

- A string loses the whitespace around it, and contains neither NUL nor a lone surrogate. An empty string, and ``null``
  in any case, becomes None.
- An enum value becomes a member. Case, whitespace, ``-`` and ``_`` don't matter.
- A date is ``YYYY-MM-DD HH:mm:ss`` and becomes aware, in Indian Standard Time.
- Seconds are an integer from 0 to 999,999,999, as a number or as digits.
- A missing required field, and an invalid value, is an error that names its field. Unknown fields are ignored.
- The decoded payload is stored.

All contenders except this library use the same functions to read one string, date, number or enum value. So the
comparison shows the overhead of each library.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple

import attrs
import cattrs
import mashumaro
import mashumaro.exceptions
import msgspec
import pydantic
import pydantic_core
from cattrs.gen import make_dict_structure_fn, override
from mashumaro.config import BaseConfig

import exotel_callback
from exotel_callback import IST, AnsweredBy, CallStatus, Direction, EventType, LegStatus

WIRE = {
    "call_sid": "CallSid",
    "status": "Status",
    "date_updated": "DateUpdated",
    "date_created": "DateCreated",
    "start_time": "StartTime",
    "end_time": "EndTime",
    "recording_url": "RecordingUrl",
    "event_type": "EventType",
    "from_number": "From",
    "to_number": "To",
    "phone_number_sid": "PhoneNumberSid",
    "conversation_duration": "ConversationDuration",
    "direction": "Direction",
    "custom_field": "CustomField",
    "legs": "Legs",
}
LEG_WIRE = {"on_call_duration": "OnCallDuration", "status": "Status", "answered_by": "AnsweredBy"}

DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} (?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}")
UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Contender(NamedTuple):
    """One way to do the work."""

    read: Callable[[bytes], Any]
    named: Callable[[Exception], set[str]]
    """The function that returns the wire names in an error. The name of a leg's field is like ``Legs.0.Status``."""
    package: str
    leaves_out: str = ""


def to_text(value):
    if value is None:
        return None
    if type(value) is not str or UNSTORABLE.search(value):
        raise ValueError("not text")
    value = value.strip()
    return None if value.lower() in {"", "null"} else value


def to_required(value):
    value = to_text(value)
    if value is None:
        raise ValueError("missing")
    return value


def to_date(value):
    value = to_text(value)
    if value is None:
        return None
    if not DATE.fullmatch(value):
        raise ValueError("not a date")
    naive = datetime.fromisoformat(value)
    return datetime.combine(naive, naive.time(), IST)


def to_seconds(value):
    if type(value) is not int:
        value = to_text(value)
        if value is None:
            return None
        if not (value.isdecimal() and value.isascii()):
            raise ValueError("not seconds")
        value = int(value)
    if not 0 <= value <= 999_999_999:
        raise ValueError("not seconds")
    return value


def word(enum):
    words = {re.sub("[ _-]", "", member.value).lower(): member for member in enum if member.name != "UNKNOWN"}
    usual = {member.value: member for member in words.values()}

    def read(value):
        if type(value) is str and value in usual:
            return usual[value]
        value = to_text(value)
        if value is None:
            return None
        try:
            return words[re.sub("[ _-]", "", value).lower()]
        except KeyError:
            raise ValueError("unknown word") from None

    return read


to_call_status, to_event_type, to_direction = word(CallStatus), word(EventType), word(Direction)
to_answered_by, to_some_leg_status = word(AnsweredBy), word(LegStatus)


def to_leg_status(value):
    return to_some_leg_status(value) or LegStatus.NOT_ATTEMPTED


def to_status(value):
    value = to_call_status(value)
    if value is None:
        raise ValueError("missing")
    return value


READ = {
    "call_sid": to_required,
    "status": to_status,
    **dict.fromkeys(("date_updated", "date_created", "start_time", "end_time"), to_date),
    **dict.fromkeys(("recording_url", "from_number", "to_number", "phone_number_sid", "custom_field"), to_text),
    "event_type": to_event_type,
    "conversation_duration": to_seconds,
    "direction": to_direction,
}
LEG_READ = {"on_call_duration": to_seconds, "status": to_leg_status, "answered_by": to_answered_by}


# --- This library


def read_ours(body):
    return exotel_callback.parse(body, "application/json", strict=True)


def named_by_ours(error):
    return {re.sub(r"\[(\d+)\]", r".\1", issue.path) for issue in error.issues}


# --- A function written by hand


@dataclass(frozen=True, slots=True, kw_only=True)
class HandLeg:
    on_call_duration: int | None = None
    status: LegStatus | None = None
    answered_by: AnsweredBy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandCallback:
    call_sid: str
    status: CallStatus
    date_updated: datetime | None
    date_created: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    recording_url: str | None
    event_type: EventType | None
    from_number: str | None
    to_number: str | None
    phone_number_sid: str | None
    conversation_duration: int | None
    direction: Direction | None
    custom_field: str | None
    legs: tuple[HandLeg, ...]
    raw: dict[str, Any] = field(compare=False, repr=False)


class HandError(ValueError):
    pass


def read_by_hand(body):
    raw = json.loads(body)
    odd = []
    values = {}
    for name, read in READ.items():
        try:
            values[name] = read(raw.get(WIRE[name]))
        except ValueError:
            odd.append(WIRE[name])
    legs = []
    for place, leg in enumerate(raw.get("Legs") or ()):
        found = {}
        for name, read in LEG_READ.items():
            if LEG_WIRE[name] in leg:
                try:
                    found[name] = read(leg[LEG_WIRE[name]])
                except ValueError:
                    odd.append(f"Legs.{place}.{LEG_WIRE[name]}")
        legs.append(HandLeg(**found))
    if odd:
        raise HandError(odd)
    return HandCallback(**values, legs=tuple(legs), raw=raw)


# --- pydantic, as its documentation recommends


def before(kind, read):
    return Annotated[kind, pydantic.BeforeValidator(read)]


class PydanticLeg(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, alias_generator=LEG_WIRE.__getitem__)

    on_call_duration: before(int | None, to_seconds) = None
    status: before(LegStatus | None, to_leg_status) = None
    answered_by: before(AnsweredBy | None, to_answered_by) = None


class PydanticCallback(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, alias_generator=lambda name: WIRE.get(name, name))

    call_sid: before(str, to_required)
    status: before(CallStatus, to_status)
    date_updated: before(datetime | None, to_date) = None
    date_created: before(datetime | None, to_date) = None
    start_time: before(datetime | None, to_date) = None
    end_time: before(datetime | None, to_date) = None
    recording_url: before(str | None, to_text) = None
    event_type: before(EventType | None, to_event_type) = None
    from_number: before(str | None, to_text) = None
    to_number: before(str | None, to_text) = None
    phone_number_sid: before(str | None, to_text) = None
    conversation_duration: before(int | None, to_seconds) = None
    direction: before(Direction | None, to_direction) = None
    custom_field: before(str | None, to_text) = None
    legs: tuple[PydanticLeg, ...] = ()
    raw: dict[str, Any] = pydantic.Field(repr=False)

    @pydantic.model_validator(mode="before")
    @classmethod
    def keep(cls, payload: Any) -> Any:
        return {**payload, "raw": payload}


def named_by_pydantic(error):
    return {".".join(map(str, found["loc"])) for found in error.errors()}


# --- pydantic, tuned: Rust reads the usual values; Python functions read the others, and add the zone of each date


def usual_or(usual, read):
    return Annotated[usual | Annotated[Any, pydantic.PlainValidator(read)], pydantic.Field(union_mode="left_to_right")]


def with_zone(naive):
    if naive.tzinfo:
        raise ValueError("not a date")
    return datetime.combine(naive, naive.time(), IST)


def usual_word(enum):
    return Literal[tuple(member for member in enum if member.name not in {"UNKNOWN", "NOT_ATTEMPTED"})]


# Strings longer than "null". The other model reads a body with NUL.
UsualText = Annotated[str, pydantic.StringConstraints(strict=True, strip_whitespace=True, min_length=5)]
UsualDate = Annotated[datetime, pydantic.Strict(), pydantic.AfterValidator(with_zone)]
UsualSeconds = Annotated[int, pydantic.Field(strict=True, ge=0, le=999_999_999)]
Date = usual_or(UsualDate, to_date) | None
Text = usual_or(UsualText, to_text) | None
Seconds = usual_or(UsualSeconds, to_seconds) | None


class TunedLeg(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, alias_generator=LEG_WIRE.__getitem__)

    on_call_duration: Seconds = None
    status: usual_or(usual_word(LegStatus), to_leg_status) = None
    answered_by: usual_or(usual_word(AnsweredBy), to_answered_by) | None = None


class TunedCallback(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, alias_generator=lambda name: WIRE.get(name, name))

    call_sid: usual_or(UsualText, to_required)
    status: usual_or(usual_word(CallStatus), to_status)
    date_updated: Date = None
    date_created: Date = None
    start_time: Date = None
    end_time: Date = None
    recording_url: Text = None
    event_type: usual_or(usual_word(EventType), to_event_type) | None = None
    from_number: Text = None
    to_number: Text = None
    phone_number_sid: Text = None
    conversation_duration: Seconds = None
    direction: usual_or(usual_word(Direction), to_direction) | None = None
    custom_field: Text = None
    legs: tuple[TunedLeg, ...] = ()
    raw: dict[str, Any] = pydantic.Field(default_factory=dict, repr=False, exclude=True)


def read_tuned(body):
    if b"\\u" in body:
        return PydanticCallback.model_validate_json(body)
    callback = TunedCallback.model_validate_json(body)
    callback.__dict__["raw"] = pydantic_core.from_json(body)
    return callback


def named_by_tuned(error):
    # The field is followed by the members of a union. The last one is the function.
    return {".".join(name.split(".")[: 3 if name.startswith("Legs") else 1]) for name in named_by_pydantic(error)}


# --- cattrs, which names the fields in its errors


@attrs.frozen(kw_only=True)
class CattrsLeg:
    on_call_duration: int | None = None
    status: LegStatus | None = None
    answered_by: AnsweredBy | None = None


@attrs.frozen(kw_only=True)
class CattrsCallback:
    call_sid: str
    status: CallStatus
    date_updated: datetime | None = None
    date_created: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    recording_url: str | None = None
    event_type: EventType | None = None
    from_number: str | None = None
    to_number: str | None = None
    phone_number_sid: str | None = None
    conversation_duration: int | None = None
    direction: Direction | None = None
    custom_field: str | None = None
    legs: tuple[CattrsLeg, ...] = ()
    raw: dict[str, Any] = attrs.field(eq=False, repr=False)


def make_cattrs():
    converter = cattrs.Converter()

    def hook(cls, reads, wire, **others):
        found = {
            name: override(rename=wire[name], struct_hook=lambda value, _, read=read: read(value))
            for name, read in reads.items()
        }
        return make_dict_structure_fn(cls, converter, **found, **others)

    converter.register_structure_hook(CattrsLeg, hook(CattrsLeg, LEG_READ, LEG_WIRE))
    legs = override(rename="Legs")
    raw = override(struct_hook=lambda value, _: value)
    converter.register_structure_hook(CattrsCallback, hook(CattrsCallback, READ, WIRE, legs=legs, raw=raw))
    return converter


converter = make_cattrs()


def read_with_cattrs(body):
    raw = json.loads(body)
    return converter.structure({**raw, "raw": raw}, CattrsCallback)


def named_by_cattrs(error):
    to_wire = {**{f"$.{name}": wire for name, wire in WIRE.items()}}
    found = set()
    for message in cattrs.transform_error(error):
        path = message.rpartition(" @ ")[2]
        if match := re.fullmatch(r"\$\.legs\[(\d+)\]\.(\w+)", path):
            found.add(f"Legs.{match[1]}.{LEG_WIRE[match[2]]}")
        else:
            found.add(to_wire[path])
    return found


# --- msgspec, whose own checks stop at the first error


class MsgspecLeg(msgspec.Struct, frozen=True, kw_only=True, rename=LEG_WIRE):
    on_call_duration: int | str | None = None
    status: str | msgspec.UnsetType | None = msgspec.UNSET
    answered_by: str | None = None

    def __post_init__(self):
        put = msgspec.structs.force_setattr
        put(self, "on_call_duration", to_seconds(self.on_call_duration))
        put(self, "status", None if self.status is msgspec.UNSET else to_leg_status(self.status))
        put(self, "answered_by", to_answered_by(self.answered_by))


class MsgspecCallback(msgspec.Struct, frozen=True, kw_only=True, rename=WIRE):
    call_sid: str
    status: str
    date_updated: str | None = None
    date_created: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    recording_url: str | None = None
    event_type: str | None = None
    from_number: str | None = None
    to_number: str | None = None
    phone_number_sid: str | None = None
    conversation_duration: int | str | None = None
    direction: str | None = None
    custom_field: str | None = None
    legs: tuple[MsgspecLeg, ...] = ()
    raw: dict[str, Any] | None = None

    def __post_init__(self):
        for name, read in READ.items():
            try:
                msgspec.structs.force_setattr(self, name, read(getattr(self, name)))
            except ValueError as error:
                raise ValueError(f"{error} - at `$.{WIRE[name]}`") from None


msgspec_decoder = msgspec.json.Decoder(MsgspecCallback)
msgspec_raw = msgspec.json.Decoder()


def read_with_msgspec(body):
    callback = msgspec_decoder.decode(body)
    msgspec.structs.force_setattr(callback, "raw", msgspec_raw.decode(body))
    return callback


def named_by_msgspec(error):
    path = re.search(r"(?:at `\$\.|required field `)(.+?)`", str(error))
    return {re.sub(r"\[\.*(\d*)\]", r".\1", path[1])} if path else set()


# --- mashumaro, which stops at the first error too


def of(reads, wire, name, **options):
    return field(metadata=mashumaro.field_options(alias=wire[name], deserialize=reads[name]), **options)


@dataclass(frozen=True, kw_only=True)
class MashumaroLeg(mashumaro.DataClassDictMixin):
    on_call_duration: int | None = of(LEG_READ, LEG_WIRE, "on_call_duration", default=None)
    status: Any = of(LEG_READ, LEG_WIRE, "status", default=None)  # The function gets None too.
    answered_by: AnsweredBy | None = of(LEG_READ, LEG_WIRE, "answered_by", default=None)


@dataclass(frozen=True, kw_only=True)
class MashumaroCallback(mashumaro.DataClassDictMixin):
    call_sid: str = of(READ, WIRE, "call_sid")
    status: CallStatus = of(READ, WIRE, "status")
    date_updated: datetime | None = of(READ, WIRE, "date_updated", default=None)
    date_created: datetime | None = of(READ, WIRE, "date_created", default=None)
    start_time: datetime | None = of(READ, WIRE, "start_time", default=None)
    end_time: datetime | None = of(READ, WIRE, "end_time", default=None)
    recording_url: str | None = of(READ, WIRE, "recording_url", default=None)
    event_type: EventType | None = of(READ, WIRE, "event_type", default=None)
    from_number: str | None = of(READ, WIRE, "from_number", default=None)
    to_number: str | None = of(READ, WIRE, "to_number", default=None)
    phone_number_sid: str | None = of(READ, WIRE, "phone_number_sid", default=None)
    conversation_duration: int | None = of(READ, WIRE, "conversation_duration", default=None)
    direction: Direction | None = of(READ, WIRE, "direction", default=None)
    custom_field: str | None = of(READ, WIRE, "custom_field", default=None)
    legs: tuple[MashumaroLeg, ...] = field(metadata=mashumaro.field_options(alias="Legs"), default=())
    raw: Any = field(compare=False, repr=False)

    class Config(BaseConfig):
        lazy_compilation = False

    @classmethod
    def __pre_deserialize__(cls, payload):
        return {**payload, "raw": payload}


def read_with_mashumaro(body):
    return MashumaroCallback.from_dict(json.loads(body))


def named_by_mashumaro(error):
    names = {"legs": "Legs", **WIRE}
    return {names.get(getattr(error, "field_name", ""), "")} - {""}


CONTENDERS = {
    "exotel-callback": Contender(read_ours, named_by_ours, "exotel-callback"),
    "by hand": Contender(read_by_hand, lambda error: {*error.args[0]}, "the standard library"),
    "pydantic": Contender(PydanticCallback.model_validate_json, named_by_pydantic, "pydantic"),
    "pydantic, tuned": Contender(read_tuned, named_by_tuned, "pydantic", "dates in other formats"),
    "msgspec": Contender(read_with_msgspec, named_by_msgspec, "msgspec", "errors but the first, the name within a leg"),
    "cattrs": Contender(read_with_cattrs, named_by_cattrs, "cattrs"),
    "mashumaro": Contender(
        read_with_mashumaro,
        named_by_mashumaro,
        "mashumaro",
        "errors but the first, the name within a leg, null as a leg's status",
    ),
}
