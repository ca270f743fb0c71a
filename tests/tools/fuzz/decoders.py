"""Compare our form decoders with others: both must decode a form into the same names and values.

- urlencoded: `urllib.parse.parse_qsl`.
- multipart: the form parsers of Werkzeug and Django. An attacker could use a difference to bypass a check.
- bracket keys: PHP's own rules, if ``php`` is installed. The tree that PHP makes must mean the same, as JSON.

It exits with 1 at the first difference::

    python tests/tools/fuzz/decoders.py --count 200000 --seed 1
"""

import argparse
import io
import json
import random
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl, quote_plus

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from exotel_callback import CallbackError, parse
from exotel_callback._encode import FORM, JSON, encode_form, multipart
from exotel_callback._options import DEFAULT_LIMITS
from exotel_callback._wire.decode import decode
from exotel_callback._wire.payload import Repeated
from helpers import LEAST

NAMES = [
    "CallSid",
    "Status",
    "To",
    "Legs[0][Status]",
    "a",
    "",
    "a b",
    "a+b",
    "caf\u00e9",
    "a%20b",
    "a=b",
    "a&b",
    "a;b",
    "\u2028",
]
VALUES = [
    "",
    "x",
    " x ",
    "a+b",
    "100%",
    "%41",
    "%zz",
    "a=b",
    "a&b",
    "a;b",
    "caf\u00e9",
    "\U0001f600",
    "\r\n",
    "--x",
    '"',
    "\\",
    "\0",
]
DAMAGE = ["", "&", "=", "%", "%4", "+", ";", "&&", "==", "%26", "%3D", "%00", "%C3%A9"]
PIECES = ["\r\n", "\n", "\r", "-", "--", "\r\n--", "\r\n-", "x", ": ", " ", "\t"]


def pairs_of(raw):
    """Return every name with its values, sorted, because a mapping doesn't keep the order of repeated names."""
    return sorted((name, list(value) if isinstance(value, Repeated) else [value]) for name, value in raw.items())


def grouped(pairs):
    found = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return sorted(found.items())


def urlencoded(rng):
    pairs = [(rng.choice(NAMES), rng.choice(VALUES)) for _ in range(rng.randrange(6))]
    text = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)
    for _ in range(rng.choice([0, 0, 1, 2])):
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(DAMAGE) + text[at + rng.randrange(2) :]
    return text


def check_urlencoded(rng):
    text = urlencoded(rng)
    ours = theirs = None
    with suppress(CallbackError):
        ours = pairs_of(decode(text.encode(), FORM, DEFAULT_LIMITS))
    with suppress(UnicodeDecodeError):
        theirs = grouped(parse_qsl(text, keep_blank_values=True, errors="strict"))
    return ours == theirs or f"{text!r}: {ours} and {theirs}"


def parts(rng):
    values = ["".join(rng.choices(VALUES + PIECES, k=rng.choice([1, 1, 3, 9]))) for _ in range(rng.randrange(1, 6))]
    headers = rng.choice(
        ["", "Content-Type: text/plain\r\n", "Content-Type: text/plain; charset=utf-8\r\nX-Other: 1\r\n"]
    )
    return multipart([(rng.choice(NAMES), value) for value in values], "x", headers)


def with_werkzeug(body, content_type):
    from werkzeug.formparser import parse_form_data

    environ = {
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": content_type,
        "REQUEST_METHOD": "POST",
    }
    _, form, _ = parse_form_data(environ, silent=False)
    return sorted((name, values) for name, values in form.lists())


def with_django(body, content_type):
    from django.conf import settings
    from django.core.files.uploadhandler import MemoryFileUploadHandler
    from django.http.multipartparser import MultiPartParser

    if not settings.configured:
        settings.configure()
    meta = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(body))}
    form, _ = MultiPartParser(meta, io.BytesIO(body), [MemoryFileUploadHandler()], "utf-8").parse()
    return sorted((name, values) for name, values in form.lists())


def check_multipart(rng):
    """Compare the decoders for a well-formed body. Each of them repairs or refuses a broken body in its own way."""
    body, content_type = parts(rng)
    ours = pairs_of(decode(body, content_type, DEFAULT_LIMITS))
    for read in (with_werkzeug, with_django):
        theirs = read(body, content_type)
        if theirs != ours:
            return f"{read.__name__} {body!r}: {ours} and {theirs}"
    return True


PHP = r"""
while (($line = fgets(STDIN)) !== false) {
    parse_str(json_decode($line), $form);
    echo json_encode($form["Legs"] ?? []), "\n";
}
"""


INDEXES = ["0", "0", "0", "1", "1", "2", "9", "64", "00", "01", "-1", "a", "Leg", "Status"]
LEG_NAMES = ["OnCallDuration", "Status", "AnsweredBy", "Id", "Cause", "Insights", "0", "1"]
LEG_VALUES = ["1", "2", "12", "4.39", "007", "busy", "completed", "Human", "", "null", "true"]


def leg_of(rng, depth=0):
    """Make a leg of any shape: most often an ordinary one."""
    leg = {name: rng.choice(LEG_VALUES) for name in rng.sample(LEG_NAMES[:5], rng.randint(1, 3))}
    for _ in range(rng.choice([0, 0, 1, 2])):
        leg[rng.choice(LEG_NAMES)] = leg_of(rng, depth + 1) if depth < 2 and rng.random() < 0.5 else "x"
    wrapped = {"Leg": leg if rng.random() < 0.8 else {"0": leg}, **({"Status": "failed"} if rng.random() < 0.2 else {})}
    return rng.choice([leg, leg, leg, wrapped, {"0": leg}, "x", ""])


def everything(payload, content_type=None):
    """Return what is read of the legs, and the unknown fields as strings."""
    callback = parse(payload, content_type)
    return callback.legs, callback.issues, {name: str(value) for name, value in callback.extra.items()}


def check_brackets(rng, php):
    """Check that a form, and PHP's reading of the form as JSON, give the same legs, issues and unknown fields."""
    legs = {rng.choice(INDEXES): leg_of(rng) for _ in range(rng.randrange(4))}
    body, content_type = encode_form({**LEAST, "Legs": legs})
    php.stdin.write(json.dumps(body.decode()) + "\n")
    php.stdin.flush()
    theirs = json.loads(php.stdout.readline())
    ours, nested = everything(body, content_type), everything(json.dumps({**LEAST, "Legs": theirs}), JSON)
    return ours == nested or f"{body!r}: {ours} and {nested} of {theirs}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    checks = {"urlencoded": check_urlencoded, "multipart": check_multipart}
    if shutil.which("php"):
        php = subprocess.Popen(
            [shutil.which("php"), "-r", PHP], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        checks["brackets"] = lambda rng: check_brackets(rng, php)
    else:
        print("PHP is not here, so its bracket keys are left out")
    for name, check in checks.items():
        compared = 0
        for _ in range(options.count):
            told = check(rng)
            compared += told is True
            if isinstance(told, str):
                sys.exit(f"{name}: {told}")
        print(f"{name}: {compared:,} of {options.count:,} taken by both, no difference")


if __name__ == "__main__":
    main()
