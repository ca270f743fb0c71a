"""Find the pages of the project, and run their Python."""

import doctest
import re

from helpers import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def python_blocks(page):
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


# The pages whose Python needs Arrow and engines. They run in tests/integration, because these packages are large.
PAGES_OF_BULK = [
    page
    for page in PAGES
    if any(
        re.search(r"import (pyarrow|exotel_callback\.arrow)|exotel_callback\.arrow import", block)
        for block in python_blocks(page)
    )
]

# The pages whose Python needs databases or queues. Their tests in tests/integration run it.
PAGES_OF_STORES = [
    ROOT / "docs" / "how-to" / f"{name}.md"
    for name in ("store-calls", "flask-complete", "django-complete", "fastapi-complete", "queues")
]

# The page whose Python needs the dependency group `frameworks`. It runs in tests/integration.
PAGE_OF_OBSERVERS = ROOT / "docs" / "how-to" / "observe.md"

# A test in tests/integration runs the blocks that import one of these packages.
RUN_ELSEWHERE = ["pyspark", "rest_framework", "ninja", "litestar", "msgspec"]

# The pages that continue the code of another page.
GOES_ON = {"fuzz-your-handler.md": "test-your-handler.md"}


def run_page(page, without=()):
    """Run the Python blocks of a page in order, in one namespace, and return the namespace."""
    namespace = {"__name__": "page"}
    before = python_blocks(page.with_name(GOES_ON[page.name])) if page.name in GOES_ON else []
    for number, block in enumerate([*before, *python_blocks(page)]):
        if block in without or any(f"import {name}" in block or f"from {name}" in block for name in RUN_ELSEWHERE):
            continue
        if ">>>" not in block:
            exec(compile(block, f"{page.name}, block {number}", "exec"), namespace)
            continue
        test = doctest.DocTestParser().get_doctest(block, namespace, f"{page.name}, block {number}", str(page), 0)
        runner = doctest.DocTestRunner(optionflags=doctest.FAIL_FAST)
        told = []
        runner.run(test, out=told.append, clear_globs=False)
        assert not runner.failures, "".join(told)
        namespace = test.globs
    return namespace
