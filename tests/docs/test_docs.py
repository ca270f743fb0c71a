"""Test README and docs: their Python runs, their links work, and their tables match the code."""

import re
import tomllib
from pathlib import Path

import attrs
import pytest

import exotel_callback
from exotel_callback import IssueCode, Leg, Limits, PassthruEvent, PassthruLeg, PopupEvent, StatusCallback, Stream
from helpers import ROOT, TESTS
from pages import PAGE_OF_OBSERVERS, PAGES, PAGES_OF_BULK, PAGES_OF_STORES, python_blocks, run_page

FIELDS = ROOT / "docs" / "reference" / "fields.md"
PASSTHRU = ROOT / "docs" / "reference" / "passthru.md"
POPUP = ROOT / "docs" / "reference" / "popup.md"

ENUM_PAGES = {
    **dict.fromkeys(("CallStatus", "LegStatus", "AnsweredBy", "Direction", "EventType"), FIELDS),
    **dict.fromkeys(("CallType", "StreamStatus"), PASSTHRU),
    **dict.fromkeys(("PopupEventType", "AgentStatus"), POPUP),
}

SAVED_BY_READERS = {
    "calls.py",
    "capture.py",
    *(path.name for path in ROOT.glob("docs/examples/**/*.py")),
    "manage.py",
    "test_page.py",
}
"""The names under which the pages tell readers to save code."""

page_by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page not in {*PAGES_OF_BULK, *PAGES_OF_STORES, PAGE_OF_OBSERVERS}],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_python_runs(page, monkeypatch, tmp_path):
    """The Python of a page raises, or prints another result than the page shows."""
    monkeypatch.setenv("EXOTEL_SECRET", "right")
    monkeypatch.chdir(tmp_path)  # some pages write a database
    run_page(page)


@page_by_page
def test_there_is_python_to_run(page):
    """A Python block of a page isn't found, so it isn't run."""
    assert len(python_blocks(page)) == page.read_text().count("```python\n")


@page_by_page
def test_pages_begin_with_a_sentence(page):
    """A page begins with a heading, a table or code, and doesn't say what it is for."""
    text = page.read_text()
    assert "```{include}" in text or re.match(r"# .*\n\n(?!#|\||```|- )", text)


@page_by_page
def test_code_fits_its_page(page):
    """A line of Python is longer than 100 characters, so readers must scroll. Printed lines are exempt."""
    for block in python_blocks(page):
        lines = re.findall(r"^(?:>>>|\.\.\.) .*", block, re.MULTILINE) or block.splitlines()
        assert [line for line in lines if len(line) > 100] == []


@pytest.mark.parametrize("diagram", sorted(ROOT.glob("docs/explanation/*.svg")), ids=lambda path: path.stem)
def test_diagrams_have_a_dark_theme(diagram):
    """A diagram is a bright box on a dark page."""
    assert "@media (prefers-color-scheme: dark)" in diagram.read_text()


EXAMPLES = ROOT / "docs" / "examples"


@pytest.mark.parametrize(
    "example",
    [path for path in sorted(EXAMPLES.rglob("*.py")) if path.name != "__init__.py"],
    ids=lambda path: str(path.relative_to(EXAMPLES).with_suffix("")),
)
def test_a_page_shows_its_example_unchanged(example):
    """A page shows another version of its example than the file that is linted, typed and tested."""
    blocks = [block for page in ROOT.glob("docs/how-to/*.md") for block in python_blocks(page)]
    assert example.read_text() in blocks


def anchors(page):
    """Return the anchors of a page's headings, as code hosts generate them."""
    headings = re.findall(
        r"^#+ (.*)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@page_by_page
def test_links_work(page):
    """A link of a page leads to a missing file or heading of the project."""
    text = page.read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"^\[[^\]]+\]: (\S+)", text, re.MULTILINE):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), target
        assert not anchor or anchor in anchors(other), target


@page_by_page
def test_references_are_defined(page):
    """A reference ``[text][name]`` of a page has no URL, or a URL is unused."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"`[^`\n]*`", "", text)
    defined = set(re.findall(r"^\[([^\]]+)\]: ", text, re.MULTILINE))
    assert set(re.findall(r"\]\[([^\]]+)\]", text)) == defined


@page_by_page
def test_paths_of_the_project_exist(page):
    """A page names a missing file or module of the project."""
    text = page.read_text()
    for path in re.findall(r"(?<![\w./])(?:tests|docs)/[\w./-]+\w", text):
        assert (ROOT / path).exists(), path
    for module in set(re.findall(r"`(\w+\.py)`", text)) - SAVED_BY_READERS:
        assert (Path(exotel_callback.__file__).parent / module).exists(), module


def tables(page):
    """Yield the rows of each table as lists of cells, the header first."""
    for table in re.findall(r"(?:^\|.*\n)+", page.read_text(), re.MULTILINE):
        rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table.splitlines()]
        yield [
            [cell.strip().replace("\\|", "|") for cell in row] for row in rows if not set("".join(row)) <= set("-: ")
        ]


def code(cell):
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize(
    ("page", "index", "cls"),
    [
        (FIELDS, 0, StatusCallback),
        (FIELDS, 1, Leg),
        (PASSTHRU, 0, PassthruEvent),
        (PASSTHRU, 1, PassthruLeg),
        (PASSTHRU, 2, Stream),
        (POPUP, 0, PopupEvent),
    ],
)
def test_the_tables_of_fields_match_the_model(page, index, cls):
    """A table has another wire name, Python name, type or order of fields than the class."""
    path = page.relative_to(ROOT)
    table = [table for table in tables(page) if table[0] == ["Wire name", "Python name and type", "Meaning"]][index][1:]
    rows = [(tuple(code(wire)), code(python)) for wire, python, _ in table]
    expected = [
        (field.metadata["wire"], [field.name, type_of(field)])
        for field in attrs.fields(cls)
        if "wire" in field.metadata
    ]
    for wire, *_ in expected:
        assert wire in [names for names, *_ in rows], (
            f"{path} has no row for {' or '.join(wire)} in table {cls.__name__}"
        )
    assert rows == expected, f"the rows of table {cls.__name__} in {path} and the fields of the class differ"


def type_of(field):
    """Return the type as the page spells it. The ``__name__`` of a union depends on the version of Python."""
    return field.type.__name__ if isinstance(field.type, type) else re.sub(r"[\w.]+\.(\w+)", r"\1", str(field.type))


def test_the_tables_of_values_match_the_enums():
    """A table lacks a member of an enum, or has another value."""
    for name, page in ENUM_PAGES.items():
        section = re.split(rf"^#+ {name}\n", page.read_text(), flags=re.MULTILINE)[1].split("\n#")[0]
        shown = {tuple(code(line)[:2]) for line in section.splitlines() if line.startswith("| `")}
        members = {(member.name, member.value) for member in getattr(exotel_callback, name)}
        for member in members - shown:
            pytest.fail(f"{page.relative_to(ROOT)} has no row for {name} {member}")
        assert shown == members, f"{page.relative_to(ROOT)} has rows that {name} has no member for"


def test_every_code_of_an_issue_is_described():
    """The page lacks the code of an issue, or its message."""
    text = FIELDS.read_text()
    missing = [member.name for member in IssueCode if f"`{member.name}`" not in text]
    assert missing == [], f"docs/reference/fields.md has no row for the issue {', '.join(missing)}"


def test_the_limits_match_the_code():
    """The page has another limit than the code."""
    text = FIELDS.read_text()
    for field in attrs.fields(Limits):
        row = re.search(rf"^\| `{field.name}`: .* \| {field.default:,} \|", text, re.MULTILINE)
        assert row, f"docs/reference/fields.md has no row for the limit {field.name} with {field.default:,}"


def test_the_readmes_commands_are_one_line_each():
    """A command of README doesn't create its virtual environment, so a system's Python refuses the installation."""
    blocks = re.findall(r"^```console\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    for block in blocks:
        assert len(block.splitlines()) == 1
        assert block.startswith("python3 -m venv .venv && . .venv/bin/activate && pip install ")


def test_the_changelog_has_a_place_for_the_next_change():
    """The changelog has no heading for the next release, or the one after it isn't the current version."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased", "add the heading `## Unreleased` above the newest release in CHANGELOG.md"
    assert headings[1].startswith(f"[{version}] - "), f"the newest release in CHANGELOG.md isn't {version}"


def test_every_threat_has_tests_that_exist():
    """A threat names no test, or one that doesn't exist."""
    threats = (ROOT / "docs/explanation/threats.md").read_text().split("\n- ")[1:]
    assert threats
    for threat in threats:
        tests = re.findall(r"`(\w+\.py)::(\w+)`", threat.partition("  Tests: ")[2])
        assert tests, threat
        for module, name in tests:
            (path,) = TESTS.glob(f"*/{module}")
            assert f"\ndef {name}(" in path.read_text(), name
