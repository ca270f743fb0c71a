"""Use every public name for type checkers. mypy strict and pyright strict read this file; it is never run."""

import io
import json
import os
from collections.abc import AsyncIterator, ItemsView, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, assert_type
from urllib.parse import parse_qs, parse_qsl

from cattrs import Converter
from hypothesis import given
from hypothesis.strategies import SearchStrategy
from pyarrow import RecordBatch, Schema, Table

from exotel_callback import (
    IST,
    AgentStatus,
    AnsweredBy,
    AuthenticationError,
    Call,
    CallbackError,
    CallList,
    CallStatus,
    CallType,
    DecodeError,
    Direction,
    EventType,
    InvalidCallbackError,
    Issue,
    IssueCode,
    Leg,
    LegStatus,
    Limits,
    MissingFieldError,
    Outcome,
    PassthruEvent,
    PassthruLeg,
    Payload,
    PopupEvent,
    PopupEventType,
    RawPayload,
    StatusCallback,
    Stream,
    StreamStatus,
    arrow,
    auth,
    combined_outcome,
    converters,
    dump,
    load,
    load_call,
    load_passthru,
    load_popup,
    merge,
    parse,
    parse_any,
    parse_call_details,
    parse_call_list,
    parse_passthru,
    parse_popup,
    phones,
    recordings,
    schemas,
    strategies,
    testing,
)
from exotel_callback.adapters import Options, Reader, aiohttp, asgi, aws_lambda, django, fastapi, flask, starlette, wsgi

if TYPE_CHECKING:
    from aiohttp import ClientResponse, web
    from django.http import HttpRequest
    from flask import Request as FlaskRequest
    from httpx2 import Response
    from multidict import MultiDictProxy
    from starlette.requests import Request

callback = parse(b"body", "application/json", strict=True, timezone=timezone(timedelta()), limits=Limits(legs=2))
assert_type(callback, StatusCallback)
assert_type(RawPayload({"a": 1}).get("a"), Any)
assert_type(RawPayload().items(), ItemsView[str, object])
adapter_options: Options = {"secret": ["old", b"new"], "strict": True}
parse(bytearray())
parse(memoryview(b""))
parse("text")
parse({"CallSid": ["a"]})
parse([("CallSid", "a")])
parse([["CallSid", "a"]])
parse(iter({"CallSid": "a"}.items()))
parse(parse_qs("CallSid=a"))
parse(parse_qsl("CallSid=a"))
parse(RawPayload())
parse(callback.raw)
parse(json.loads("{}"))
parse({1: "a"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a name isn't a string
parse(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - it isn't a payload
parse({"CallSid"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - these aren't pairs
parse(iter("CallSid=a"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - these are characters
parse(io.BytesIO(b"CallSid=a"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - these are lines
parse(parse)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a function isn't called
parse(dict)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a class isn't called
parse_passthru(parse)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a function isn't called
parse_call_details(parse)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a function isn't called
parse_call_list(parse)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a function isn't called
testing.assert_valid(parse)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType] - a function isn't called


def read(payload: Payload) -> StatusCallback:
    """Pass on the payload of a handler."""
    return parse(payload)


assert_type(callback.call_sid, str)
assert_type(callback.status, CallStatus)
assert_type(callback.date_updated, datetime | None)
assert_type(callback.date_created, datetime | None)
assert_type(callback.start_time, datetime | None)
assert_type(callback.end_time, datetime | None)
assert_type(callback.recording_url, str | None)
assert_type(callback.event_type, EventType | None)
assert_type(callback.from_number, str | None)
assert_type(callback.to_number, str | None)
assert_type(callback.phone_number_sid, str | None)
assert_type(callback.custom_field, str | None)
assert_type(callback.conversation_duration, int | None)
assert_type(callback.duration, int | None)
assert_type(CallStatus.FINAL, frozenset[CallStatus])
assert_type(callback.direction, Direction | None)
assert_type(callback.legs, tuple[Leg, ...])
assert_type(callback.issues, tuple[Issue, ...])
assert_type(callback.raw, Mapping[str, object])
assert_type(callback.extra, Mapping[str, object])
assert_type(callback.is_terminal, bool)
assert_type(callback.is_settled, bool)
assert_type(callback.outcome, Outcome)
assert_type(callback.unreached_leg, int | None)
assert_type(callback.event_key, str)
assert_type(callback.answered_by, AnsweredBy | None)
assert_type(callback.legs[0].status, LegStatus | None)
assert_type(callback.legs[0].answered_by, AnsweredBy | None)
assert_type(callback.legs[0].on_call_duration, int | None)
assert_type(callback.issues[0].path, str)
assert_type(callback.issues[0].code, IssueCode)
assert_type(callback.issues[0].message, str)
assert_type(callback.issues[0].value, str)
assert_type(Issue.at("Status", IssueCode.UNKNOWN_VALUE), Issue)
assert_type(dump(callback), dict[str, Any])
assert_type(load(dump(callback)), StatusCallback)
assert_type(callback.status.supersedes(CallStatus.BUSY), bool)

assert_type(parse_call_details(b"body", strict=True), StatusCallback)
page = parse_call_list(b"body", "application/json", timezone=IST, limits=Limits())
assert_type(page, CallList)
assert_type(page.calls, tuple[StatusCallback, ...])
assert_type(page.metadata, Mapping[str, object])
assert_type(page.errors, tuple[Issue, ...])

event = parse_passthru("CallSid=a", strict=True)
assert_type(event, PassthruEvent)
assert_type(event.call_type, CallType | None)
assert_type(event.dial_status, CallStatus | None)
assert_type(event.created, datetime | None)
assert_type(event.current_time, datetime | None)
assert_type(event.recording_available_by, datetime | None)
assert_type(event.ring_and_talk_duration, int | None)
assert_type(event.dialed_number, str | None)
assert_type(event.outgoing_number, str | None)
assert_type(event.forwarded_from, str | None)
assert_type(event.digits, str | None)
assert_type(event.flow_id, str | None)
assert_type(event.tenant_id, str | None)
assert_type(event.process_status, str | None)
assert_type(event.legs, tuple[PassthruLeg, ...])
assert_type(event.legs[0].number, str | None)
assert_type(event.legs[0].type, str | None)
assert_type(event.legs[0].on_call_duration, int | None)
assert_type(event.legs[0].caller_id, str | None)
assert_type(event.legs[0].cause, str | None)
assert_type(event.legs[0].cause_code, str | None)
assert_type(event.legs[0].disconnected_by, str | None)
assert_type(event.outcome, Outcome)
assert_type(event.extra, Mapping[str, object])
assert_type(event.account_sid, str | None)
assert_type(event.event_type, str | None)
assert_type(event.stream, Stream | None)
stream = Stream(status=StreamStatus.COMPLETED)
assert_type(stream.stream_sid, str | None)
assert_type(stream.status, StreamStatus | None)
assert_type(stream.duration, int | None)
assert_type(stream.recording_url, str | None)
assert_type(stream.stream_url, str | None)
assert_type(stream.disconnected_by, str | None)
assert_type(stream.error, str | None)
assert_type(stream.detailed_status, str | None)
assert_type(event.event_key, str)
assert_type(load_passthru(dump(event)), PassthruEvent)
assert_type(combined_outcome(callback, event, event), Outcome)
assert_type(combined_outcome(merge(callback)), Outcome)
assert_type(combined_outcome(None, event), Outcome)
combined_outcome(event)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - it isn't a callback

popup = parse_popup("CallSid=a&EventType=Dial", strict=True)
assert_type(popup, PopupEvent)
assert_type(popup.event_type, PopupEventType)
assert_type(popup.agent_status, AgentStatus | None)
assert_type(popup.agent_email, str | None)
assert_type(popup.dialed_number, str | None)
assert_type(popup.direction, Direction | None)
assert_type(popup.created, datetime | None)
assert_type(popup.current_time, datetime | None)
assert_type(popup.end_time, datetime | None)
assert_type(popup.recording_available_by, datetime | None)
assert_type(popup.extra, Mapping[str, object])
assert_type(popup.event_key, str)
assert_type(load_popup(dump(popup)), PopupEvent)
assert_type(parse_any(b"", "application/json", limits=Limits()), StatusCallback | PassthruEvent | PopupEvent)
merge(event)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - it is a PassthruEvent

assert_type(auth.check_secret("a", ["b", b"c"]), bool)
assert_type(auth.check_secret("a", auth.require_secret(os.environ.get("EXOTEL_SECRET"))), bool)
assert_type(auth.check_basic_auth(None, "a", "b"), bool)
assert_type(auth.sign_url("https://example.com", "a", "b"), str)
assert_type(auth.verify_url(None, "a", "b", max_age=60), bool)
assert_type(recordings.is_trusted(callback.recording_url), bool)
recordings.is_trusted("https://example.com/a", (*recordings.EXOTEL_PREFIXES, "https://example.com/"))
assert_type(phones.to_e164(callback.from_number, "IN"), str | None)

call = merge(callback, merge(callback))
assert_type(call, Call)
assert_type(call.events, tuple[StatusCallback, ...])
assert_type(call.outcome, Outcome)
assert_type(call.call_sid, str)
assert_type(load_call(dump(call)), Call)
merge([callback])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a list isn't an event
assert_type(converters.make_converter(), Converter)
assert_type(schemas.json_schema(Call), dict[str, Any])
assert_type(schemas.json_schema(schemas.SCHEMA_NAMES[0]), dict[str, Any])
converters.configure_converter(Converter())
assert_type(IST, timezone)
assert_type((limits := Limits(body_bytes=1, fields=2, legs=3)).fields, int)
assert_type((limits.body_bytes, limits.legs), tuple[int, int])
parse(b"", strict="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - it isn't a bool
parse(b"", timezone="IST")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - it isn't a tzinfo

StatusCallback(call_sid="a", status=CallStatus.BUSY, legs=(Leg(), Leg(status=LegStatus.BUSY)), raw={"a": 1})
callback.status = CallStatus.BUSY  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue] - it is frozen

try:
    parse(b"")
except DecodeError as error:
    assert_type(error.status_hint, int)
except (MissingFieldError, InvalidCallbackError, AuthenticationError) as error:
    assert_type(error.issues, tuple[Issue, ...])
except CallbackError as error:
    assert_type(error.issues, tuple[Issue, ...])


def flask_view() -> None:
    """Use Flask's adapter, with the current request or a given one."""
    assert_type(flask.parse_request(secret="a", strict=True), StatusCallback)
    assert_type(flask.parse_request(reader=parse, secret="a"), StatusCallback)
    assert_type(flask.parse_request(reader=parse_passthru, strict=True), PassthruEvent)
    assert_type(flask.parse_request(reader=parse_popup), PopupEvent)
    assert_type(flask.parse_request(None, reader=parse_any), StatusCallback | PassthruEvent | PopupEvent)
    flask.parse_request(reader="parse")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType] - no function
    flask.parse_request(reader=dump)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - no reader
    flask.parse_request(secret=None)
    flask.parse_request(secret=auth.require_secret(b"a"))
    flask.parse_request(secrets="a")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue] - no such option


def flask_payloads(request: "FlaskRequest") -> None:
    """Pass each thing that Flask has for a body, and the mistakes."""
    parse(request.get_data())
    parse(request.form)
    parse(request.values)
    parse(request.args.items(multi=True))
    parse(request.get_json())
    parse_passthru(request.args)
    parse_passthru(request.query_string)
    parse(request)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - it isn't the body
    parse(request.get_data)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - it isn't called
    parse(request.stream)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - it isn't read


def django_view(request: "HttpRequest") -> None:
    """Use Django's adapter."""
    assert_type(django.parse_request(request, limits=Limits()), StatusCallback)
    assert_type(django.parse_request(request, reader=parse_passthru, secret="a"), PassthruEvent)
    assert_type(django.parse_request(request, reader=parse_popup), PopupEvent)
    assert_type(django.parse_request(request, reader=parse_any), StatusCallback | PassthruEvent | PopupEvent)


def django_payloads(request: "HttpRequest") -> None:
    """Pass each thing that Django has for a body, and the mistake."""
    parse(request.body)
    parse(request.POST)
    parse(request.POST.lists())
    parse_passthru(request.GET)
    parse_passthru(request.META["QUERY_STRING"])
    parse(request)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - it isn't the body


async def fastapi_route(request: "Request") -> None:
    """Use FastAPI's adapter, and its dependency."""
    assert_type(await fastapi.parse_request(request, secret=["a", "b"]), StatusCallback)
    assert_type(await fastapi.parse_request(request, reader=parse_passthru), PassthruEvent)
    assert_type(await fastapi.parse_request(request, reader=parse_popup, secret="a"), PopupEvent)
    assert_type(await fastapi.parse_request(request, reader=parse_any), StatusCallback | PassthruEvent | PopupEvent)
    assert_type(await fastapi.callback(secret="a")(request), StatusCallback)
    assert_type(await fastapi.callback(reader=parse)(request), StatusCallback)
    assert_type(await fastapi.callback(reader=parse_passthru, secret="a")(request), PassthruEvent)
    assert_type(await fastapi.callback(reader=parse_popup)(request), PopupEvent)
    assert_type(await fastapi.callback(reader=parse_any)(request), StatusCallback | PassthruEvent | PopupEvent)
    assert_type(fastapi.OPENAPI, dict[str, Any])
    assert_type(await fastapi.callback(on_error=fastapi.raise_error, secret="a")(request), StatusCallback)
    assert_type(await fastapi.callback(reader=parse_popup, on_error=fastapi.log_error)(request), PopupEvent)
    fastapi.callback(on_error=dump)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - other parameters
    assert_type(await starlette.parse_request(request, secret=["a", "b"]), StatusCallback)
    assert_type(await starlette.parse_request(request, reader=parse_passthru), PassthruEvent)
    assert_type(await starlette.parse_request(request, reader=parse_any), StatusCallback | PassthruEvent | PopupEvent)


async def asgi_application(request: "Request", chunks: AsyncIterator[bytes]) -> None:
    """Use the adapter of ASGI, with what an application and a framework give it."""
    assert_type(await asgi.parse_request(request.scope, request.receive, secret="a"), StatusCallback)
    assert_type(await asgi.parse_request(request.scope, request.stream(), reader=parse_popup), PopupEvent)
    assert_type(await asgi.parse_request(request.scope, chunks, reader=parse_passthru, strict=True), PassthruEvent)
    await asgi.parse_request(request.scope, b"")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType] - no stream


def wsgi_application(environ: dict[str, Any]) -> None:
    """Use the adapter of WSGI."""
    assert_type(wsgi.parse_request(environ, secret="a"), StatusCallback)
    assert_type(wsgi.parse_request(environ, reader=parse_passthru), PassthruEvent)
    assert_type(wsgi.parse_request(environ, reader=parse_any), StatusCallback | PassthruEvent | PopupEvent)


async def fastapi_payloads(request: "Request", body: bytes | None) -> None:
    """Pass each thing that FastAPI has for a body, and the mistakes. The request itself is a mapping."""
    parse(body)
    parse(await request.body())
    parse(await request.json())
    parse(await request.form())
    parse((await request.form()).multi_items())
    parse_passthru(request.query_params)
    parse(request.body)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - it isn't called
    parse(request.body())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - it isn't awaited
    parse(request.form())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - it isn't awaited
    parse(request.stream())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - it is asynchronous


async def aiohttp_payloads(request: "web.Request", form: "MultiDictProxy[str]") -> None:
    """Pass each thing that aiohttp has for a body, and the mistakes."""
    parse(form)
    parse(await request.read())
    parse(await request.text())
    parse(await request.post())
    parse_passthru(request.query)
    parse(request.read())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - it isn't awaited
    parse(request.post())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - it isn't awaited
    parse(request)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - it isn't the body


async def answers_of_the_api(response: "Response", other: "ClientResponse") -> None:
    """Pass the answer of an HTTP client, and the mistakes."""
    parse_call_details(response.content)
    parse_call_details(response.json())
    parse_call_details(await other.read())
    parse_call_list(response)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - it isn't the body
    parse_call_list(other.read())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - it isn't awaited


async def aiohttp_handler(request: "web.Request") -> None:
    """Use the adapter of aiohttp."""
    assert_type(await aiohttp.parse_request(request, timezone=IST), StatusCallback)
    assert_type(await aiohttp.parse_request(request, reader=parse_passthru), PassthruEvent)
    assert_type(await aiohttp.parse_request(request, reader=parse_popup, strict=True), PopupEvent)
    assert_type(await aiohttp.parse_request(request, reader=parse_any), StatusCallback | PassthruEvent | PopupEvent)


def test_handler() -> None:
    """Use the kit for unit tests."""
    body, content_type = testing.encode_form(testing.payload(Status="busy"))
    assert_type(testing.assert_valid(body, content_type), StatusCallback)
    query = testing.encode_query(testing.passthru_payload(DialCallStatus="busy"))
    assert_type(query, str)
    assert_type(testing.assert_valid(query, reader=parse_passthru), PassthruEvent)
    assert_type(testing.assert_valid(testing.popup_payload(), reader=parse_popup), PopupEvent)
    assert_type(testing.assert_valid(query, reader=parse_any), StatusCallback | PassthruEvent | PopupEvent)
    assert_type(testing.FLOW_SCENARIOS["bot-fails"], testing.Scenario)
    scenario = testing.SCENARIOS["busy"]
    assert_type(scenario, testing.Scenario)
    assert_type((scenario.name, scenario.description, scenario.call_sid), tuple[str, str, str])
    assert_type(scenario.outcome, Outcome)
    assert_type([delivery.delay for delivery in scenario.deliveries(testing.encode_json)], list[float])
    assert_type(next(scenario.deliveries(CallSid="a", Legs=[])).body, bytes)
    assert_type(testing.encode_multipart({"CallSid": "a"}), tuple[bytes, str])


@given(strategies.status_callbacks(), strategies.json_bodies(payloads=strategies.payloads()), strategies.deliveries())
def fuzz_handler(drawn: StatusCallback, body: tuple[bytes, str], deliveries: list[testing.Delivery]) -> None:
    """Use the strategies."""
    assert_type(strategies.legs(allow_issues=False), SearchStrategy[Leg])
    assert_type(strategies.damaged_bodies(), SearchStrategy[tuple[bytes, str]])
    assert_type(strategies.form_bodies(), SearchStrategy[tuple[bytes, str]])
    assert_type(strategies.multipart_bodies(), SearchStrategy[tuple[bytes, str]])
    assert_type(strategies.passthru_events(), SearchStrategy[PassthruEvent])
    assert_type(strategies.passthru_payloads(allow_issues=False), SearchStrategy[dict[str, Any]])
    assert_type(strategies.popup_events(), SearchStrategy[PopupEvent])
    assert_type(strategies.popup_payloads(), SearchStrategy[dict[str, Any]])
    assert_type(strategies.query_strings(payloads=strategies.popup_payloads()), SearchStrategy[str])
    assert_type(deliveries[0].body, bytes)
    assert_type((deliveries[0].method, deliveries[0].query), tuple[str, str])
    drawn.outcome.upper()
    body[0].decode()


def lambda_handler(event: dict[str, Any]) -> None:
    """Use the adapter of AWS Lambda."""
    assert_type(aws_lambda.parse_event(event, secret_parameter="key"), StatusCallback)
    assert_type(aws_lambda.parse_event(event, reader=parse_passthru), PassthruEvent)
    assert_type(aws_lambda.parse_event(event, reader=parse_popup, secret="a"), PopupEvent)
    assert_type(aws_lambda.parse_event(event, reader=parse_any), StatusCallback | PassthruEvent | PopupEvent)


def read_events(request: "FlaskRequest", readers: list[Reader[PassthruEvent | PopupEvent]]) -> None:
    """Pass readers that you store yourself."""
    readers += [parse_passthru, parse_popup]
    assert_type(flask.parse_request(request, reader=readers[0]), PassthruEvent | PopupEvent)


batches = arrow.parse_batches(Table.from_pydict({}), "body", content_type=None, timezone=IST, limits=Limits())
assert_type(batches, Iterator[RecordBatch])
assert_type(arrow.call_table(batches), Table)
assert_type(arrow.SCHEMA, Schema)
assert_type(arrow.CALL_SCHEMA, Schema)
arrow.parse_batches(b"")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
