"""Make the inputs of the guided fuzzer: the first ones from the samples, and others by changing them.

There are four forms of an input, each a string of bytes:

- a body: a line with the content type, and then the body. The content types ``mapping`` and ``pairs`` stand for JSON
  that a framework decoded;
- a request: an HTTP request as a client sends it;
- a dump: the JSON of a dict that `dump` returned;
- a source: the content of a file for ``explain``.

In half of the cases a mutator changes bytes, with the function of the fuzzer. In the other half it changes the payload
in the input: it drops, repeats, renames or exchanges fields, and encodes the payload again.
"""

import base64
import gzip
import json
from contextlib import suppress
from copy import deepcopy
from functools import cache
from urllib.parse import quote

from exotel_callback import CallbackError, StatusCallback, dump, merge
from exotel_callback._cli.sources import events_in
from exotel_callback._options import DEFAULT_LIMITS
from exotel_callback._wire.decode import decode
from exotel_callback._wire.payload import RawPayload
from helpers import ENCODERS, FORM, JSON, LEAST, MULTIPART, PAGE, SAMPLE_BODIES, multipart
from hostile import CONTENT_TYPES, FILLERS, NAMES, VALUES

REQUIRED = 0.8  # The share of payloads that get the required fields. Otherwise most payloads would be rejected.
MAPPING = "mapping"
PAIRS = "pairs"
HEAD_END = b"\r\n\r\n"
SECRET = "s3cret"
REQUEST_LINES = [
    b"POST / HTTP/1.1",
    b"POST /exotel?secret=s3cret HTTP/1.1",
    b"POST /?secret=a&%73ecret=s3cret&secret HTTP/1.0",
    b"GET /a/09876543210?secret=s3cret&CallSid=a&Status=busy HTTP/1.1",
    b"GET https://example.com/?CallSid=a&flow_id=1&CallType=completed HTTP/1.1",
    b"HEAD /?CallSid=a&EventType=Dial&Status=busy&DialWhomNumber=09876543210 HTTP/1.1",
    b"PUT * HTTP/1.1",
]
HEADERS = [
    b"Transfer-Encoding: chunked",
    b"Content-Length: 0",
    b"Content-Length: 99999999999999999999",
    b"Expect: 100-continue",
    b"Connection: close",
    b"Content-Encoding: gzip",
    b"User-Agent: Exotel Servers",
    *(b"Content-Type: " + kind.encode() for kind in CONTENT_TYPES if kind and len(kind) < 100),
]
# Parts of content types.
PARAMETERS = ["charset=", "boundary=", "utf-16", "latin-1", "cp1252", "utf-8", '"', "\\", "x", "; ", "=", "*0*=", "\t"]
STRINGS = ["", " ", "-", "_", "0", ".0", "\0", "T", "Z", "+05:30", "\u0661", "%"]


# --- Forms


def split(data):
    """Return the arguments of `parse` for a body: its payload and its content type."""
    line, _, body = data.partition(b"\n")
    content_type = line.decode("latin-1")
    if content_type in {MAPPING, PAIRS}:
        with suppress(ValueError, RecursionError):
            made = json.loads(body)
            if isinstance(made, dict):
                return (made if content_type == MAPPING else list(made.items())), None
    return body, content_type or None


def joined(body, content_type):
    """Return a body as an input."""
    return content_type.encode("latin-1", "replace").replace(b"\n", b" ") + b"\n" + body


def request_of(data, line=REQUEST_LINES[0]):
    """Return a request with the body of an input."""
    content_type, _, body = data.partition(b"\n")
    return b"%b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (line, content_type, len(body), body)


def parts_of(request):
    """Return the method, the target, the headers and the body of a request, whatever it contains.

    The headers are those that a server reports: the first one of each name, in lower case.
    """
    head, _, body = request.partition(HEAD_END)
    line, *lines = head.split(b"\r\n")
    method, _, target = line.removesuffix(b" HTTP/1.1").partition(b" ")
    headers = {}
    for each in lines:
        name, _, value = each.partition(b":")
        headers.setdefault(name.strip().lower(), value.strip())
    return method.decode("latin-1"), target, headers, body


def sources_of(data):
    """Yield a body in each form in which a tool can store it."""
    content_type, _, body = data.partition(b"\n")
    kind, text = content_type.decode("latin-1"), body.decode("utf-8", "replace")
    encoded = base64.b64encode(body).decode()
    yield body
    yield request_of(data)
    yield b"GET /?" + quote(body, "=&").encode() + b" HTTP/1.1\r\n\r\n"
    for made in (
        {"content_type": kind, "body": text},
        {"body_base64": encoded, "received_at": "2024-01-15T14:30:45+05:30", "method": "POST", "path": "/?a=b"},
        {"json": {"headers": {"content-type": kind}, "query": {}, "body": text}},
        {"requestContext": {}, "headers": {"Content-Type": kind}, "body": encoded, "isBase64Encoded": True},
    ):
        yield json.dumps(made).encode()


# --- Samples


def bodies():
    """Yield every sample as a body."""
    for folder, name, content_type in SAMPLE_BODIES:
        yield joined((folder / name).read_bytes(), content_type)


@cache
def headers():
    """Return small bodies with content types and in charsets of every kind."""
    found = [joined(b"CallSid=a&Status=busy&From=09876543210", kind[:200]) for kind in filter(None, CONTENT_TYPES)]
    for codec in ("utf-8", "utf-16", "utf-16-be", "utf-32-le", "latin-1", "cp1252", "ascii"):
        text = json.dumps({**LEAST, "From": "09876543210", "CustomField": "caf\u00e9"}, ensure_ascii=codec == "ascii")
        found.append(joined(text.encode(codec), f"{JSON}; charset={codec}"))
    fields = {**LEAST, "From": "09876543210"}.items()
    return [*found, joined(multipart(fields, "Ab-c"), 'Multipart/Form-Data; Boundary="Ab-c"')]


def requests():
    """Yield every sample as a request."""
    for number, data in enumerate(bodies()):
        yield request_of(data, REQUEST_LINES[number % 3])
    yield from (line + b"\r\nHost: a\r\n\r\n" for line in REQUEST_LINES)
    yield REQUEST_LINES[0] + b"\r\nTransfer-Encoding: chunked\r\n\r\n15\r\nCallSid=a&Status=busy\r\n0\r\n\r\n"


@cache
def dumps():
    """Return the dump of every sample, and of the call that it is merged into."""
    found = []
    for data in bodies():
        with suppress(CallbackError):
            for event in events_in(*split(data))[0]:
                found.append(json.dumps(dump(event)).encode())
                if isinstance(event, StatusCallback):
                    found.append(json.dumps(dump(merge(event, event))).encode())
    return found


def sources():
    """Yield every sample in each form in which a tool can store it."""
    for data in bodies():
        yield from sources_of(data)
    yield from dumps()


# --- Mutators


def any_value(rng):
    """Return a value, which the caller may change."""
    return deepcopy(rng.choice(VALUES))


def change(made, rng):
    """Make one change to a payload."""
    names = list(made) or ["Status"]
    name = rng.choice(names)
    match rng.randrange(7):
        case 0:
            made.pop(name, None)
        case 1:
            made[rng.choice(NAMES)] = deepcopy(made.get(name))
        case 2:
            made[name] = any_value(rng)
        case 3:
            made[rng.choice(NAMES)] = any_value(rng)
        case 4:
            other = rng.choice(names)
            made[name], made[other] = made.get(other), made.get(name)
        case 5 if isinstance(made.get(name), str):
            made[name] = changed_text(made[name], rng)
        case 6 if isinstance(made.get(name), dict):
            change(made[name], rng)
        case _:
            made["Legs"] = [
                {"OnCallDuration": any_value(rng), "Status": any_value(rng)} for _ in range(rng.randrange(4))
            ]


def changed_text(text, rng, parts=STRINGS):
    """Insert or replace a few characters of a string."""
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(parts) + text[at + rng.randrange(2) :]


def changed_tree(value, rng):
    """Make one change somewhere in a value that JSON can hold. Most changes keep the names and the types."""
    if isinstance(value, dict | list) and value and rng.random() < 0.95:
        key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        match rng.randrange(20):
            case 0:
                del value[key]
            case 1 if isinstance(value, dict):
                value[rng.choice([*value, *NAMES])] = value.pop(key)
            case 2 | 3 if isinstance(value, list):
                value.extend(deepcopy(value) * rng.choice([1, 2, 20]))
            case _:
                value[key] = changed_tree(value[key], rng)
        return value
    if isinstance(value, str) and rng.random() < 0.6:
        return changed_text(value, rng)
    if isinstance(value, int) and rng.random() < 0.6:
        return rng.choice([0, 1, -1, value + 1, 10 ** rng.randrange(20)])
    return rng.choice([None, any_value(rng)])


def as_body(made, rng):
    """Encode a payload as an input. The encoders refuse NaN with a `ValueError`."""
    if rng.random() < 0.2:
        return joined(json.dumps(made).encode(), rng.choice([MAPPING, PAIRS]))
    return joined(*rng.choice(list(ENCODERS.values()))(made))


def plain(value):
    """Return a payload with the types of JSON."""
    if isinstance(value, RawPayload):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, tuple) else value


def mutate_body(data, rng, mutate_bytes):
    """Change the content type, the body or the payload of a body."""
    line, _, body = data.partition(b"\n")
    match rng.randrange(8):
        case 0:
            return joined(body, rng.choice(CONTENT_TYPES) or "")
        case 1:
            return mutate_bytes(line).replace(b"\n", b" ") + b"\n" + body
        case 2 | 3:
            return line + b"\n" + mutate_bytes(body)
        case 4:
            at = rng.randrange(len(body) + 1)
            return line + b"\n" + body[:at] + rng.choice(FILLERS) * rng.choice([1, 1, 2, 30]) + body[at:]
    made = dict(PAGE)
    with suppress(CallbackError):
        made = plain(decode(*split(data), DEFAULT_LIMITS))
    for _ in range(rng.choice([1, 1, 2, 5])):
        change(made, rng)
    if rng.random() < REQUIRED and not {"Call", "Calls", "response"} & made.keys():
        made = {**LEAST, **{name: value for name, value in made.items() if value or name not in LEAST}}
    with suppress(ValueError):
        return as_body(made, rng)
    return data


def mutate_header(data, rng, mutate_bytes):
    """Change the content type of a body, mostly its parameters, or begin with another sample."""
    if rng.random() < 0.3:
        data = rng.choice(headers())
    line, _, body = data.partition(b"\n")
    media_type, mark, parameters = line.partition(b";")
    match rng.randrange(8):
        case 0:
            return line + b"\n" + mutate_bytes(body)
        case 1:
            return mutate_bytes(line).replace(b"\n", b" ") + b"\n" + body
        case 2 | 3:
            parameters = mutate_bytes(parameters)
        case _:
            parameters = changed_text(parameters.decode("latin-1"), rng, PARAMETERS).encode("latin-1")
    return media_type + (mark or b";") + parameters.replace(b"\n", b" ") + b"\n" + body


def mutate_request(data, rng, mutate_bytes):
    """Change the request line, a header or the body of a request."""
    head, _, body = data.partition(HEAD_END)
    lines = head.split(b"\r\n")
    at = rng.randrange(len(lines))
    match rng.randrange(8):
        case 0:
            lines[at] = mutate_bytes(lines[at])
        case 1:
            lines[0] = rng.choice(REQUEST_LINES)
        case 2:
            lines.insert(at + 1, rng.choice(HEADERS))
        case 3:
            body = mutate_bytes(body)
        case 4:
            return mutate_bytes(data)
        case 5:
            return data + request_of(joined(body, FORM))
        case _:
            kind = next((line[13:].strip() for line in lines if line.lower().startswith(b"content-type:")), b"")
            return request_of(mutate_body(kind + b"\n" + body, rng, mutate_bytes), lines[0])
    return b"\r\n".join(lines) + HEAD_END + body


def mutate_dump(data, rng, mutate_bytes):
    """Change the bytes or the values of JSON. Often begin with a sample, because most changed dumps are refused."""
    if rng.random() < 0.2:
        return mutate_bytes(data)
    if rng.random() < 0.5 and b'"schema"' in data:
        data = rng.choice(dumps())
    with suppress(ValueError, RecursionError):
        made = json.loads(data)
        for _ in range(rng.choice([1, 1, 1, 3])):
            made = changed_tree(made, rng)
        return json.dumps(made).encode()
    return mutate_bytes(data)


def mutate_source(data, rng, mutate_bytes):
    """Change the bytes of a source or one of its lines, add a piece, store it otherwise, or compress it."""
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    match rng.randrange(8):
        case 0 | 1:
            return mutate_bytes(data)
        case 2 | 3:
            lines[at] = mutate_dump(lines[at], rng, mutate_bytes)
        case 4:
            lines.insert(at, rng.choice(list(sources_of(as_body({**PAGE, rng.choice(NAMES): "a"}, rng)))))
        case 5:
            return rng.choice(list(sources_of(joined(data, rng.choice([JSON, FORM, MULTIPART])))))
        case 6:
            packed = gzip.compress(data, 1, mtime=0)
            return packed if rng.random() < 0.5 else mutate_bytes(packed)
        case _:
            lines = [*lines, *lines[at:]]
    return b"\n".join(lines)
