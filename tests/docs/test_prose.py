"""The prose: pages, docstrings, messages and help texts use the terms of ``terms.toml``.

To print what is wrong, and the longest sentences::

    python tests/docs/test_prose.py [FILE...]
"""

import ast
import re
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
TERMS = tomllib.loads(Path(__file__).with_name("terms.toml").read_text())["term"]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
MODULES = sorted(ROOT.glob("src/**/*.py"))
LONGEST = 10

CODE = "``"


class Sentence(NamedTuple):
    """A sentence without markup, with code as "``"."""

    path: Path
    line: int
    kind: str
    """heading, cell, paragraph, docstring or message."""
    text: str

    @property
    def words(self):
        return len(self.text.split())

    def __str__(self):
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.text}"


def without_markup(text):
    """Replace code, links and emphasis, and join the lines."""
    text = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", CODE, text, flags=re.DOTALL)
    text = re.sub(r"!?\[([^\]]*)\](\([^)\s]*\)|\[[^\]]*\])", r"\1", text)
    text = re.sub(r"https?://\S+", CODE, text)
    return " ".join(text.replace("**", "").split())


def sentences(path, line, kind, text):
    for sentence in re.split(r"(?<=[.!?])\)?\s+(?=[A-Z`\"'(])", without_markup(text)):
        if re.search("[A-Za-z]", sentence):
            yield Sentence(path, line, kind, sentence)


def blocks(lines):
    """Yield paragraphs and list items, each with the number of its first line, from 0."""
    start, block, margin = 0, [], None
    for number, line in enumerate([*lines, ""]):
        if margin is not None and line.strip() and len(line) - len(line.lstrip()) > margin:
            continue  # literal text after "::"
        margin = margin if not line.strip() else None
        if block and (not line.strip() or re.match(r"\s*([-*>] |\d+\. |:\w+( \w+)?:|---)", line)):
            yield start, "\n".join(block)
            block = []
        if line.strip() and not set(line.strip()) <= set("-="):
            start = start if block else number
            block.append(re.sub(r"^\s*([-*>] |\d+\. |:\w+( \w+)?:)", "", line))
        if line.rstrip().endswith("::"):
            margin = len(line) - len(line.lstrip())


def sentences_of_page(path):
    """Yield the sentences of a page, except its code."""
    lines = path.read_text().splitlines()
    fence, comment = None, False
    for number, line in enumerate(lines):
        stripped = line.strip()
        opened = re.match("(```+|~~~+)", stripped)
        comment = comment or stripped.startswith("<!--")
        if fence or opened or comment or re.match(r"\[[^\]]+\]: ", line):
            fence = None if fence and stripped == fence else fence or (opened and opened[1])
            comment = comment and "-->" not in stripped
            lines[number] = ""
        elif stripped.startswith("#"):
            yield from sentences(path, number + 1, "heading", stripped.strip("# "))
            lines[number] = ""
        elif stripped.startswith("|"):
            for cell in re.split(r"(?<!\\)\|", stripped):
                yield from sentences(path, number + 1, "cell", cell)
            lines[number] = ""
    for start, block in blocks(lines):
        yield from sentences(path, start + 1, "paragraph", block)


def strings_of(tree):
    """Yield the strings of a module, each with its node and whether it is a docstring."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "`code`" for part in node.values]
            yield node, "".join(map(str, parts)), False
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            yield node, node.value, id(node) in docstrings


def sentences_of_module(path):
    """Yield the sentences of docstrings, messages and help texts.

    A string of one word, and one that holds code, isn't a message.
    """
    for node, text, is_docstring in strings_of(ast.parse(path.read_text())):
        if is_docstring:
            for start, block in blocks(text.splitlines()):
                yield from sentences(path, node.lineno + start, "docstring", block)
        elif re.search(r"[A-Za-z`]+ [A-Za-z]+", text) and not re.search(r"^\s*\w+ = ", text, re.MULTILINE):
            prose = re.sub("<style>.*?</style>|<[^>]*>", " ", text, flags=re.DOTALL)
            yield from sentences(path, node.lineno, "message", prose)


@cache
def sentences_of(path):
    return list(sentences_of_module(path) if path.suffix == ".py" else sentences_of_page(path))


def found(term, text, path=None):
    """Return the first match of a term that no allowed phrase covers, or None."""
    allowed = [
        match.span()
        for entry in term.get("allow", [])
        if path is None or "path" not in entry or path == ROOT / entry["path"]
        for match in re.finditer(entry["phrase"], text, re.IGNORECASE)
    ]
    for match in re.finditer(rf"(?<!\w)(?:{term['pattern']})(?:(?<!\w)|(?!\w))", text, re.IGNORECASE):
        if not any(start <= match.start() and match.end() <= end for start, end in allowed):
            return match[0]
    return None


def faults_of(path):
    """Yield a line for each term that is found in a file."""
    for sentence in sentences_of(path):
        for term in TERMS:
            if sentence.kind not in term.get("except", []) and (match := found(term, sentence.text, path)):
                yield f"{sentence}\n    not {match.strip()!r}, but: {term['use']}"


def longest(paths, number=LONGEST):
    return sorted(
        (sentence for path in paths for sentence in sentences_of(path)), key=lambda sentence: -sentence.words
    )[:number]


@pytest.mark.parametrize("path", [*PAGES, *MODULES], ids=lambda path: str(path.relative_to(ROOT)))
def test_the_terms_are_standard(path, record_property):
    """A page, a docstring or a message uses a term of the private dialect, which readers don't know.

    The longest sentences are only reported, as properties in a JUnit file.
    """
    for sentence in longest([path]):
        record_property(f"{sentence.words} words", str(sentence))
    faults = list(faults_of(path))
    assert not faults, (
        "use the standard terms, or add a phrase with its reason to tests/docs/terms.toml:\n" + "\n".join(faults)
    )


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term["use"])
def test_a_term_finds_its_own_example(term):
    """A pattern misses the wrong sentence, or finds something in the right one."""
    assert term.keys() <= {"pattern", "use", "wrong", "right", "allow", "except"}
    assert found(term, term["wrong"])
    assert found(term, term["right"]) is None
    assert all(entry["phrase"] and entry["reason"] for entry in term.get("allow", []))


PAGE = """\
# A heading

<!-- a comment -->
One sentence with `code` and a
[link](https://example.com). Another one.

```python
code()
```

- an item
- **another** item

| cell | [text][name] |
|---|---|

[name]: https://example.com
"""

MODULE = '''\
"""The first line.

Facts
-----
- An item with ``code``,
  on two lines.

:param name: A name::

    code()

The end.
"""

NAME = "one"


def message(name):
    raise ValueError(f"{name} is wrong; pass another name")
'''


def test_the_sentences_of_a_page(tmp_path):
    """A part of a page isn't read, or code is taken for prose."""
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    assert sorted(sentence[1:] for sentence in sentences_of(path)) == [
        (1, "heading", "A heading"),
        (4, "paragraph", "Another one."),
        (4, "paragraph", "One sentence with `` and a link."),
        (11, "paragraph", "an item"),
        (12, "paragraph", "another item"),
        (14, "cell", "cell"),
        (14, "cell", "text"),
    ]


def test_the_sentences_of_a_module(tmp_path):
    """A docstring or a message isn't read, or code is taken for prose."""
    path = tmp_path / "module.py"
    path.write_text(MODULE)
    assert sorted(sentence[1:] for sentence in sentences_of(path)) == [
        (1, "docstring", "The first line."),
        (3, "docstring", "Facts"),
        (5, "docstring", "An item with ``, on two lines."),
        (8, "docstring", "A name::"),
        (12, "docstring", "The end."),
        (19, "message", "`` is wrong; pass another name"),
    ]


def main(*names):
    """Print the faults and the longest sentences of some files, or of all."""
    paths = [Path(name).resolve() for name in names] or [*PAGES, *MODULES]
    faults = [fault for path in paths for fault in faults_of(path)]
    lines = [*faults, "", f"{len(faults)} terms to replace. The longest sentences:", ""]
    lines += [f"{sentence.words} words: {sentence}" for sentence in longest(paths)]
    sys.stdout.write("\n".join(lines) + "\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
