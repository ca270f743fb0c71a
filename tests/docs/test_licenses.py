"""Test that the page on licenses lists every package that the library and its extras install."""

import re
from importlib.metadata import PackageNotFoundError, distribution

import pytest

from helpers import ROOT

ROW = re.compile(r"^\| ([a-z0-9-]+) \| (every install|`[a-z]+`) \| [^|]+ \|$", re.MULTILINE)
EXTRA = re.compile(r"""extra == ["']([^"']+)["']""")


def normalized(requirement):
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


def required(name, extra=None):
    """Return what a distribution requires on every system, by itself or for one of its extras."""
    for line in distribution(name).requires or ():
        found = EXTRA.search(line)
        if (found and found[1]) == extra and not re.search(r"python_version|python_full_version|platform", line):
            yield normalized(line)


def installed_by(extra):
    found, new = set(), {*required("exotel-callback", extra)}
    while new:
        name = new.pop()
        found.add(name)
        if name != "exotel-callback":
            new |= {*required(name)} - found
    return found - {"exotel-callback"}


@pytest.mark.parametrize(
    ("extra", "others"),
    [
        (None, []),
        *((name, [None]) for name in ("cli", "signing", "phones", "testing", "arrow")),
        ("report", [None, "cli", "arrow"]),
    ],
)
def test_every_package_is_listed(extra, others):
    """A package that users get isn't on the page, or the page says that another extra installs it."""
    rows = dict(ROW.findall((ROOT / "docs/project/licenses.md").read_text()))
    try:
        found, before = installed_by(extra), set().union(*map(installed_by, others))
    except PackageNotFoundError as error:
        pytest.skip(f"{error.name} isn't installed")
    assert found <= rows.keys()
    installed = f"`{extra}`" if extra else "every install"
    assert {name for name in found - before if rows[name] != installed} == set()
