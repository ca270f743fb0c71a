"""Who may import whom, what a first parse loads, and that nothing is read or written while parsing."""

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import exotel_callback

SOURCE = Path(exotel_callback.__file__).parent

# The modules in the order in which data flows: each may import those above it, and no others of ours.
ORDER = [
    "_words",
    "_outcome",
    "_open",
    "_errors",
    "_event_key",
    "_raw",
    "_options",
    "_multipart",
    "_decode",
    "_read",
    "_names",
    "_fields",
    "_model",
    "_fast",
    "_legs",
    "_addresses",
    "_parse",
    "_call_details",
    "_passthru",
    "_call",
    "converters",
    "_queue",
    "_hypothesis",
    "__init__",
    "_encode",
    "_archive",
    "arrow",
    "testing",
    "strategies",
    "auth",
    "recordings",
    "phones",
    "_explain",
    "_convert",
    "_report",
    "_send",
    "_cli",
    "__main__",
]

# What a module may import from elsewhere besides the standard library. What is imported inside of functions counts too.
THIRD_PARTY = {
    "_errors": {"attrs"},
    "_options": {"attrs"},
    "_fields": {"attrs"},
    "_model": {"attrs"},
    "_parse": {"attrs"},
    "_call_details": {"attrs"},
    "_passthru": {"attrs"},
    "_call": {"attrs"},
    "_legs": {"attrs"},
    "_read": {"dateutil"},
    "_multipart": {"multipart"},
    "converters": {"attrs", "cattrs"},
    "_queue": {"cattrs"},
    "auth": {"itsdangerous"},
    "phones": {"phonenumbers"},
    "_explain": {"attrs", "rich"},
    "testing": {"attrs"},
    "_hypothesis": {"hypothesis"},
    "strategies": {"attrs", "hypothesis"},
    "arrow": {"attrs", "pyarrow"},
    "_convert": {"click", "pyarrow", "rich"},
    "_report": {"matplotlib"},
    "_send": {"httpx2"},
    "_cli": {"click", "rich"},
}

# None of them belongs into a parser: files, sockets, clocks, the environment.
NO_IO = {"io", "os", "pathlib", "socket", "subprocess", "tempfile", "time", "urllib.request"}


# The adapters: each may import what all may, and its own framework.
ADAPTERS = {
    "__init__": set(),
    "_shared": {"attrs"},
    "aiohttp": {"aiohttp"},
    "aws_lambda": set(),
    "django": {"django"},
    "fastapi": {"fastapi", "starlette"},
    "flask": {"flask", "werkzeug"},
}


def imports(module):
    tree = ast.parse((SOURCE / f"{module}.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield node.level, node.module
        elif isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)


def run(code):
    """Run it in a fresh interpreter, alone, where each warning is an error."""
    command = [sys.executable, "-I", "-W", "error", "-c", code]
    # Measuring coverage in it would load modules of its own.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def test_every_module_has_its_place():
    """A new module is given one."""
    assert sorted(ORDER) == sorted(path.stem for path in SOURCE.glob("*.py"))


def test_modules_import_those_above_them():
    """Data goes one way."""
    for place, module in enumerate(ORDER):
        ours = {name for level, name in imports(module) if level}
        assert ours <= set(ORDER[:place]), module


def test_modules_import_nothing_else():
    """The parser does no I/O, and knows no framework."""
    for module in ORDER:
        others = {name for level, name in imports(module) if not level}
        packages = {name.partition(".")[0] for name in others}
        assert packages - sys.stdlib_module_names == THIRD_PARTY.get(module, set()), module
        if module not in {"_convert", "_report", "_send", "_cli", "__main__"}:
            assert not others & NO_IO, module


def test_adapters_import_their_own_framework_only():
    """And nothing that is not an adapter imports one."""
    assert {path.stem for path in SOURCE.glob("adapters/*.py")} == set(ADAPTERS)
    for module, frameworks in ADAPTERS.items():
        packages = {name.partition(".")[0] for level, name in imports(f"adapters/{module}") if not level}
        assert packages - sys.stdlib_module_names - {"exotel_callback"} == frameworks, module
    assert not any("adapters" in (name or "") for module in ORDER for _, name in imports(module))


@pytest.mark.parametrize("module", [name for name in ADAPTERS if not name.startswith("_")])
def test_an_adapter_loads_no_other_framework(module):
    """Alone in a fresh process."""
    own = ADAPTERS[module] or {"exotel_callback"}
    if not all(map(importlib.util.find_spec, own)):
        pytest.skip(f"{module} is not installed")
    loaded = run(f"import exotel_callback.adapters.{module}, sys; print(*sys.modules)")
    frameworks = {"aiohttp", "django", "fastapi", "flask", "hypothesis"}
    assert {name.partition(".")[0] for name in loaded.split()} & frameworks == own & frameworks


def test_an_ordinary_parse_loads_little():
    """No framework, no Hypothesis, and none of what only other payloads need."""
    code = """
import sys
from exotel_callback import parse
parse(b'{"CallSid": "a", "Status": "busy", "EndTime": "2024-01-15 14:30:45"}')
print(*sys.modules)
"""
    modules = run(code).split()
    loaded = {name.partition(".")[0] for name in modules}
    assert "exotel_callback._parse" in modules
    assert not {f"exotel_callback.{name}" for name in ("_call", "_call_details", "_passthru", "_queue")} & {*modules}
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
    frameworks = {"flask", "werkzeug", "django", "starlette", "fastapi", "aiohttp", "multidict"}
    assert not loaded & (unwanted | frameworks)


PUBLIC_MODULES = ["arrow", "auth", "converters", "phones", "recordings", "strategies", "testing"]


@pytest.mark.parametrize(
    ("package", "code"),
    [
        ("pyarrow", "import exotel_callback.arrow"),
        ("phonenumbers", "import exotel_callback.phones"),
        ("hypothesis", "import exotel_callback.strategies"),
        ("itsdangerous", "from exotel_callback.auth import sign_url; sign_url('https://e.com', 'a', 'b')"),
        ("itsdangerous", "from exotel_callback.auth import verify_url; verify_url('https://e.com', 'a', 'b')"),
    ],
)
def test_an_extra_that_is_missing_is_named(tmp_path, package, code):
    """With the command that installs it; nothing else needs it."""
    (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError(name={package!r})")
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert re.search(
        r"ImportError: .* extra: pip install 'exotel-callback\[(arrow|phones|signing|testing)\]'", done.stderr
    )


def test_every_public_name_is_there():
    """What the package promises, it has; submodules come when they are imported."""
    assert all(hasattr(exotel_callback, name) for name in exotel_callback.__all__)
    assert {*exotel_callback.__all__} <= {*dir(exotel_callback)}
    assert run("from exotel_callback import *; print(parse_passthru.__name__)") == "parse_passthru\n"
    with pytest.raises(AttributeError, match="module 'exotel_callback' has no attribute 'parse_pasthru'"):
        exotel_callback.parse_pasthru  # noqa: B018 - the attribute is what is looked for
    for module in PUBLIC_MODULES:
        run(f"import exotel_callback.{module}")


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
events = set()
watching = True
sys.addaudithook(lambda event, arguments: events.add(event) if watching else None)
{between}
everything()
watching = False
print(json.dumps(sorted(events)))
"""


def audited(between):
    return set(json.loads(run(WATCHED.format(tests=str(Path(__file__).parent), between=between))))


def test_nothing_is_read_or_written_while_parsing():
    """After a warm-up there is no event of a file, a socket or a process, in any encoding."""
    assert audited("") <= {"object.__setattr__"}  # an object becomes one of a frozen class
    assert "open" in audited("open('/dev/null').close()")


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
    """A fixed and a shifted clock give the same results: no audit event would tell of a clock."""
    assert run(CLOCKS.format(tests=str(Path(__file__).parent))) == "True\n"
