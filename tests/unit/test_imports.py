"""Test that a folder imports only those above it, and that a module imports only declared packages."""

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import exotel_callback
from helpers import PUBLIC_MODULES

SOURCE = Path(exotel_callback.__file__).parent

# The folders and top-level modules in the order in which data flows: each may import its own layer and those above it.
LAYERS = [
    {"_enums", "_errors", "_options"},
    {"_wire"},
    {"_fields"},
    {"_model"},
    {"_parse"},
    {"__init__", "_encode", "_hypothesis", "_serialize", "converters"},
    {"_pydantic", "arrow", "auth", "phones", "recordings", "schemas", "strategies", "testing"},
    {"adapters"},
    {"__main__", "_cli"},
]
# It imports nothing, so any layer may use it.
EVERYWHERE = "_model._open"

# What a folder or module may import besides the standard library and `ALL_MAY`. Imports in functions count too.
ALL_MAY = {"attrs"}
THIRD_PARTY = {
    "_wire": {"multipart"},
    "_fields": {"dateutil"},
    "_serialize": {"cattrs"},
    "_hypothesis": {"hypothesis"},
    "_pydantic": {"pydantic", "pydantic_core"},
    "converters": {"cattrs"},
    "auth": {"itsdangerous"},
    "phones": {"phonenumbers"},
    "strategies": {"hypothesis"},
    "arrow": {"pyarrow"},
    "_cli": {"click", "httpcore2", "httpx2", "matplotlib", "pyarrow", "rich"},
}

# The adapters: each may import its own framework.
ADAPTERS = {
    "__init__": set(),
    "_shared": set(),
    "aiohttp": {"aiohttp"},
    "asgi": set(),
    "aws_lambda": set(),
    "django": {"django"},
    "fastapi": {"fastapi"},
    "flask": {"flask", "werkzeug"},
    "starlette": {"starlette"},
    "wsgi": set(),
}

# A parser must not use these: files, sockets, clocks, the environment.
NO_IO = {"io", "os", "pathlib", "socket", "subprocess", "tempfile", "time", "urllib.request"}


def module_name(path):
    """Return the name of a module inside of the package; a folder's ``__init__`` has that of the folder."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {module_name(path): path for path in SOURCE.rglob("*.py")}


def imports(module):
    """Yield the full name of each module that a module imports; that of our own ones begins with a dot."""
    path = MODULES[module]
    package = path.relative_to(SOURCE).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level == 0:
                yield (
                    node.module.replace("exotel_callback", "", 1)
                    if node.module.startswith("exotel_callback.")
                    else node.module
                )
                continue
            base = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
            names = [".".join(filter(None, [*base, alias.name])) for alias in node.names]
            yield from (
                "." + (name if name in MODULES else ".".join(filter(None, base)) or "__init__") for name in names
            )


OURS = {module: {name[1:] for name in imports(module) if name.startswith(".")} for module in MODULES}
OTHERS = {module: {name for name in imports(module) if not name.startswith(".")} for module in MODULES}


def layer_of(module):
    top = module.partition(".")[0]
    return next(number for number, layer in enumerate(LAYERS) if top in layer)


def test_every_folder_and_module_has_a_layer():
    """A folder or module at the top has no place in `LAYERS`."""
    tops = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert tops == set().union(*LAYERS)


@pytest.mark.parametrize("module", MODULES)
def test_modules_import_their_own_layer_and_those_above(module):
    """A module imports one from a layer below it."""
    below = {name for name in OURS[module] - {EVERYWHERE} if layer_of(name) > layer_of(module)}
    if module != "__init__":  # It imports everything that it exports, and the registration with Hypothesis.
        assert not below
    assert not OURS[EVERYWHERE]


def test_there_are_no_cycles():
    """Two modules import each other."""
    TopologicalSorter({module: names - {module, "__init__"} for module, names in OURS.items()}).prepare()


@pytest.mark.parametrize("module", MODULES)
def test_modules_import_declared_packages_only(module):
    """A module imports a package that its folder doesn't declare, or the parser does I/O."""
    packages = {name.partition(".")[0] for name in OTHERS[module]} - sys.stdlib_module_names
    folder, _, name = module.partition(".")
    allowed = ADAPTERS[name or "__init__"] if folder == "adapters" else THIRD_PARTY.get(folder, set())
    assert packages <= ALL_MAY | allowed
    if folder not in {"_cli", "__main__", "adapters"}:
        assert not OTHERS[module] & NO_IO


def test_declared_packages_are_imported():
    """`THIRD_PARTY` or `ADAPTERS` names a package that nothing imports."""
    for folder, packages in THIRD_PARTY.items():
        names = set().union(*(OTHERS[module] for module in MODULES if module.partition(".")[0] == folder))
        assert packages <= {name.partition(".")[0] for name in names}, folder
    assert {f"adapters.{name}".removesuffix(".__init__") for name in ADAPTERS} == {
        module for module in MODULES if module.startswith("adapters")
    }


def test_every_public_module_is_listed():
    """The list of public modules, which other tests go through, lacks a module whose name is public."""
    public = {name for name in MODULES if not any(part.startswith("_") for part in name.split("."))}
    assert {*PUBLIC_MODULES} == {"exotel_callback", *(f"exotel_callback.{name}" for name in public)}


def test_every_public_name_is_there():
    """The package lacks a name that ``__all__`` promises; submodules are loaded when they are imported."""
    assert all(hasattr(exotel_callback, name) for name in exotel_callback.__all__)
    assert {*exotel_callback.__all__} <= {*dir(exotel_callback)}
    with pytest.raises(AttributeError, match="module 'exotel_callback' has no attribute 'parse_pasthru'"):
        exotel_callback.parse_pasthru  # noqa: B018 - looking up the attribute is the test
