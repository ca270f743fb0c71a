"""Lines of archives and what is in them, and what a body is whose type nobody kept."""

import io
import json

import pytest

from exotel_callback import parse
from exotel_callback._cli.envelope import LINE_BYTES, from_envelope, lines_of
from exotel_callback._wire.decode import guess_content_type
from helpers import FORM, LEAST, multipart


@pytest.mark.parametrize("boundary", ["x", "----WebKitFormBoundary0", "a b", "a;b=c", "a:b"])
def test_the_boundary_is_that_of_the_first_line(boundary):
    """In quotes where it has more than letters, digits and dashes."""
    body = multipart(LEAST.items(), boundary)
    for given in (body, body.decode()):
        content_type = guess_content_type(given)
        assert parse(given, content_type) == parse(LEAST)
        assert ('"' in content_type) == (not boundary.replace("-", "").isalnum())


def test_no_more_than_a_line_is_read_at_once():
    """The rest of one that is too long is skipped in pieces."""
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
def test_text_is_no_longer_in_a_charset(charset, mark):
    """A text body in an envelope means what it says, whatever its bytes once were."""
    line = json.dumps({"content_type": FORM + charset, "body": f"{mark}CallSid=a&Status=busy&CustomField=\u0905"})
    assert parse(*from_envelope((mark + line).encode())).custom_field == "\u0905"
