"""Modules import only those that come before them, and no package that they don't declare."""

import ast
import sys
from pathlib import Path

import pytest

import exotel_callback
from helpers import PUBLIC_MODULES

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


def test_every_public_module_is_listed():
    """The list of public modules, which other tests go through, has each module whose name is public."""
    names = [*ORDER, *(f"adapters.{name}" for name in ADAPTERS)]
    public = {f"exotel_callback.{name}" for name in names if not name.rpartition(".")[2].startswith("_")}
    assert {*PUBLIC_MODULES} == {"exotel_callback", *public}


def test_every_public_name_is_there():
    """The package has every name that ``__all__`` promises; submodules are loaded when they are imported."""
    assert all(hasattr(exotel_callback, name) for name in exotel_callback.__all__)
    assert {*exotel_callback.__all__} <= {*dir(exotel_callback)}
    with pytest.raises(AttributeError, match="module 'exotel_callback' has no attribute 'parse_pasthru'"):
        exotel_callback.parse_pasthru  # noqa: B018 - the attribute is what is looked for
