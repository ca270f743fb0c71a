"""The project's checks: ``nox --list`` lists them, ``nox -s lint`` runs one.

``.ci/run`` runs all of them on a clean checkout.
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import nox

nox.needs_version = ">=2026.8.10"  # The first version that runs sessions in parallel.
nox.options.default_venv_backend = "virtualenv"  # A test needs pip, which environments of uv don't have.
nox.options.reuse_venv = "yes"
nox.options.download_python = "never"
# Without `integration`, because `tests` includes it. The longest comes first, so that the others fill the second core.
nox.options.sessions = ["speed", "tests", "oldest", "types", "docs", "pythons", "spark", "package", "fuzz", "lint"]

# The session `tests` has every package, so it alone lists the tests that a missing tool skips.
QUIET = ["-q", "-rfE"]
FEW, REPEATABLE, THOROUGH = ({"HYPOTHESIS_PROFILE": name} for name in ("few", "repeatable", "thorough"))
# What the library promises of every payload, and of every order of events.
LAWS = [
    *(f"tests/unit/test_{name}.py" for name in ("call", "event_key", "laws", "one_meaning", "outcome", "quick_lanes")),
    "tests/docs/test_never_lose_a_call.py",
]


def group(name: str) -> list[str]:
    """Return the requirements of a dependency group. Old versions of pip cannot install one by its name."""
    return nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), name)


def leave_sources(session: nox.Session) -> None:
    """Enter a copy of the checkout without ``src``, so that tests import the installed wheel and nothing else."""
    copy = Path(session.create_tmp()) / "checkout"
    shutil.rmtree(copy, ignore_errors=True)
    generated = (".git", ".nox", ".venv*", ".*_cache", ".hypothesis", "__pycache__", "mutants")
    shutil.copytree(".", copy, ignore=shutil.ignore_patterns("src", *generated))
    session.chdir(copy)


@nox.session(allow_parallel=True)
def tests(session: nox.Session) -> None:
    """Run all tests, require that they cover all lines and branches, and run the laws with many examples.

    Measuring the coverage of many examples would take twice as long, and add nothing.
    """
    session.install("-e", ".[dev]", *group("frameworks"))
    session.run("coverage", "erase")
    folders = ["tests/unit", "tests/docs", "tests/integration"]
    pytest = ["pytest", "-q", "-n", "auto", *session.posargs]
    session.run("coverage", "run", "-m", *pytest, *folders, env=REPEATABLE)
    session.run("coverage", "combine", "-q")
    session.run("coverage", "report")
    session.run(*pytest, *LAWS, env=THOROUGH)


@nox.session(allow_parallel=True)
def integration(session: nox.Session) -> None:
    """Run the tests with servers, commands, engines and other processes."""
    session.install("-e", ".[dev]", *group("frameworks"))
    session.run("pytest", "-q", "-n", "auto", "tests/integration", *session.posargs)


@nox.session(allow_parallel=True)
def oldest(session: nox.Session) -> None:
    """Run the unit tests, and those with Arrow, on the wheel with the oldest dependencies that it allows."""
    # The test client of the oldest Starlette needs httpx.
    session.install("--constraint", ".ci/oldest.txt", ".[dev]", "httpx")
    leave_sources(session)
    with_arrow = [f"tests/integration/test_{name}.py" for name in ("arrow", "engines", "report")]
    # The oldest packages use features that their dependencies have deprecated since.
    ignored = ["-W", "ignore::DeprecationWarning"]
    session.run("pytest", *QUIET, *ignored, "tests/unit", *with_arrow, *session.posargs, env=FEW)


@nox.session(python=["3.12", "3.13", "3.14", "3.15"], allow_parallel=True)
def pythons(session: nox.Session) -> None:
    """Run the unit tests on the wheel with each newer Python."""
    session.install(".[test]")
    leave_sources(session)
    session.run("pytest", *QUIET, "tests/unit", *session.posargs, env=FEW)


@nox.session(allow_parallel=True)
def spark(session: nox.Session) -> None:
    """Run the tests with PySpark, which needs Java."""
    if not shutil.which("java"):
        session.skip("PySpark needs Java, and there is no java on PATH")
    session.install(".[arrow,cli,testing]", "pytest", "pyspark>=4,<5", "pandas<3")
    session.run("pytest", "-q", "-m", "spark", "tests/integration/test_engines.py")


@nox.session(allow_parallel=True)
def fuzz(session: nox.Session) -> None:
    """Compare the decoders with others, and the quick lanes with the general code, on random payloads."""
    session.install("-e", ".[test]")
    if not shutil.which("php"):
        session.warn("PHP is skipped: there is no php on PATH, so bracket keys are not compared with PHP's rules")
    session.run("python", "tests/tools/fuzz/decoders.py", "--count", "5000")
    session.run("python", "tests/tools/fuzz/lanes.py", "--count", "10000")


@nox.session  # Not in parallel: other sessions would disturb what it measures.
def speed(session: nox.Session) -> None:
    """Compare the speed of parsing with allowed ratios, and check that time and memory grow at most linearly."""
    session.install("-e", ".[test,arrow]")
    session.run("python", "tests/tools/benchmarks/gate.py")
    session.run("python", "tests/tools/benchmarks/doubling.py")


@nox.session(allow_parallel=True)
def lint(session: nox.Session) -> None:
    """Check code style, format and spelling."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")


@nox.session(allow_parallel=True)
def types(session: nox.Session) -> None:
    """Check types with mypy and pyright, also of the Python on pages."""
    session.install("-e", ".[dev]", *group("frameworks"), *group("types"))
    session.run("mypy")
    session.run("pyright")
    with TemporaryDirectory() as pages:  # pyright skips folders whose names begin with a dot
        session.run("python", "tests/page_types.py", pages)
        session.run("mypy", pages)
        session.run("pyright", pages)
    session.run("pyright", "--verifytypes", "exotel_callback", "--ignoreexternal")


@nox.session(allow_parallel=True)
def docs(session: nox.Session) -> None:
    """Test the site. With a folder after ``--``, build the site there instead."""
    # The group alone builds the site. The fixtures of the integration tests need the HTTP client of `cli`.
    session.install(".[cli]", *group("docs"))
    if session.posargs:
        session.run("sphinx-build", "-W", "docs", *session.posargs)
    else:
        session.run("pytest", "-q", "-m", "site", "tests/integration/test_site.py")


@nox.session(allow_parallel=True)
def package(session: nox.Session) -> None:
    """Build the distributions twice, check them, and install the wheel alone. A folder after ``--`` keeps them."""
    session.install(*group("package"))
    folder = Path(session.create_tmp())
    dist = Path(session.posargs[0]) if session.posargs else folder / "dist"
    for target in (dist, folder / "again"):
        shutil.rmtree(target, ignore_errors=True)
        session.run("python", "-m", "build", "--outdir", str(target), ".", silent=True)
    distributions = sorted(map(str, dist.iterdir()))
    for path in dist.iterdir():
        if path.read_bytes() != (folder / "again" / path.name).read_bytes():
            session.error(f"{path.name} isn't the same in a second build")
    wheel = next(name for name in distributions if name.endswith(".whl"))
    session.run("twine", "check", "--strict", *distributions)
    session.run("check-wheel-contents", wheel)
    session.run("python", ".ci/contents", *distributions)
    session.run("python", "-m", "venv", "--clear", str(folder / "alone"))
    python = str(folder / "alone" / "bin" / "python")
    session.run(python, "-m", "pip", "install", "-q", wheel, external=True)
    example = 'import exotel_callback; print(exotel_callback.parse("CallSid=a&Status=busy"))'
    session.run(python, "-I", "-W", "error", "-c", example, external=True)
