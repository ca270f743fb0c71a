"""Mark the tests that start processes or servers, need Arrow, or take long as ``integration``."""

import signal
from itertools import count
from pathlib import Path

import pytest

from postgres import create_database, running_postgres
from server_processes import SERVERS, running

DATABASES = count()


def pytest_collection_modifyitems(items):
    """Mark the tests of this folder."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("integration")


@pytest.fixture(scope="session", autouse=True)
def _default_signals():
    """Restore signals that are ignored, for example by ``nohup``. Processes that a test starts inherit them."""
    for number, handler in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(scope="session", params=SERVERS)
def server(request, tmp_path_factory):
    """Run a server for all tests of its framework in every module. pytest runs those tests one after another."""
    with running(request.param, tmp_path_factory.mktemp(request.param) / "log") as started:
        yield started


@pytest.fixture(scope="session")
def postgres():
    """Run PostgreSQL for all tests of this process."""
    with running_postgres() as url:
        yield url


@pytest.fixture
def database(request, tmp_path):
    """Return a function that makes an empty database of a kind, and returns its URL."""

    def make(kind):
        if kind == "sqlite":
            return f"sqlite:///{tmp_path}/calls.db"
        return create_database(request.getfixturevalue("postgres"), f"test_{next(DATABASES)}")

    return make
