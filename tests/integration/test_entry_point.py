"""The entry point that registers the strategies with Hypothesis, in fresh interpreters."""

import os
import subprocess
import sys

import pytest

from helpers import search_path


def run(code, path=""):
    environment = {**os.environ, "PYTHONPATH": search_path(path)}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False, env=environment
    )


ASKED = "st.from_type(StatusCallback).validate(); print('exotel_callback.strategies' in sys.modules)"


@pytest.mark.parametrize(
    "imports",
    [
        "import hypothesis, sys; from hypothesis import strategies as st; from exotel_callback import StatusCallback",
        "from exotel_callback import StatusCallback; import sys; from hypothesis import strategies as st",
    ],
)
def test_the_registration_is_lazy(imports):
    """In either order of imports; the strategies are imported when one is asked for."""
    done = run(f"{imports}\nprint('exotel_callback.strategies' in sys.modules)\n{ASKED}")
    assert done.stdout == "False\nTrue\n", done.stderr


def test_the_entry_point_alone_imports_nothing_of_ours():
    """Tests that have nothing to do with the library do not pay for it."""
    done = run("import hypothesis, sys; print([name for name in sys.modules if 'exotel' in name])")
    assert done.stdout == "['_exotel_callback_hypothesis']\n", done.stderr


def test_no_hypothesis_to_register_with():
    """Somebody has hidden it, as tests of optional imports do."""
    for hidden in ("None", "type(sys)('hypothesis')"):
        done = run(f"import sys; sys.modules['hypothesis'] = {hidden}; import exotel_callback; print('fine')")
        assert (done.stdout, done.stderr) == ("fine\n", "")


SABOTAGE = {
    "it raises": "raise RuntimeError('broken')",
    "it is no Python": "def",
    "a dependency is missing": "import no_such_module",
    "it warns": "import warnings; warnings.warn('old', DeprecationWarning)",
    "there is nothing in it": "",
}


@pytest.mark.parametrize("code", SABOTAGE.values(), ids=SABOTAGE)
@pytest.mark.parametrize(
    "before", ["", "import contextlib\nwith contextlib.suppress(Exception): import exotel_callback\n"]
)
def test_a_broken_copy_does_not_break_hypothesis(tmp_path, before, code):
    """Whatever is wrong with ours, everybody else's tests run."""
    package = tmp_path / "exotel_callback"
    package.mkdir()
    (package / "__init__.py").write_text(code)
    done = run(f"{before}import hypothesis, sys; print('_exotel_callback_hypothesis' in sys.modules)", tmp_path)
    assert (done.stdout, done.stderr) == ("True\n", "")


@pytest.mark.parametrize(
    "broken", ["None", "SimpleNamespace(register=lambda: 1 / 0)"], ids=["no module", "a function that raises"]
)
def test_broken_strategies_do_not_break_hypothesis(broken):
    """Not even when the package itself is there."""
    done = run(
        f"import sys; from types import SimpleNamespace; sys.modules['exotel_callback._hypothesis'] = {broken}\n"
        "import exotel_callback, hypothesis; print('fine')"
    )
    assert (done.stdout, done.stderr) == ("fine\n", "")
