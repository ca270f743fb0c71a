"""Mark the tests that start processes or servers, need Arrow, or take long as ``integration``."""

from pathlib import Path

import pytest

from server_processes import SERVERS, running


def pytest_collection_modifyitems(items):
    """Mark the tests of this folder."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("integration")


@pytest.fixture(scope="session", params=SERVERS)
def server(request, tmp_path_factory):
    """Run a server for all tests of its framework in every module. pytest runs those tests one after another."""
    with running(request.param, tmp_path_factory.mktemp(request.param) / "log") as started:
        yield started
