"""Write the Python of pages into modules for the type checkers, with ``python tests/page_types.py FOLDER``."""

import re
import sys
from pathlib import Path

from helpers import ROOT

# The other pages show files of docs/examples, which are checked themselves, or code of tests.
PAGES = [
    *("aiohttp", "aws-lambda", "django", "fastapi", "flask", "flows", "observe", "one-url", "pydantic", "queues"),
    *("secure-the-endpoint", "write-your-own-adapter"),
]
# Each section of these pages is a module of its own.
BY_SECTION = {"pydantic", "queues"}

# Some packages have no types, and only the text of a page uses some imports.
HEADER = """\
# mypy: disable-error-code="import-untyped,untyped-decorator,no-untyped-call,no-any-return"
# pyright: strict, reportMissingTypeStubs=false, reportUntypedFunctionDecorator=false, reportUnusedImport=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""
# The function that readers have on the page about queues. Without types, a request of REST framework isn't Django's.
GIVEN = {
    "queues": "from exotel_callback import StatusCallback\n\n\n{}def store(event: StatusCallback) -> None: ...\n\n\n",
    "django": "# pyright: reportArgumentType=false\n",
}


def modules():
    """Yield the name and the code of each module. Examples with prompts aren't part of it."""
    for page in PAGES:
        text = (ROOT / "docs" / "how-to" / f"{page}.md").read_text()
        sections = re.split(r"^## ", text, flags=re.MULTILINE) if page in BY_SECTION else [text]
        for number, section in enumerate(sections):
            blocks = re.findall(r"^```python\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
            code = "\n\n".join(block for block in blocks if ">>>" not in block)
            given = GIVEN.get(page, "").format("async " if "await store(" in code else "")
            if code:
                yield f"{page.replace('-', '_')}_{number}", HEADER + given + code


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for name, code in modules():
        (folder / f"{name}.py").write_text(code)
