"""Test ``anonymise``: it replaces personal values, and changes nothing else about a request."""

import base64
import gzip
import json
import re
import time
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from command import run
from exotel_callback import CallbackError, DecodeError, parse
from exotel_callback import strategies as kit
from exotel_callback._cli import anonymise, pseudonyms
from exotel_callback._cli.anonymise import meaning
from exotel_callback._cli.anonymised import anonymised, anonymised_line
from exotel_callback._cli.pseudonyms import pseudonym, secret_of
from exotel_callback._fields.kinds import as_text
from exotel_callback._options import DEFAULT_LIMITS
from exotel_callback._wire.decode import decode, guess_content_type
from helpers import ENCODERS, FORM, JSON, LEAST, MULTIPART, PAGE, ROOT, SAMPLE_BODIES, multipart

SECRET = secret_of("test")
# The names of the personal fields in the payloads of the strategies.
PERSONAL = {
    "CallSid",
    "From",
    "To",
    "CallFrom",
    "CallTo",
    "PhoneNumberSid",
    "RecordingUrl",
    "CustomField",
    "AgentEmail",
} | {
    "DialWhomNumber",
    "OutgoingPhoneNumber",
    "ForwardedFrom",
    "AccountSid",
    "flow_id",
    "tenant_id",
    "digits",
    "Carrier",
}

# The samples that the command refuses, each with its reason.
REFUSED = {
    "call-details-xml/body.xml": "the body is XML",
    "unknown-content-type/call.xml": "the body is XML",
    **{f"dates-passthru-style/body.{kind}": "a day of one digit can't be moved" for kind in ENCODERS},
}

FLOWS = kit.passthru_payloads() | kit.popup_payloads()
BODIES = st.one_of(
    kit.json_bodies(),
    kit.form_bodies(),
    kit.multipart_bodies(),
    kit.json_bodies(payloads=FLOWS),
    kit.multipart_bodies(payloads=FLOWS),
    kit.query_strings().map(lambda query: (query.encode(), FORM)),
)


def body_of(payload):
    return json.dumps({**LEAST, **payload}).encode()


def changed(**payload):
    """Return the values of fields after the replacement."""
    after = json.loads(anonymised(SECRET, body_of(payload), JSON))
    return [after[name] for name in payload]


@given(BODIES, st.integers().map(str))
def test_a_drawn_body(drawn, seed):
    """The issues, the outcome, the length or the encoding differ, or digits of a personal value stay."""
    body, content_type = drawn
    after = anonymised(secret_of(seed), body, content_type)
    assert len(after) == len(body)
    assert meaning(after, content_type) == meaning(body, content_type)
    before, result = (decode(each, content_type, DEFAULT_LIMITS) for each in (body, after))
    assert [*result] == [*before]
    for name in PERSONAL & before.keys():
        text, replaced = as_text(before[name]), as_text(result[name])
        for digits in re.finditer(r"[0-9]{4,}", text):
            start = digits.start() + len(re.match("(?:91(?=[0-9]{10}$)|0*)", digits[0])[0])
            pairs = zip(text[start : digits.end()], replaced[start : digits.end()], strict=True)
            assert not [now for was, now in pairs if was == now]


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # Only a failure would print it.
@given(kit.damaged_bodies(), st.integers().map(str))
def test_a_damaged_body(drawn, seed):
    """A body that can't be read leads to another error after the replacement."""
    body, content_type = drawn
    after = anonymised(secret_of(seed), body, content_type)
    assert len(after) == len(body)
    assert meaning(after, content_type) == meaning(body, content_type)


@pytest.mark.parametrize(
    ("folder", "name", "content_type"),
    SAMPLE_BODIES,
    ids=[f"{folder.name}/{name}" for folder, name, _ in SAMPLE_BODIES],
)
def test_a_sample(folder, name, content_type):
    """A sample means something else after the replacement, or another sample is refused."""
    body = (folder / name).read_bytes()
    content_type = content_type or guess_content_type(body)
    if reason := REFUSED.get(f"{folder.name}/{name}"):
        with pytest.raises(DecodeError, match=reason):
            anonymised(SECRET, body, content_type)
        return
    after = anonymised(SECRET, body, content_type)
    assert len(after) == len(body)
    assert meaning(after, content_type) == meaning(body, content_type)


def test_spellings_of_one_number():
    """One number in several spellings doesn't stay one number, or its prefix changes."""
    spellings = ["9876543210", "09876543210", "919876543210", "+919876543210", "+19876543210"]
    after = [pseudonym(SECRET, spelling) for spelling in spellings]
    assert len({number[-10:] for number in after}) == 1
    assert [number[:-10] for number in after] == ["", "0", "91", "+91", "+1"]
    assert after[0] not in spellings


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("0XXXXX43210", "0XXXXX[1-9][0-9]{4}"),
        ("98XXXXXX10", "[1-9][0-9]XXXXXX[1-9][0-9]"),
        ("sip:ravi", "sip:[a-z]{4}"),
        ("https://a.example/x?token=1a", "https://[a-z].[a-z]{7}/[a-z]\\?[a-z]{5}=[0-9][a-z]"),
        ("https://api.exotel.com/v1", "https://api.exotel.com/[a-z][0-9]"),
        ("https://a987654.exotel.com/", "https://[a-z][0-9]{6}.[a-z]{6}.[a-z]{3}/"),
        (
            "https://recordings.exotel.com/exotelrecordings/acme/1.mp3",
            "https://recordings.exotel.com/exotelrecordings/[a-z]{4}/[1-9].mp3",
        ),
        ("Ravi Kumar <r.k@example.com>", "[A-Z][a-z]{3} [A-Z][a-z]{4} <[a-z].[a-z]@[a-z]{7}.[a-z]{3}>"),
        ('"null"', '"null"'),
        ("000", "000"),
    ],
)
def test_the_format_stays(text, pattern):
    """A pseudonym has another format, or a part of the value is still there."""
    after = pseudonym(SECRET, text)
    assert re.fullmatch(pattern, after)
    assert "ravi" not in after.lower()
    assert "987654" not in after


def test_no_two_tokens_have_one_pseudonym(monkeypatch):
    """Two different values become equal, or a value becomes one that means an absent value."""
    monkeypatch.setattr(pseudonyms, "EMPTY_VALUES", {"", "ab"})
    tokens = ["".join(letters) for letters in product("abcdefghijklmnopqrstuvwxyz", repeat=2)]
    after = {pseudonym(SECRET, token) for token in tokens if token != "ab"}
    assert len(after) == len(tokens) - 1
    assert "ab" not in after


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(["utf-8", "latin-1", "cp1252", "utf-16-le"]))
@example("ŒŠŸŽ" * 9, "cp1252")
def test_the_length_in_every_codec(text, codec):
    """A pseudonym has another length than its value in the codec of the body."""
    text = text.encode(codec, "ignore").decode(codec)
    assert len(pseudonym(SECRET, text, codec).encode(codec)) == len(text.encode(codec))


def test_a_long_value():
    """The digits of a long value repeat, or some of them stay."""
    after = pseudonym(SECRET, "1" * 200)
    assert "1" not in after[1:]
    assert len({after[start : start + 16] for start in range(100, 180, 16)}) == 5


def test_the_seed_decides():
    """Two seeds give one result, or one seed gives two."""
    results = {anonymised(secret_of(seed), body_of(PAGE), JSON) for seed in ("a", "b", "a")}
    assert len(results) == 2


def test_dates_keep_their_distances():
    """A date is moved by another time than the others, loses its format or its weekday, or a placeholder moves."""
    dates = ["2024-02-29 23:59:59", "2024-03-01T00:00:01.5Z", "Fri, 01 Mar 2024 10:00:00"]
    days = [date[:10] if date[0] == "2" else date for date in changed(DateUpdated=dates[0], StartTime=dates[1])]
    first, second, third = changed(DateUpdated=dates[0], Other=dates[1], Created=dates[2])
    assert (first[10:], second[10:]) == (dates[0][10:], dates[1][10:])
    assert [first[:10], second[:10]] == days
    assert third.startswith("Fri, ")
    assert third.endswith(" 10:00:00")
    before, after = (parse(body_of({"DateUpdated": a, "StartTime": b})) for a, b in (dates[:2], (first, second)))
    moved = before.date_updated - after.date_updated
    assert moved == before.start_time - after.start_time
    assert moved.days % 7 == 0
    assert moved.days >= 364
    placeholders = ["1970-01-01 05:30:00", "0000-00-00 00:00:00", "1970-01-01 05:30:00+05:30", "0001-01-01 00:00:00"]
    for placeholder in placeholders:
        assert changed(EndTime=placeholder) == [placeholder]


def test_values_that_stay():
    """A value that a report needs is replaced."""
    kept = {
        "Status": "free",
        "EventType": "stream-start",
        "Direction": "outgoing",
        "RingingDuration": "12",
        "DialCallDuration": 7,
        "StartTime": "2024-02-30 12:00:00",
        "CustomField": "N/A",
        "Nothing": None,
        "Legs": [{"Leg": {"Id": 2, "Status": "null"}}],
    }
    assert changed(**kept) == [*kept.values()]


def test_values_that_are_replaced():
    """A personal value in a field that isn't a string stays."""
    replaced = {
        "Status": "9876543210",
        "EventType": "Ravi Kumar called",
        "ConversationDuration": "98765432100",
        "StartTime": "1705300000",
        "From": 9876543210,
        "Price": 1.5e-7,
        "CustomField": '{"order": "A1", "to": ["+919876543210"]}',
        "Id": "9876543210",
        "9876543210": "x",
    }
    after = json.loads(anonymised(SECRET, body_of(replaced), JSON))
    assert not [name for name, value in replaced.items() if after.get(name) == value]
    assert after["CustomField"].startswith('{"order": "')
    assert after["Price"] == pytest.approx(after["Price"], rel=1)
    assert str(after["From"]) == json.loads(after["CustomField"])["to"][0].removeprefix("+91")


@pytest.mark.parametrize("root", ["Legs", "Stream"])
def test_a_broken_bracket_key(root):
    """A bracket key that can't be a name leaves another issue after the replacement, or the number in it stays."""
    body = f"CallSid=a&Status=completed&CallType=completed&{root}[+919876543210=x".encode()
    after = anonymised(SECRET, body, FORM)
    assert b"9876543210" not in after
    assert meaning(after, FORM) == meaning(body, FORM)


def test_escapes_stay_escapes():
    """A character is escaped in another way, or its escape has another length."""
    text = r'{"CallSid":"\u0041\u00E9\u00e9\ud83d\udcde\n\"","Status":"completed"}'
    after = anonymised(SECRET, text.encode(), JSON).decode()
    assert re.fullmatch(
        r'{"CallSid":"\\u00[0-9a-f]{2}\\u00[0-9A-F]{2}\\u00[0-9a-f]{2}\\ud83d\\u[0-9a-f]{4}\\n\\"","Status":"completed"}',
        after,
    )
    form = "CallSid=%41%C3%A9%c3%a9+1&Status=completed&X=%2541"
    after = anonymised(SECRET, form.encode(), FORM).decode()
    assert re.fullmatch(
        r"CallSid=%[45][0-9A-F]%C3%[0-9A-F]{2}%c3%[0-9a-f]{2}\+[1-9]&Status=completed&X=%25[45][0-9A-F]", after
    )


@pytest.mark.parametrize("codec", ["latin-1", "utf-16", "utf-16-be", "utf-32"])
def test_charsets(codec):
    """A body in another charset is damaged, or its values stay."""
    content_type = f"{JSON}; charset={codec}"
    body = json.dumps({**LEAST, "CustomField": "Ravié 98765"}, ensure_ascii=False).encode(codec)
    after = anonymised(SECRET, body, content_type)
    assert len(after) == len(body)
    assert parse(after, content_type).status == "completed"
    assert "98765" not in parse(after, content_type).custom_field
    big_endian = "\ufeff".encode("utf-16-be") + json.dumps(LEAST).encode("utf-16-be")
    assert parse(anonymised(SECRET, big_endian, f"{JSON}; charset=utf-16"), f"{JSON}; charset=utf-16-be")


def test_invalid_bytes_stay():
    """A byte that isn't in the charset is changed, or a value beside it isn't replaced."""
    after = anonymised(SECRET, b'{"CallSid": "\xff98765"', JSON)
    assert b'{"CallSid": "\xff' in after
    assert b"98765" not in after
    with pytest.raises(DecodeError, match="isn't in its charset"):
        anonymised(SECRET, b"\0\xd8\0\0", f"{JSON}; charset=utf-16-le")
    assert anonymised(SECRET, b"CallSid=1", f"{FORM}; charset=klingon")[:8] == b"CallSid="


def test_the_parts_of_multipart():
    """The name of a file, its content, or a string around the parts stays."""
    body = multipart([("CallSid", "a1"), ("Status", "completed")])
    file = b'--x\r\nContent-Disposition: form-data; name="f"; filename="ravi.txt"\r\n\r\nravi\r\n'
    after = anonymised(SECRET, b"--x ravi\r\n" + file + body, MULTIPART)
    assert b"ravi" not in after
    assert b'name="f"; filename="' in after
    assert after.count(b"--x") == 5
    cut = b'--x\r\nContent-Disposition: form-data; name="Fr'
    assert anonymised(SECRET, cut, None) == cut
    assert anonymised(SECRET, b"--", None) == b"--"


def test_multipart_with_other_line_ends():
    """A value stays because its lines end otherwise, or because the first line could be a boundary."""
    body = multipart([("CallSid", "a1"), ("From", "98765")]).replace(b"\r\n", b"\n")
    for content_type in (None, MULTIPART, MULTIPART.replace("=x", "=other")):
        after = anonymised(SECRET, body, content_type)
        assert b"98765" not in after
        assert b'name="From"\n\n' in after
    assert b"98765" not in anonymised(SECRET, b"--" + b"98765" * 20, None)


def test_multipart_without_a_content_type():
    """The end of the body isn't recognized, and is replaced as a value."""
    body = multipart([("CallSid", "a1"), ("Status", "busy"), ("CustomField", "ravi")])
    after = anonymised(SECRET, body, None)
    assert b"ravi" not in after
    assert after.endswith(body[-8:])


def test_an_address_before_the_query():
    """The address of a Passthru request stays, or the fields of the query are replaced as a name."""
    query = b"/hooks/acme?secret=s3cret&CallSid=a1b2&CallType=completed&hello"
    after = anonymised(SECRET, query, FORM)
    assert re.fullmatch(rb"/[a-z]{5}/[a-z]{4}\?secret=\w{6}&CallSid=\w{4}&CallType=completed&hello", after)
    assert b"acme" not in after


@pytest.mark.parametrize("end", ["\\u00a", "\\u", "\\", "\\q", "\\b\\f\\/", "\\ud83d\\udcd;e", "tr", "-", "1e"])
def test_json_that_is_cut_off(end):
    """The end of a body that is cut off changes its length or its error."""
    for quote in ('"', ""):
        body = f'{{"CallSid": {quote}{end}'.encode()
        after = anonymised(SECRET, body, JSON)
        assert len(after) == len(body)
        assert meaning(after, JSON) == meaning(body, JSON)


def test_broken_json():
    """Broken JSON leads to another error, or a value in it stays."""
    body = b"{'CallSid': '98765', \"From\": \"98765"
    after = anonymised(SECRET, body, JSON)
    assert b"98765" not in after
    assert meaning(after, JSON) == meaning(body, JSON)


ENVELOPES = [
    {"received_at": 1705300000.5, "content_type": JSON, "body": json.dumps(PAGE), "note": "Ravi"},
    {
        "received_at": "2024-01-15T09:00:45Z",
        "content_type": MULTIPART,
        "body_base64": base64.b64encode(multipart([("CallSid", "a1b2"), ("Status", "busy")])).decode(),
    },
    {"received_at": None, "method": "GET", "path": "/acme?CallSid=a1b2&CallType=completed", "body": ""},
]


def test_an_archive(tmp_path):
    """A line of an archive isn't the same envelope with other values, or blank lines make a difference."""
    archive = tmp_path / "archive.ndjson"
    lines = [*map(json.dumps, ENVELOPES), json.dumps(PAGE)]
    archive.write_text("\n" + "\n\n".join(lines) + "\n")
    code, out, err = run("anonymise", "--seed", "1", archive)
    assert (code, err) == (0, "4 requests anonymised; the issues and the outcome of each are the same as before\n")
    first, second, third, fourth = map(json.loads, out.splitlines())
    assert [[*first], [*second], [*third]] == [[*envelope] for envelope in ENVELOPES]
    body = json.loads(first["body"])
    assert body == fourth
    assert (body["Status"], body["Legs"]) == (PAGE["Status"], PAGE["Legs"])
    assert first["note"] != "Ravi"
    moved = 1705300000.5 - first["received_at"]
    assert moved % (7 * 86_400) == 0
    assert second["received_at"][10:] == "T09:00:45Z"
    assert second["content_type"] == MULTIPART
    assert re.fullmatch(r"/[a-z]{4}\?CallSid=\w{4}&CallType=completed", third["path"])
    sid = parse(base64.b64decode(second["body_base64"]), MULTIPART).call_sid
    assert f"CallSid={sid}&" in third["path"]


def test_an_envelope_of_multiple_lines():
    """The body in an envelope is replaced as an unknown field, because the envelope isn't in one line."""
    envelope = {"content_type": FORM, "body": "CallSid=a1b2&Status=completed"}
    out = run("anonymise", stdin=json.dumps(envelope, indent=2).encode())[1]
    assert re.fullmatch(r"CallSid=\w{4}&Status=completed", json.loads(out)["body"])


def test_bodies_after_each_other(tmp_path):
    """The text between bodies changes, a body has other pseudonyms than the same one before, or a file is missing."""
    bodies = [encode(PAGE)[0] for encode in ENCODERS.values()]
    bodies.insert(0, bodies[0])
    (tmp_path / "bodies").write_bytes(b"\n\n".join(bodies))
    (tmp_path / "last").write_bytes(bodies[0])
    code, out, err = run("anonymise", tmp_path / "bodies", tmp_path / "last")
    assert code == 0
    assert err.startswith("5 requests anonymised")
    assert len(out) == len(b"\n\n".join([*bodies])) + len(bodies[0]) + 1
    first, _, second, *_, last = out.splitlines()
    assert first == second == last
    for personal in ("9876543210", "9123456789", "order_12345", "80bfbec2"):
        assert personal not in out


def test_standard_input_and_a_file(tmp_path):
    """The command doesn't read standard input, doesn't write the file, or replaces one that exists."""
    target = tmp_path / "out"
    code, out, err = run("anonymise", "-o", target, "--content-type", JSON, stdin=body_of({}))
    assert (code, out) == (0, "")
    assert err.startswith("1 request anonymised; ")
    assert parse(target.read_bytes()).status == "completed"
    code, out, err = run("anonymise", "-o", target, stdin=b"{}")
    assert (code, out) == (2, "")
    assert "already exists; pass the name of a new file" in err


def test_the_output_is_standard_output(tmp_path, monkeypatch):
    """``-o -`` writes a file of this name, and nothing to standard output."""
    monkeypatch.chdir(tmp_path)
    results = [run("anonymise", *output, "--seed", "s", stdin=body_of({})) for output in ([], ["-o", "-"])]
    assert results[0] == results[1]
    assert list(tmp_path.iterdir()) == []


def test_it_is_random_by_default():
    """Two runs without a seed give the same pseudonyms, or the seed is printed."""
    runs = [run("anonymise", stdin=body_of({})) for _ in range(2)]
    assert runs[0][1] != runs[1][1]
    assert "seed" not in runs[0][2]


def test_a_request_that_would_change(monkeypatch, tmp_path):
    """A request is written although it means something else, or the other requests aren't written."""
    archive = tmp_path / "archive.ndjson"
    archive.write_text("".join(json.dumps(envelope) + "\n" for envelope in ENVELOPES))
    monkeypatch.setattr(
        anonymise,
        "anonymised_line",
        lambda secret, line: anonymised_line(secret, line).replace(b"complete", b"absolute"),
    )
    code, out, err = run("anonymise", archive)
    assert code == 1
    assert len(out.splitlines()) == 1
    assert f"{archive}:1: omitted, because its issues, its outcome or its length would change" in err
    assert "1 request anonymised" in err
    monkeypatch.setattr(anonymise, "anonymised", lambda _, body, __: body + b" ")
    code, out, err = run("anonymise", stdin=body_of({}))
    assert (code, out) == (1, "")
    assert "-: omitted" in err


def test_a_request_that_is_refused(tmp_path):
    """A body that the command can't read is written, or is refused without a reason."""
    code, out, err = run("anonymise", stdin=b"<Call/>")
    assert (code, out) == (1, "")
    assert "-: the body is XML; this command reads JSON, forms and multipart" in err
    code, out, err = run("anonymise", stdin=b"a" * 1_048_577)
    assert (code, out) == (1, "")
    assert "-: larger than 1048576 bytes" in err
    archive = tmp_path / "archive.ndjson"
    archive.write_text(f"{json.dumps(ENVELOPES[0])}\n{{\n")
    code, out, err = run("anonymise", archive)
    assert (code, len(out.splitlines())) == (1, 1)
    assert f"{archive}:2: invalid JSON" in err


def test_the_example_of_the_page():
    """The output on the page isn't what the command prints."""
    page = (ROOT / "docs/how-to/report-a-payload.md").read_text()
    seed, path = re.search(r"anonymise --seed (\S+) (\S+)", page).groups()
    assert f"```json\n{run('anonymise', '--seed', seed, ROOT / path)[1].strip()}\n```" in page


def test_the_meaning_of_an_error():
    """The comparison of two errors ignores their messages."""
    first, second = (meaning(body, JSON) for body in (b"[", b'{"CallSid": "a"}'))
    assert first != second
    assert issubclass(first[0], CallbackError)


def test_the_meaning_of_an_issue():
    """The comparison ignores which field has an issue."""
    first, second = (meaning(body_of({name: "soon"}), JSON) for name in ("DateUpdated", "DateCreated"))
    assert first != second


CHARSETS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")


@pytest.mark.parametrize(
    "data", [gzip.compress(b"CallSid=a", mtime=0), *(json.dumps(PAGE).encode(charset) for charset in CHARSETS)]
)
def test_data_that_is_not_text(data):
    """The command replaces one digit at a time, or writes a compressed file that can't be decompressed."""
    code, out, err = run("anonymise", stdin=data)
    assert (code, out) == (1, "")
    assert "-: the body is compressed, or UTF-16 or UTF-32" in err


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("CustomField=" + "0" * 20_000 + "a", FORM),
        ("--b\r\n" + "content-disposition:" * 4_000, f"{MULTIPART}; boundary=b"),
        ("--b\r\n", 'a; charset="' + ";" * 60_000),
    ],
    ids=["zeros", "headers of a part", "content type"],
)
def test_a_hostile_body_takes_linear_time(body, content_type):
    """A request of an archive stops the command for minutes."""
    started = time.process_time()
    assert len(anonymised(SECRET, body.encode(), content_type)) == len(body)
    assert time.process_time() - started < 2


def test_letters_of_a_charset():
    """A letter is replaced by one that the body's charset doesn't have."""
    for letter in "ŠŽ€ƒ":
        body = f"CustomField=a{letter}b".encode("cp1252")
        changed = anonymised(SECRET, body, f"{FORM}; charset=cp1252")
        assert len(changed) == len(body)
        assert changed != body


@pytest.mark.parametrize("content_type", ["a; b*; b*0*=", "a; charset=none", "a; charset*0=utf-16", " ", "\0", ";"])
def test_a_content_type_that_no_reader_accepts(content_type):
    """An invalid content type stops the command, or chooses another charset."""
    body = ENCODERS["json"](PAGE)[0]
    assert anonymised(SECRET, body, content_type) == anonymised(SECRET, body, None)


@pytest.mark.parametrize("charset", CHARSETS)
def test_a_body_in_its_charset(charset):
    """A body in UTF-16 or UTF-32 is refused although its charset is known."""
    data = json.dumps(PAGE).encode(charset)
    assert len(anonymised(SECRET, data, f"{JSON}; charset={charset}")) == len(data)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"POST /x?secret=right HTTP/1.1\r\nHost: a\r\n\r\nCallSid=a", "a raw HTTP request"),
        (
            json.dumps({"requestContext": {}, "body": "Q2FsbFNpZD1h", "isBase64Encoded": True}).encode(),
            "an API Gateway event",
        ),
        (json.dumps({"body": "a", "requestContext": {}}).encode() + b'\n{"body": "a"}', "an API Gateway event"),
        (json.dumps({"json": {"headers": {"content-type": FORM}, "body": "CallSid=a"}}).encode(), "an n8n item"),
    ],
)
def test_a_body_with_headers(data, kind):
    """A body in base64, or a header, stays as it is, or the output can't be read."""
    code, out, err = run("anonymise", stdin=data)
    assert code == 1
    assert "POST" not in out
    assert "requestContext" not in out
    assert f"this is {kind}; pass only its body" in err


@pytest.mark.parametrize("name", ["requestContext", "x"])
def test_a_body_that_is_not_within_an_event(name):
    """A body with a name of API Gateway is refused."""
    assert run("anonymise", stdin=body_of({name: "1"}))[0] == 0


def test_a_body_in_base64_is_not_a_name():
    """A body in base64, which an envelope has under a wrong name, stays because it is taken for the name of a field."""
    body = base64.b64encode(b"CallSid=a&Status=busy&From=09876543210&CustomField=Asha")
    line = json.dumps({"body": body.decode()}).encode()
    assert body not in anonymised_line(SECRET, line)


def test_numbers_in_the_headers_of_a_part():
    """A number stays because it is the name of a part or in another header, or it has another replacement there."""
    number = "09876543210"
    part = f"Content-Type: text/plain; charset=windows-1252\r\nContent-ID: {number}\r\n"
    body = f'--x\r\n{part}Content-Disposition: form-data; name="{number}"\r\n\r\n{number}\r\n--x--\r\n'
    after = anonymised(SECRET, body.encode(), MULTIPART).decode()
    assert after == body.replace(number, pseudonym(SECRET, number))


@pytest.mark.parametrize("value", ["1", '"Q2Fsb"', '"CallSid=a"', '"\u00e9"', "null", '["x"]'])
def test_a_body_in_base64_that_is_not_the_body(value):
    """An object within an envelope has a name of the envelope, and the command fails with a traceback."""
    line = f'{{"body": "CallSid=a&Status=busy", "more": {{"body_base64": {value}}}}}'
    assert run("anonymise", stdin=line.encode())[0] == 0


def test_a_seed_that_is_not_text():
    """A seed of random bytes, which a shell passes with lone surrogates, ends the command with a traceback."""
    codes, outs, _ = zip(
        *(run("anonymise", "--seed", seed, stdin=body_of({})) for seed in ("\udcff", "\udcfe")), strict=True
    )
    assert codes == (0, 0)
    assert outs[0] != outs[1]


@pytest.mark.parametrize("seed", ["", " "])
def test_an_empty_seed(seed):
    """Anyone can undo the replacement, because a variable of the shell was empty."""
    code, out, err = run("anonymise", "--seed", seed, stdin=body_of({}))
    assert (code, out) == (2, "")
    assert "Invalid value for --seed: the seed is empty: is the variable set?" in err
