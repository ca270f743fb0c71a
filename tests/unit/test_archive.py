"""Test the lines of archives, and the guessed content type of a body without one."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exotel_callback import parse
from exotel_callback._cli.envelope import (
    LINE_BYTES,
    Envelope,
    envelopes_in,
    fields_of_envelope,
    is_blank,
    lines_of,
    open_envelope,
)
from exotel_callback._wire.decode import guess_content_type
from helpers import FORM, LEAST, multipart


@pytest.mark.parametrize("boundary", ["x", "----WebKitFormBoundary0", "a b", "a;b=c", "a:b"])
def test_the_boundary_is_that_of_the_first_line(boundary):
    """The boundary that is guessed from the first line is wrong, or isn't quoted where it must be."""
    body = multipart(LEAST.items(), boundary)
    for shape in (body, body.decode()):
        content_type = guess_content_type(shape)
        assert parse(shape, content_type) == parse(LEAST)
        assert ('"' in content_type) == (not boundary.replace("-", "").isalnum())


def test_no_more_than_a_line_is_read_at_once():
    """A line that is too long is read into memory as a whole."""
    asked = []

    class File(io.BytesIO):
        def readline(self, size):
            asked.append(size)
            return super().readline(size)

    found = [*lines_of(File(b"a" * 3 * LINE_BYTES + b"\nb\n"))]
    assert found == [b"a" * (LINE_BYTES + 1), b"b\n"]
    assert set(asked) == {LINE_BYTES + 1}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("charset", ["", "; charset=latin-1"])
def test_a_string_is_not_decoded_again(charset, mark):
    """A string body in an envelope is decoded again because it names a charset or has a byte order mark."""
    line = json.dumps({"content_type": FORM + charset, "body": f"{mark}CallSid=a&Status=busy&CustomField=\u0905"})
    envelope = open_envelope((mark + line).encode())
    assert parse(envelope.body, envelope.likely_type).custom_field == "\u0905"


@pytest.mark.parametrize("spelling", ["charset", "Charset"])
def test_a_part_of_a_string_is_not_decoded_again(spelling):
    """A part of a multipart body in an envelope is decoded in its charset, although the body is a string already."""
    part = f'Content-Disposition: form-data; name="CustomField"\r\nContent-Type: text/plain; {spelling}=latin-1'
    sid, status = (
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'
        for name, value in (("CallSid", "a"), ("Status", "busy"))
    )
    body = "".join(f"--b\r\n{item}\r\n" for item in (sid, status, f"{part}\r\n\r\nअ")) + "--b--\r\n"
    line = json.dumps({"content_type": "multipart/form-data; boundary=b", "body": body})
    envelope = open_envelope(line.encode())
    assert parse(envelope.body, envelope.likely_type).custom_field == "अ"


@given(
    st.binary() | st.text(st.characters()),
    st.none() | st.sampled_from([FORM, "application/json; charset=utf-16", ""]),
    st.none() | st.text() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
)
def test_an_envelope_is_read_as_it_was_written(body, content_type, received_at):
    """A body that can't be parsed is written to the rejects as another body, so it is read differently again."""
    written = json.dumps(fields_of_envelope(Envelope(body, content_type, received_at))).encode()
    read = open_envelope(written)
    assert (read.content_type, read.received_at) == (content_type, received_at)
    again = json.dumps(fields_of_envelope(read)).encode()
    assert again == written
    assert read.body in (body, body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body)


def test_a_get_request_is_read_from_its_query():
    """A Passthru request or a popup in an archive has no body, so it can't be parsed."""
    stored = Envelope("CallSid=a&Status=busy", FORM, "2024-01-15T09:00:00Z", "GET", "/voice?CallSid=a&Status=busy")
    line = {"received_at": stored.received_at, "method": "GET", "path": stored.path, "body": ""}
    assert open_envelope(json.dumps(line).encode()) == stored
    assert open_envelope(json.dumps(fields_of_envelope(stored)).encode())._replace(body=stored.body) == stored
    posted = open_envelope(json.dumps({**line, "method": "POST"}).encode())
    assert (posted.body, posted.method) == (b"", "POST")
    assert open_envelope(json.dumps({**line, "path": 5}).encode()).body == b""
    assert open_envelope(json.dumps({**line, "body": "CallSid=b"}).encode()).body == b"CallSid=b"
    assert fields_of_envelope(Envelope(b"a", None, method=5, path=[])) == {"body": "a"}


def test_a_receipt_that_json_cannot_hold_is_omitted():
    """A value that isn't a date makes the envelope invalid."""
    for received_at in (object(), float("nan"), float("inf")):
        assert fields_of_envelope(Envelope(b"a", None, received_at)) == {"body": "a"}


def test_a_cut_line_is_not_blank():
    """A line that begins with too much whitespace is skipped without an error, although an event may follow."""
    assert is_blank(b" " * LINE_BYTES)
    assert not is_blank(b" " * (LINE_BYTES + 1))
    assert not is_blank(b" x ")


def test_the_lines_of_an_archive_are_numbered():
    """A line has the number of another one, one that can't be read hides those after it, or a body isn't whole."""
    lines = b'{"body": "a"}\n\n{"body": 5}\nx\n{"CallSid": "a"} \r\n'
    found = [(number, getattr(read, "body", str(read))) for number, read in envelopes_in(io.BytesIO(lines))]
    assert [number for number, _ in found] == [1, 3, 4, 5]
    assert found[0] == (1, b"a")
    assert found[1][1].startswith("an envelope needs body")
    assert found[2][1].startswith("invalid JSON at line 1")
    assert found[3] == (5, b'{"CallSid": "a"} ')
