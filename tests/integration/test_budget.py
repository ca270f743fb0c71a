"""Test that the default install stays small and quick to import."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import exotel_callback
from helpers import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

# The source of the package, and of all distributions that `pip install exotel-callback` brings, in bytes.
SOURCE_BUDGET = 850_000
INSTALL_BUDGET = 2_000_000
# The modules that `import exotel_callback` loads besides those of Python itself.
MODULES_BUDGET = 60
# The time of `import exotel_callback` as a multiple of the time of `import attrs`, which is most of it.
TIME_BUDGET = 2.5

SKIPPED_EXTRAS = {"all", "dev", "test"}


def required(names):
    """Return the names of distributions with all that they require, without extras."""
    found, new = set(), set(names)
    while new:
        name = new.pop()
        found.add(name)
        lines = [line for line in distribution(name).requires or () if "extra ==" not in line]
        markers = [line for line in lines if "python_version" not in line]
        new |= {re.match(r"[\w.-]+", line)[0] for line in markers} - found
    return found


def size_of(name):
    files = distribution(name).files or ()
    return sum(path.stat().st_size for path in map(Path, (file.locate() for file in files)) if is_installed(path))


def is_installed(path):
    return path.is_file() and path.suffix != ".pyc"


def run(code):
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_size_of_the_package():
    """The package has grown above its budget. Raise the budget only for a feature that is worth the size."""
    files = Path(exotel_callback.__file__).parent.rglob("*")
    assert sum(path.stat().st_size for path in files if is_installed(path)) < SOURCE_BUDGET


def test_the_size_of_the_dependencies():
    """The dependencies of the default install have grown above their budget."""
    names = required(re.match(r"[\w.-]+", line)[0] for line in PROJECT["dependencies"])
    assert sum(map(size_of, names)) < INSTALL_BUDGET, names


def test_what_the_import_loads():
    """Importing the package loads a module that only some functions need, or more modules than the budget."""
    code = "import sys; before = {*sys.modules}; import exotel_callback; print(*({*sys.modules} - before))"
    loaded = [name for name in run(code) if name.partition(".")[0] not in sys.stdlib_module_names]
    heavy = {"cattrs", "dateutil", "multipart", "hypothesis", "pydantic", "pydantic_core", "click", "httpx2"}
    assert not heavy & {name.partition(".")[0] for name in loaded}
    assert len(loaded) < MODULES_BUDGET, sorted(loaded)


def test_the_time_of_the_import():
    """Importing the package takes more of the time of importing attrs than the budget."""
    code = "from time import perf_counter as now; start = now(); import {}; print(now() - start)"
    names = ("exotel_callback", "attrs")
    rounds = [[float(*run(code.format(name))) for name in names] for _ in range(7)]  # In turn, since others run too.
    ours, attrs = map(min, *rounds)
    assert ours / attrs < TIME_BUDGET


def test_the_extra_all_has_every_extra():
    """The extra `all` lacks an extra for users."""
    extras = PROJECT["optional-dependencies"]
    (line,) = extras["all"]
    assert line == f"exotel-callback[{','.join(sorted(extras.keys() - SKIPPED_EXTRAS))}]"
