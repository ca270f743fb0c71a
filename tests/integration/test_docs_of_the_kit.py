"""Run the code of the pages on testing and fuzzing a handler with pytest, as readers do."""

import re
import subprocess
import sys

import pytest

from helpers import ROOT

HOW_TO = ROOT / "docs" / "how-to"

# Without the phase that explains a failure. It takes the longest, and the pages don't show its result.
CONFTEST = """
from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "page",
    max_examples=500,
    phases=[Phase.generate, Phase.shrink],
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("page")
"""


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (HOW_TO / page).read_text(), re.DOTALL | re.MULTILINE)


PAGES = ["test-your-handler.md", "fuzz-your-handler.md"]


def test_the_planted_bugs_are_found(tmp_path):
    """The tests of a page don't find a handler's mistake, or pytest prints another report than the page shows."""
    for package in ("flask", "django", "fastapi", "python_multipart"):
        pytest.importorskip(package)
    code = [block for page in PAGES for block in blocks(page, "python") if ">>>" not in block]
    (tmp_path / "test_page.py").write_text("\n".join(code))
    (tmp_path / "conftest.py").write_text(CONFTEST)
    # The plugin of schemathesis changes what Hypothesis prints.
    plugins = ["-p", "no:cacheprovider", "-p", "no:schemathesis"]
    command = [sys.executable, "-m", "pytest", "-q", *plugins, "--hypothesis-seed=1", "test_page.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    printed = {re.sub(r" - .*", "", line) for line in done.stdout.splitlines()}
    shown = {line for page in PAGES for block in blocks(page, "text") for line in block.splitlines()}
    assert shown <= printed, f"the pages show lines that pytest does not print: {shown - printed}"
    assert re.search(r"8 failed, \d+ passed", done.stdout), done.stdout[-2_000:]
