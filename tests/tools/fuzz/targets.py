"""Define what the guided fuzzer calls, and the invariant of each target. `TARGETS` is the list.

A check returns the value that a target made of an input, or the error of this package. Any other exception is a
finding. Expensive checks are done for a part of the inputs, which `one_in` chooses by their content.
"""

import asyncio
import base64
import gzip
import io
import json
import re
import zlib
from contextlib import redirect_stdout
from typing import NamedTuple
from unittest import mock
from urllib.parse import parse_qs

import attrs
from rich.console import Console

import inputs
from exotel_callback import (
    CallbackError,
    CallList,
    DecodeError,
    InvalidCallbackError,
    PassthruEvent,
    PopupEvent,
    StatusCallback,
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
)
from exotel_callback._cli import anonymise
from exotel_callback._cli.capture import archive_line, read_captured
from exotel_callback._cli.envelope import open_envelope
from exotel_callback._cli.listen import Server, short_type
from exotel_callback._cli.pseudonyms import secret_of
from exotel_callback._cli.sources import events_in, read_source
from exotel_callback._cli.view import Located, explain_call, explain_calls
from exotel_callback._fields.table import mask_number, mask_text
from exotel_callback._model.call import Call
from exotel_callback._wire.decode import guess_content_type
from exotel_callback.adapters import asgi, aws_lambda, wsgi
from hostile import check_misuse
from lanes import everything, without_lanes

LOADERS = {StatusCallback: load, Call: load_call, PassthruEvent: load_passthru, PopupEvent: load_popup}
READERS = {StatusCallback: parse, PassthruEvent: parse_passthru, PopupEvent: parse_popup}
LONG_NUMBER = re.compile("[0-9]{6,}")
LIMITS = {"1048576", "65536"}
ANONYMISE_SECRET = secret_of("a seed of the fuzzer")
# The fields whose values are personal, except JSON, in which statuses and durations stay.
PERSONAL = ("from_number", "to_number", "phone_number_sid", "dialed_number", "recording_url", "call_sid")


def fail(message):
    """Report a finding."""
    raise AssertionError(message)


def one_in(number, data):
    """Return whether an expensive check is done for this input."""
    return zlib.crc32(data) % number == 0


def result_of(read, *arguments, **options):
    """Return the value or the error of a function."""
    try:
        return read(*arguments, **options)
    except CallbackError as error:
        return error


def comparable(result):
    """Return everything of a result that two ways to read one input must have in common."""
    if isinstance(result, CallbackError):
        return type(result), str(result), result.status_hint, result.issues
    return type(result), result, getattr(result, "raw", None)


def check_messages(result, data):
    """Check the messages of an error or of a value."""
    if isinstance(result, CallbackError):
        check_text(str(result), data)
    # Only an event that was parsed has a payload. A dump holds the messages of its issues.
    for issue in result.issues if getattr(result, "raw", None) else ():
        check_text(issue.message, data)


def check_text(text, data):
    """Check that a message quotes no long number of an input."""
    for number in LONG_NUMBER.findall(text):
        if number not in LIMITS and number.encode() in data:
            fail("a message quotes a long number of the input")


# --- Events


def check_event(event):
    """Check that an event survives `dump` and `load`, and that its repr shows no masked value."""
    check_dump(event)
    if masked_alike(event) and repr(masked_alike(event)) != repr(event):
        fail("the repr tells values apart that are masked alike")
    if isinstance(event, StatusCallback) and merge(event, event).event_key != event.event_key:
        fail("merging changes the event key")


def check_dump(value):
    """Check that a value survives `dump` and `load`."""
    dumped = dump(value)
    loaded = LOADERS[type(value)](dumped)
    if loaded != value or hash(loaded) != hash(value) or dump(loaded) != dumped:
        fail("another value after dump and load")


def masked_alike(event):
    """Return an event with other personal values whose masks are equal."""
    others = {}
    for field in attrs.fields(type(event)):
        value = getattr(event, field.name)
        if value is not None and field.repr in {mask_number, mask_text}:
            digits = re.sub("[^0-9]", "", value) if field.repr is mask_number else ""
            others[field.alias] = f"+{'7' * 9}{digits[-3:]}" if len(digits) > 3 else "7"
    return attrs.evolve(event, **others)


def check_strict(read, payload, content_type, event):
    """Check that a strict error has the issues of the event."""
    strict = result_of(read, payload, content_type, strict=True)
    found = strict.issues if isinstance(strict, InvalidCallbackError) else ()
    if found != event.issues:
        fail("strict mode has other issues")


def check_parse(data):
    """Check that `parse` gives the same with and without its quick lanes."""
    payload, content_type = inputs.split(data)
    result = result_of(parse, payload, content_type)
    if one_in(16, data):
        quick = everything(parse, payload, content_type)
        with without_lanes():
            if everything(parse, payload, content_type) != quick:
                fail("the quick lanes and the general code differ")
        if not isinstance(result, CallbackError):
            check_event(result)
            check_strict(parse, payload, content_type, result)
    return result


def check_details(data):
    """Check that Call Details and lists are read, and that `TypeError` is only for an object that JSON can't hold."""
    payload, content_type = inputs.split(data)
    calls = result_of(parse_call_list, payload, content_type)
    result = result_of(parse_call_details, payload, content_type)
    if one_in(16, data):
        if isinstance(calls, CallList):
            hash(calls)
            check_text(repr(calls.errors), data)
            for call in calls.calls:
                check_event(call)
        if not isinstance(result, CallbackError):
            check_event(result)
            check_strict(parse_call_details, payload, content_type, result)
    if one_in(64, data):
        check_misuse(payload, content_type)
    return calls if isinstance(result, CallbackError) else result


def check_any(data):
    """Check that `parse_any` gives an event as the function for its kind does."""
    payload, content_type = inputs.split(data)
    result = result_of(parse_any, payload, content_type)
    others = {kind: result_of(read, payload, content_type) for kind, read in READERS.items()}
    # `parse` cuts no address before the fields.
    if not isinstance(result, CallbackError | StatusCallback) and others[type(result)] != result:
        fail("parse_any gives another event")
    for other in others.values() if one_in(16, data) else ():
        if not isinstance(other, CallbackError):
            check_event(other)
            check_strict(READERS[type(other)], payload, content_type, other)
    if isinstance(result, CallbackError) and not all(isinstance(other, CallbackError) for other in others.values()):
        return next(other for other in others.values() if not isinstance(other, CallbackError))
    return result


def check_load(data):
    """Check that the loaders return a value that survives another `dump`, or raise a `DecodeError`."""
    try:
        made = json.loads(data)
    except (ValueError, RecursionError):
        made = data
    results = [result_of(read, made) for read in LOADERS.values()]
    values = [result for result in results if not isinstance(result, CallbackError)]
    for result in results:
        if isinstance(result, CallbackError) and not isinstance(result, DecodeError):
            fail("a loader raises another error")
    for value in values:
        repr(value)
        check_dump(value)
        json.dumps(dump(value))
    return values[0] if values else results[0]


def check_header(data):
    """Check that a content type means the same for `parse`, for an adapter and for `anonymise`."""
    body, content_type = inputs.split(data)
    if not isinstance(body, bytes):
        return DecodeError("no content type")
    result = result_of(parse, body, content_type)
    short_type(content_type)
    environ = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": content_type or "", "wsgi.input": io.BytesIO(body)}
    received = result_of(wsgi.parse_request, {**environ, "CONTENT_LENGTH": str(len(body))})
    if comparable(received) != comparable(result):
        fail("an adapter reads the content type otherwise")
    if one_in(16, data):
        check_anonymised(body, content_type)
    return result


# --- Requests


def run(coroutine):
    """Run a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as stopped:
        return stopped.value
    return fail("an adapter waits")


def check_adapters(data):
    """Check that all adapters give the same for one request."""
    method, target, headers, body = inputs.parts_of(data)
    path, _, query = target.partition(b"?")
    declared = headers.get(b"content-length", b"").decode("latin-1")
    if declared.isascii() and declared.isdecimal() and len(declared) < 20:
        body = body[: int(declared)]  # As a server does.
    options = {"reader": parse_any if one_in(2, data) else parse}
    if one_in(3, data):
        options["secret"] = inputs.SECRET
    result = run_asgi(method, query, headers, body, options)
    by_wsgi = result_of(wsgi.parse_request, environ_of(method, path, query, headers, body), **options)
    if comparable(result) != comparable(by_wsgi):
        fail("WSGI and ASGI differ")
    is_whole = b"transfer-encoding" not in headers and declared in {"", str(len(body))}
    results = [result_of(aws_lambda.parse_event, event, **options) for event in events_of(method, query, headers, body)]
    if is_whole and query.isascii() and method and comparable(results[0]) != comparable(result):
        fail("AWS Lambda and ASGI differ")
    if "secret" in options and any("secret" in getattr(each, "raw", ()) for each in [result, *results]):
        fail("the secret is in the event")
    return result


def run_asgi(method, query, headers, body, options):
    """Return the result of the ASGI adapter. The body comes in two parts."""
    middle = len(body) // 2
    parts = iter([(body[:middle], True), (body[middle:], False)])

    async def receive():
        part, more = next(parts)
        return {"type": "http.request", "body": part, "more_body": more}

    scope = {"type": "http", "method": method, "headers": [*headers.items()], "query_string": query}
    return result_of(lambda: run(asgi.parse_request(scope, receive, **options)))


def environ_of(method, path, query, headers, body):
    """Return the environ that a WSGI server makes of a request."""
    names = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}
    named = {
        names.get(name) or "HTTP_" + name.decode("latin-1").upper().replace("-", "_"): value.decode("latin-1")
        for name, value in headers.items()
    }
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path.decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        **named,
    }


def events_of(method, query, headers, body):
    """Yield the events of a function URL, an API Gateway and a load balancer for a request."""
    named = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
    text = query.decode("latin-1")
    rest = {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    yield {"headers": named, "rawQueryString": text, "requestContext": {"http": {"method": method}}, **rest}
    values = parse_qs(text, keep_blank_values=True)
    several = {name: [value] for name, value in named.items()}
    yield {"httpMethod": method, "multiValueHeaders": several, "multiValueQueryStringParameters": values, **rest}
    pairs = dict(part.partition("=")[::2] for part in text.split("&"))
    context = {"httpMethod": method, "headers": named, "requestContext": {"elb": {}}}
    yield {**context, "queryStringParameters": pairs, "body": body.decode("latin-1")}


class Archive:
    """An archive that reads each request again."""

    def __init__(self):
        """Keep the last event."""
        self.event = DecodeError("no request")

    def append(self, request, received_at):
        """Check that the archive holds the same request."""
        self.event = read_captured(request)
        envelope = open_envelope(archive_line(request, received_at).rstrip(b"\n"))
        kind = envelope.content_type or guess_content_type(envelope.body)
        if isinstance(self.event, CallbackError):
            result_of(events_in, envelope.body, kind)
        elif result_of(events_in, envelope.body, kind) != ([self.event], []):
            fail("the archive holds another request")


class Connection:
    """The writing half of a connection."""

    def __init__(self):
        """Begin without data."""
        self.written = b""

    def write(self, data):
        """Keep the data."""
        self.written += data

    async def drain(self):
        """Wait for nothing."""

    def write_eof(self):
        """Do nothing."""

    def close(self):
        """Do nothing."""


LOOP = asyncio.new_event_loop()
SHOWN = io.StringIO()  # click keeps every stream that it has written to.


def check_listen(data):
    """Check that `listen` answers every connection, shows nothing personal, and archives the request that it shows."""
    archive, connection = Archive(), Connection()
    SHOWN.seek(0)
    SHOWN.truncate()
    server = Server(secret=inputs.SECRET if one_in(3, data) else None, archive=archive, explain=one_in(256, data))
    server._ended = LOOP.create_future()
    reader = asyncio.StreamReader(limit=16_384, loop=LOOP)
    reader.feed_data(data)
    reader.feed_eof()
    with redirect_stdout(SHOWN):
        LOOP.run_until_complete(server._serve(reader, connection))
    if server._ended.done():
        server._ended.result()
    if data and not connection.written.startswith(b"HTTP/1.1 "):
        fail("no answer")
    if not one_in(256, data):
        check_text(SHOWN.getvalue(), data)
    check_text(connection.written.decode("latin-1"), data)
    if one_in(16, data):
        list(server.summary.lines())
    return archive.event


# --- Files


def check_source(data):
    """Check that `explain` reads every file, also compressed, and shows nothing personal without the option."""
    found = list(read_source(io.BytesIO(data)))
    events = [event for each in found for event in each.events]
    for each in found:
        for problem in each.problems:
            check_text(problem, data)
    if one_in(16, data) and not data.startswith(b"\x1f\x8b"):
        packed = io.BytesIO(gzip.compress(data, 1))
        if list(read_source(packed)) != found:
            fail("a compressed source has other content")
    if events and one_in(256, data):
        explained(events[:50])
        # Other events could become equal, and then be shown once.
        if explained(events[:1]) != explained([masked_alike(events[0])]):
            fail("explain shows a masked value")
    return events[0] if events else DecodeError("no event")


def explained(events):
    """Return what `explain` shows for the first call of events, and for all calls."""
    console = Console(file=io.StringIO(), width=100, highlight=False, markup=False)
    located = [Located("file", event) for event in events]
    calls = {}
    for each in located:
        calls.setdefault(each.event.call_sid, []).append(each)
    console.print(explain_call(next(iter(calls.values())), show_personal=False), explain_calls(calls.values()))
    return console.file.getvalue()


def check_anonymise(data):
    """Check that `anonymise` replaces personal values, in a body and in an archive of it."""
    content_type, _, body = data.partition(b"\n")
    if one_in(16, data):
        lines = list(inputs.sources_of(data))
        check_anonymised(lines[3 + len(data) % 2], None)
    return check_anonymised(body, content_type.decode("latin-1") or None)


def check_anonymised(data, content_type):
    """Return the replaced content of a file, in which no personal value is that of the original."""
    problems = []
    # The content of the file is passed as its name.
    with mock.patch.object(anonymise, "open_input", io.BytesIO):
        pieces = list(anonymise._pieces((data,), content_type, problems))
    results = [result_of(anonymise._replaced, ANONYMISE_SECRET, piece, content_type) for piece in pieces]
    error = next((result for result in results if isinstance(result, CallbackError)), None)
    if error or not pieces:
        return error or DecodeError("no request")
    result = b"".join(result + piece.separator for result, piece in zip(results, pieces, strict=True))
    before, after = events_with(data, content_type), events_with(result, content_type)
    if len(result) != len(data) or [*map(type, before)] != [*map(type, after)]:
        fail("anonymise changes the events")
    for old, new in zip(before, after, strict=True):
        for name in PERSONAL:
            if same_digits(getattr(old, name, None) or "", getattr(new, name, None) or ""):
                fail(f"anonymise keeps {name}")
    return result


def events_with(data, content_type):
    """Return the events in a piece."""
    return [event for found in read_source(io.BytesIO(data), content_type) for event in found.events]


def same_digits(old, new):
    """Return whether the last six digits of a long number stayed. The boundary in a value isn't a number."""
    old = re.sub(r"--\S+", lambda found: " " * len(found[0]), old)
    numbers = (number for number in re.finditer("[0-9]{8,}", old) if number[0].strip("0"))
    return any(new[number.end() - 6 : number.end()] == number[0][-6:] for number in numbers)


class Target(NamedTuple):
    """A part of the package, and how to make inputs for it."""

    check: object
    """A function that checks the invariant for an input, and returns a value or a `CallbackError`."""
    samples: object
    mutate: object


TARGETS = {
    "parse": Target(check_parse, inputs.bodies, inputs.mutate_body),
    "details": Target(check_details, inputs.bodies, inputs.mutate_body),
    "any": Target(check_any, inputs.bodies, inputs.mutate_body),
    "load": Target(check_load, inputs.dumps, inputs.mutate_dump),
    "header": Target(check_header, inputs.headers, inputs.mutate_header),
    "adapters": Target(check_adapters, inputs.requests, inputs.mutate_request),
    "listen": Target(check_listen, inputs.requests, inputs.mutate_request),
    "source": Target(check_source, inputs.sources, inputs.mutate_source),
    "anonymise": Target(check_anonymise, inputs.bodies, inputs.mutate_body),
}
