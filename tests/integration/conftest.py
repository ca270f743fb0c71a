"""The tests that start processes or servers, need Arrow, or take long have the marker ``integration``."""

from pathlib import Path

import pytest

from server_processes import SERVERS, running


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(config, items):
    """Mark the tests of this folder, and put those of one server into one group, so that one worker starts it."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("integration")
            if "server" in item.fixturenames and config.pluginmanager.hasplugin("xdist"):
                item.add_marker(pytest.mark.xdist_group(item.callspec.params["server"]))


@pytest.fixture(scope="session", params=SERVERS)
def server(request, tmp_path_factory):
    """Run a server for all tests of its framework, in every module."""
    with running(request.param, tmp_path_factory.mktemp(request.param) / "log") as started:
        yield started
