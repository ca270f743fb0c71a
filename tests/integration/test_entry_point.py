"""Test the entry point that registers the strategies with Hypothesis, in fresh interpreters."""

import subprocess
import sys

import pytest

from helpers import MEASURED, search_path


def run(code, path=""):
    environment = {**MEASURED, "PYTHONPATH": search_path(path)}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False, env=environment
    )


USED = "st.from_type(StatusCallback).validate(); print('exotel_callback.strategies' in sys.modules)"


@pytest.mark.parametrize(
    "imports",
    [
        "import hypothesis, sys; from hypothesis import strategies as st; from exotel_callback import StatusCallback",
        "from exotel_callback import StatusCallback; import sys; from hypothesis import strategies as st",
    ],
)
def test_the_registration_is_lazy(imports):
    """The strategies are imported before a test uses one, or are not registered in one order of imports."""
    done = run(f"{imports}\nprint('exotel_callback.strategies' in sys.modules)\n{USED}")
    assert done.stdout == "False\nTrue\n", done.stderr


def test_the_entry_point_alone_does_not_import_the_package():
    """`import hypothesis` imports our package, which slows down tests that don't use it."""
    done = run("import hypothesis, sys; print([name for name in sys.modules if 'exotel' in name])")
    assert done.stdout == "['_exotel_callback_hypothesis']\n", done.stderr


@pytest.mark.parametrize("hidden", ["None", "type(sys)('hypothesis')"])
def test_the_package_works_without_hypothesis(hidden):
    """The package can't be imported if Hypothesis is hidden, as tests of optional imports do."""
    done = run(f"import sys; sys.modules['hypothesis'] = {hidden}; import exotel_callback; print('fine')")
    assert (done.stdout, done.stderr) == ("fine\n", "")


BROKEN_COPIES = {
    "it raises": "raise RuntimeError('broken')",
    "it isn't Python": "def",
    "a dependency is missing": "import no_such_module",
    "it warns": "import warnings; warnings.warn('old', DeprecationWarning)",
    "it is empty": "",
}
# One process tries all copies: `hypothesis.entry_points.run` is what `import hypothesis` calls in the end.
TRY_COPIES = """
import contextlib, sys
from hypothesis.entry_points import run

for folder in {folders}:
    for is_imported_before in (False, True):
        sys.modules.pop("exotel_callback", None)
        sys.path.insert(0, folder)
        if is_imported_before:
            with contextlib.suppress(Exception):
                import exotel_callback
        run()
        sys.path.remove(folder)
print("fine")
"""


def test_a_broken_copy_does_not_break_hypothesis(tmp_path):
    """A fault of our package breaks `import hypothesis`, and so the tests of other projects."""
    for name, code in BROKEN_COPIES.items():
        package = tmp_path / name / "exotel_callback"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(code)
    done = run(TRY_COPIES.format(folders=[str(tmp_path / name) for name in BROKEN_COPIES]))
    assert (done.stdout, done.stderr) == ("fine\n", "")


@pytest.mark.parametrize(
    "broken", ["None", "SimpleNamespace(register=lambda: 1 / 0)"], ids=["no module", "a function that raises"]
)
def test_broken_strategies_do_not_break_hypothesis(broken):
    """A fault of the module that registers the strategies breaks `import hypothesis` or our package."""
    done = run(
        f"import sys; from types import SimpleNamespace; sys.modules['exotel_callback._hypothesis'] = {broken}\n"
        "import exotel_callback, hypothesis; print('fine')"
    )
    assert (done.stdout, done.stderr) == ("fine\n", "")
