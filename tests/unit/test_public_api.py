"""Test that the public names and their signatures are as stored, so that a change shows in review.

After an intended change::

    PYTHONPATH=tests python tests/unit/test_public_api.py > tests/public_api.txt
"""

import ast
import inspect
import re
import sys
from enum import Enum
from importlib import import_module
from types import UnionType

import attrs
import pytest

from helpers import ENUMS, PUBLIC_MODULES, TESTS

TYPED = TESTS / "typing"
STORED = TESTS / "public_api.txt"


def signature(function):
    """Return a signature without the parts that depend on the version of Python or of a framework."""
    found = inspect.signature(function)
    parameters = [parameter.replace(annotation=parameter.empty) for parameter in found.parameters.values()]
    return re.sub(r"<([\w. ]+?)( object)? at 0x\w+>", r"<\1>", str(inspect.Signature(parameters)))


def described(name, value):
    """Yield the lines of one public name."""
    if isinstance(value, UnionType):
        yield f"{name}: type alias"
        return
    if not inspect.isclass(value):
        yield f"{name}{signature(value)}" if callable(value) else f"{name}: {type(value).__name__}"
        return
    yield f"class {name}({', '.join(base.__name__ for base in value.__bases__ if base is not object)})"
    if issubclass(value, Enum):
        yield from (f"    {member.name} = {member.value!r}" for member in value)
    if attrs.has(value):
        fields = [field for field in attrs.fields(value) if not field.name.startswith("_")]
        yield from (f"    {field.name}{'' if field.default is attrs.NOTHING else ' = ...'}" for field in fields)
    ours = {
        attribute: member
        for cls in value.__mro__
        if cls.__module__.startswith("exotel_callback")
        for attribute, member in vars(cls).items()
        if not attribute.startswith("_")
    }
    for attribute, member in sorted(ours.items()):
        if isinstance(member, property):
            yield f"    {attribute}: property"
        elif inspect.isfunction(member) or isinstance(member, classmethod):
            yield f"    {attribute}{signature(getattr(value, attribute))}"


def public_api(*modules):
    """Return the public names of modules, one module after the other."""
    lines = []
    for module in modules:
        found = import_module(module)
        lines += ["", f"# {module}"]
        for name in found.__all__:
            lines += described(name, getattr(found, name))
    return "\n".join(lines).strip() + "\n"


def test_every_public_name_has_a_type_test():
    """No file that mypy and pyright check uses a public name, field or member."""
    used = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for path in sorted(TYPED.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute | ast.Name)
    }
    found = re.findall(r"^ {0,4}(?:class )?(\w+)", STORED.read_text(), re.MULTILINE)
    missing = sorted({name for name in found if name not in used})
    assert missing == [], f"add a line to tests/typing/api.py that uses {', '.join(missing)}"


def test_every_member_has_its_case():
    """A member of an enum has no case in the file that mypy and pyright check."""
    tree = ast.parse((TYPED / "enums.py").read_text())
    cases = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    missing = [f"{enum.__name__}.{member.name}" for enum in ENUMS for member in enum]
    missing = [case for case in missing if case not in cases]
    assert missing == [], f"add {', '.join(missing)} to a case in tests/typing/enums.py"


@pytest.mark.parametrize("module", PUBLIC_MODULES)
def test_the_public_api_is_as_stored(module):
    """The public names of a module, or their signatures, differ from its section of the file."""
    if module == "exotel_callback.arrow":
        pytest.importorskip("pyarrow", reason="the module arrow needs pyarrow, which only tests/integration require")
    sections = {section.partition("\n")[0]: section for section in STORED.read_text().split("\n\n")}
    assert sections.keys() == {f"# {name}" for name in PUBLIC_MODULES}, "PUBLIC_MODULES is in tests/helpers.py"
    assert public_api(module).rstrip() == sections[f"# {module}"].rstrip(), (
        "the public API changed: run `PYTHONPATH=tests python tests/unit/test_public_api.py > tests/public_api.txt` "
        "and read the difference"
    )


if __name__ == "__main__":
    sys.stdout.write(public_api(*PUBLIC_MODULES))
