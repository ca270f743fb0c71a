"""Whether the code is tested: mutmut changes it, one spot at a time, and a test must notice each change.

mutmut is no dependency of the tests. It works in a folder ``mutants`` beside the sources, goes on where it was stopped,
and tries again what was edited::

    pip install mutmut
    python tests/mutation/mutants.py                 # all of it, for hours
    python tests/mutation/mutants.py --module _read  # one module

It forks when everything is imported already. So what runs at import seems untested to it, and some tests can't run
under it at all. What it leaves alive is therefore tried again in a process that has not imported any of it, against the
tests that `tables.TESTS` names. It ends with 1 if a change is still alive that is not in ``equal.toml``, among those
that mean the same, with the reason.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections import Counter
from multiprocessing import get_context
from pathlib import Path

from tables import ROOT, TESTS

EQUAL = Path(__file__).with_name("equal.toml")
MUTANTS = ROOT / "mutants"
ENVIRONMENT = {**os.environ, "HYPOTHESIS_PROFILE": "mutants", "PYTHONPATH": str(MUTANTS / "src")}
PATIENCE = 300  # seconds; a change that makes a loop endless is noticed
LEFT = {"survived", "no tests", "not checked"}

# What fails whenever the sources are not as they were written.
UNFIT = [
    "--deselect=tests/test_imports.py",
    "--deselect=tests/test_public_api.py",
    "--deselect=tests/test_testing.py::test_assert_valid_in_pytest",
]

# What takes long to import, and imports nothing of ours.
PRELOADED = ["pytest", "hypothesis.strategies", "cattrs", "dateutil.parser", "werkzeug.test", "rich.table", "click"]


def mutmut(*arguments):
    """Run a command of mutmut, and return what it prints."""
    command = [sys.executable, "-W", "ignore", "-m", "mutmut", *arguments]
    return subprocess.run(command, env=ENVIRONMENT, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def module_of(mutant):
    """Return the module of ``exotel_callback._read.x__date__mutmut_3``, as `TESTS` has it."""
    return mutant.rpartition(".")[0].removeprefix("exotel_callback.")


def survives(mutant):
    """Run the tests of a module in this process, which is a new one, with the change there from the first import on."""
    import pytest

    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.alarm(PATIENCE)
    os.environ["MUTANT_UNDER_TEST"] = mutant
    os.chdir(MUTANTS)
    sys.path.insert(0, str(MUTANTS / "src"))
    with Path(os.devnull).open("w") as nowhere:
        for stream in (1, 2):
            os.dup2(nowhere.fileno(), stream)
    tests = [f"tests/{name}.py" for name in TESTS[module_of(mutant)].split()]
    return pytest.main(["-q", "-x", "-p", "no:cacheprovider", "--assert=plain", "--rootdir=.", *UNFIT, *tests]) == 0


def change(mutant):
    """Return a change as `EQUAL` has it: the function, the line that goes, and the line that comes."""
    lines = [line for line in mutmut("show", mutant).splitlines() if re.match(r"[-+](?![-+])", line)]
    name = re.sub(r"x_?ǁ?(.*)__mutmut_\d+", r"\1", mutant.rpartition(".")[2]).replace("ǁ", ".")
    return f"{module_of(mutant)}.{name}: " + " ".join(f"{line[0]} {line[1:].strip()}" for line in lines)


def reason(line, groups):
    """Return why a change means the same; None if it does not."""
    return next(
        (
            group["why"]
            for group in groups
            if line in group.get("changes", ()) or ("pattern" in group and re.search(group["pattern"], line))
        ),
        None,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--module", choices=TESTS, action="append")
    options = parser.parse_args()
    mutmut("run", *(f"*{module}.x*" for module in options.module or ()))
    results = [line.strip().rpartition(": ") for line in mutmut("results", "--all", "true").splitlines()]
    results = [(mutant, status) for mutant, _, status in results if module_of(mutant) in (options.module or TESTS)]
    left = [mutant for mutant, status in results if status in LEFT]
    os.environ.update(ENVIRONMENT)
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with context.Pool(maxtasksperchild=1) as pool:
        alive = [mutant for mutant, is_alive in zip(left, pool.map(survives, left, 1), strict=True) if is_alive]
    found = {mutant: change(mutant) for mutant in alive}
    groups = tomllib.loads(EQUAL.read_text())["equal"]
    reasons = {mutant: reason(line, groups) for mutant, line in found.items()}
    for mutant, line in found.items():
        print(f"{mutant}: {line}: {reasons[mutant] or 'NOT NOTICED'}")
    all_of, alive_of = Counter(module_of(mutant) for mutant, _ in results), Counter(map(module_of, alive))
    for module, count in all_of.items():
        print(f"| `{module}` | {count} | {count - alive_of[module]} | {alive_of[module]} |")
    print(f"| all | {len(results)} | {len(results) - len(alive)} | {len(alive)} |")
    sys.exit(not all(reasons.values()))


if __name__ == "__main__":
    main()
