"""The pages on testing and fuzzing a handler, pasted into a file and run by pytest, as their readers do."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

HOW_TO = Path(__file__).parents[1] / "docs" / "how-to"

# Without the phase that explains what was found, which takes the longest and tells nothing more here.
CONFTEST = """
from hypothesis import Phase, settings

settings.register_profile("page", max_examples=500, phases=[Phase.generate, Phase.shrink], database=None)
settings.load_profile("page")
"""


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (HOW_TO / page).read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    ("pages", "failures"),
    [
        (["test-your-handler.md"], 4),
        (["test-your-handler.md", "fuzz-your-handler.md"], 8),
    ],
)
def test_the_planted_bugs_are_found(tmp_path, pages, failures):
    """By the tests that the page shows, with the words that it shows."""
    for package in ("flask", "django", "fastapi", "python_multipart"):
        pytest.importorskip(package)
    code = [block for page in pages for block in blocks(page, "python") if ">>>" not in block]
    (tmp_path / "test_page.py").write_text("\n".join(code))
    (tmp_path / "conftest.py").write_text(CONFTEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=1", "test_page.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    told = {re.sub(r" - .*", "", line) for line in done.stdout.splitlines()}
    shown = {line for block in blocks(pages[-1], "text") for line in block.splitlines()}
    assert shown <= told
    assert re.search(rf"{failures} failed, \d+ passed", done.stdout)
