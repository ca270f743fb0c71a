"""Test in fresh interpreters which modules an import and a first parse load, and that parsing does no I/O."""

import json
import re
import subprocess
import sys

import pytest

from helpers import MEASURED, PUBLIC_MODULES, TESTS

FRAMEWORKS = {"aiohttp", "django", "fastapi", "flask"}


def run(code, environment=None):
    """Run code in a fresh, isolated interpreter. A warning, or a comparison of bytes with a string, is an error."""
    command = [sys.executable, "-I", "-bb", "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


# Each module is the first import of a process, but the interpreter starts only once.
FIRST_IMPORTS = """
import importlib, json, os, sys
for module in {modules}:
    if not os.fork():
        importlib.import_module(module)
        print(json.dumps([module, [*sys.modules]]), flush=True)
        os._exit(0)
    assert os.wait()[1] == 0, module
"""


@pytest.fixture(scope="module")
def loaded():
    """Return the modules that each public module loads when it is the first import."""
    return dict(map(json.loads, run(FIRST_IMPORTS.format(modules=PUBLIC_MODULES)).splitlines()))


@pytest.mark.parametrize("module", PUBLIC_MODULES)
def test_a_public_module_can_be_imported_first(loaded, module):
    """The first import of a module warns, fails, or loads a framework or Hypothesis that it doesn't need."""
    packages = {name.partition(".")[0] for name in loaded[module]}
    own = {module.rpartition(".")[2].replace("strategies", "hypothesis")}
    assert packages & {*FRAMEWORKS, "hypothesis"} == own & {*FRAMEWORKS, "hypothesis"}


def test_an_ordinary_parse_loads_little():
    """Parsing an ordinary payload imports a framework, Hypothesis, or a module for unusual payloads."""
    code = """
import sys
from exotel_callback import parse
parse(b'{"CallSid": "a", "Status": "busy", "EndTime": "2024-01-15 14:30:45"}')
print(*sys.modules)
from exotel_callback import *
parse_passthru
"""
    modules = run(code).split()
    loaded = {name.partition(".")[0] for name in modules}
    assert "exotel_callback._parse" in modules
    assert not {
        f"exotel_callback.{name}"
        for name in ("_model.call", "_parse.call_details", "_model.passthru", "_parse.passthru", "_serialize")
    } & {*modules}
    unwanted = {
        "itsdangerous",
        "phonenumbers",
        "cattrs",
        "dateutil",
        "multipart",
        "hypothesis",
        "matplotlib",
        "pyarrow",
        "click",
        "rich",
        "decimal",
        "email",
    }
    assert not loaded & {*unwanted, *FRAMEWORKS, "werkzeug", "starlette", "multidict"}


NEED_AN_EXTRA = {
    "arrow": "import exotel_callback.arrow",
    "phones": "import exotel_callback.phones",
    "testing": "import exotel_callback.strategies",
    "signing": "from exotel_callback.auth import sign_url; sign_url('https://e.com', 'a', 'b')",
    "signing, verifying": "from exotel_callback.auth import verify_url; verify_url('https://e.com', 'a', 'b')",
}

WITHOUT_EXTRAS = """
import json, sys
for package in ("pyarrow", "phonenumbers", "hypothesis", "itsdangerous"):
    sys.modules[package] = None
for extra, code in {codes}.items():
    try:
        exec(code)
    except ImportError as error:
        print(json.dumps([extra, str(error)]))
"""


def test_a_missing_extra_is_named():
    """The error for a missing extra lacks the command to install it, or another module needs the extra."""
    errors = dict(map(json.loads, run(WITHOUT_EXTRAS.format(codes=NEED_AN_EXTRA), MEASURED).splitlines()))
    for name in NEED_AN_EXTRA:
        extra = name.partition(",")[0]
        assert re.search(rf" the extra '{extra}'; run pip install 'exotel-callback\[{extra}\]'$", errors[name]), name


WATCHED = """
import json, sys
sys.path.insert(0, {tests!r})
from helpers import ENCODERS, LEAST, PAGE
from exotel_callback import parse, CallbackError

def everything():
    for encode in ENCODERS.values():
        for payload in (PAGE, LEAST, {{}}, {{**PAGE, "Status": "free", "EndTime": "Wed, 23 Feb 2022 12:31:59"}}):
            body, content_type = encode(payload)
            for sent in (payload, list(payload.items()), body, body[:-20]):
                for options in ({{}}, {{"strict": True}}):
                    try:
                        parse(sent, content_type, **options)
                    except CallbackError:
                        pass

everything()
watched = {{}}
watching = None
sys.addaudithook(lambda event, arguments: watching and watched.setdefault(watching, []).append(event))
watching = "parsing"
everything()
watching = "opening"
open("/dev/null").close()
watching = None
print(json.dumps(watched))
"""


def test_nothing_is_read_or_written_while_parsing():
    """Parsing opens a file, a socket or a process, which an audit event shows."""
    watched = json.loads(run(WATCHED.format(tests=str(TESTS))))
    assert {*watched.get("parsing", [])} <= {"object.__setattr__"}  # An object gets a frozen class.
    assert "open" in watched["opening"]


CLOCKS = """
import sys, time, datetime, random
sys.path.insert(0, {tests!r})
from unittest import mock
from helpers import ENCODERS, PAGE
from exotel_callback import parse

class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        raise AssertionError("the clock was read")
    utcnow = today = now

def results():
    payload = {{**PAGE, "EndTime": "Wed, 23 Feb 2022 12:31:59", "StartTime": "2024-01-15T09:05:00Z"}}
    return [repr(parse(*encode(payload))) for encode in ENCODERS.values()]

def shifted(seconds):
    times = dict.fromkeys(["time", "time_ns", "monotonic", "perf_counter"], lambda: seconds)
    local = lambda *_: time.struct_time((1900 + seconds % 97, 1, 1, 0, 0, 0, 0, 1, 0))
    with mock.patch.multiple(time, localtime=local, gmtime=local, **times), mock.patch("datetime.datetime", Clock):
        return results()

now = results()
print(now == shifted(0) == shifted(4_102_444_800))
"""


def test_no_clock_is_read():
    """Parsing reads the clock: with a shifted one, the result differs. No audit event shows this."""
    assert run(CLOCKS.format(tests=str(TESTS))) == "True\n"


def test_no_bytes_are_compared_with_strings():
    """``python -bb``, as in a strict test run, can't import the package, or can't guess a content type."""
    code = "from exotel_callback._wire.decode import guess_content_type as g; print(g('{'), g(b'{'), g('a') == g(b'a'))"
    assert run(code).split() == ["application/json", "application/json", "True"]


def test_a_process_that_reads_fewer_digits():
    """An integer that a process refuses to read or write raises an exception that isn't a `CallbackError`."""
    code = """
import sys
number = int("1" * 640)
sys.set_int_max_str_digits(640)
from exotel_callback import parse
for digits in (620, 640, 641, 700):
    body = f'{{"CallSid": "a", "Status": "busy", "To": {"1" * digits}, "Duration": {"1" * digits}}}'
    for payload in (body, body + " " * 5_000):
        callback = parse(payload)
        assert (callback.to_number, len(callback.issues)) == ("1" * digits, 1), digits
items = {"CallSid": "a", "Status": "busy", "To": number, "Legs": [{"Status": number * 10}]}
print([issue.path for issue in parse(items).issues])
"""
    assert run(code).strip() == "['To', 'Legs[0].Status']"
