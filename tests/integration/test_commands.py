"""Run the commands of README and docs, except those that would install, call Exotel, or measure."""

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from helpers import PAGE, ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
BLOCKS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
    for number, block in enumerate(re.findall(r"^```console\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE))
    if page.name != "README.md"  # The gate runs its commands.
]

# A command that only records its arguments. A test then checks them.
NOTE = r"""#!/bin/sh
printf '%s\0' "$(basename "$0")" "$@" >> noted
echo >> noted
"""


def check_pip(*arguments):
    """Check that a command installs this project with existing extras and groups, or a package that the tests know."""
    assert arguments[0] == "install"
    if "--group" in arguments:
        *arguments, _, name = arguments
        assert name in PYPROJECT["dependency-groups"]
    known = {Requirement(line).name for lines in PROJECT["optional-dependencies"].values() for line in lines}
    for argument in arguments[1:]:
        if argument in {"-e", "."}:
            continue
        requirement = Requirement(re.sub(r"^\.\[", f"{PROJECT['name']}[", argument))
        assert requirement.name in {*known, PROJECT["name"], "nox", "pandas", "pyspark"}
        assert requirement.name != PROJECT["name"] or requirement.extras <= PROJECT["optional-dependencies"].keys()


def check_curl(url, *arguments):
    """Check that a command requests both events, as Exotel's page on connecting two numbers does."""
    sent = dict(argument.split("=", 1) for option, argument in pairwise(arguments) if option == "-d")
    assert url.startswith("https://api.exotel.com/v1/Accounts/AC1/Calls/connect")
    assert {sent["StatusCallbackEvents[0]"], sent["StatusCallbackEvents[1]"]} == {"terminal", "answered"}
    assert {"From", "To", "CallerId", "StatusCallback"} <= sent.keys()


def check_python(script, *_):
    """Check that a script exists and documents this command. The script may need more packages than the tests."""
    assert f"python {script}" in (ROOT / script).read_text()


def check_python3(option, code, *_):
    """Run a line of Python, but don't create a virtual environment."""
    if option == "-c":
        subprocess.run([sys.executable, "-c", code], check=True)


def check_nox(option, *names):
    """Check that the noxfile defines the sessions."""
    assert option == "-s"
    assert all(f"\ndef {name}(" in (ROOT / "noxfile.py").read_text() for name in names)


def check_nothing(*_):
    """Check nothing, because the gate runs the tests."""


CHECKS = {
    "pip": check_pip,
    "curl": check_curl,
    "nox": check_nox,
    "python": check_python,
    "python3": check_python3,
    "pytest": check_nothing,
}


class Acknowledging(BaseHTTPRequestHandler):
    """A handler that answers 200."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """Log nothing."""


@pytest.fixture
def address():
    """Serve a handler, and return its host and port."""
    server = HTTPServer(("127.0.0.1", 0), Acknowledging)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def check_listen(block, folder, environment):
    """Run a server until it listens, and end it."""
    block = block.replace("exotel-callback listen", "exec exotel-callback listen --port 0")
    command = [shutil.which("bash"), "-euo", "pipefail", "-c", block]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("Listening on http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    assert process.returncode == 0


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_runs(block, tmp_path, address):
    """A command of a page fails in a folder with the project's files and an archive."""
    for name in ("tests", "docs", "src"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "archive").mkdir()
    for number in (1, 2):
        (tmp_path / f"archive/{number}.ndjson.gz").write_bytes(gzip.compress(json.dumps(PAGE).encode()))
    (tmp_path / "archive.ndjson").write_text(json.dumps({**PAGE, "CallSid": "c5797dcbaaeed7678c4062a4a3ed2f8a"}) + "\n")
    for folder, names in {"bin": CHECKS, ".venv/bin": {"activate"}}.items():
        (tmp_path / folder).mkdir(parents=True)
        for name in names:
            (tmp_path / folder / name).write_text(NOTE if name != "activate" else "")
            (tmp_path / folder / name).chmod(0o755)
    path = os.pathsep.join([str(tmp_path / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "ACCOUNT_SID": "AC1", "API_KEY": "k", "API_TOKEN": "t", "SECRET": "s"}
    block = re.sub(r"127\.0\.0\.1:\d+", address, block)
    if "exotel-callback listen" in block:
        check_listen(block, tmp_path, environment)
        return
    shell = [shutil.which("bash"), "-euo", "pipefail", "-c", block]
    done = subprocess.run(shell, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    noted = tmp_path / "noted"
    for line in noted.read_text().splitlines() if noted.exists() else []:
        name, *words = line.split("\0")[:-1]
        CHECKS[name](*words)


def test_there_are_blocks():
    """No command is found on a page, so the test above passes without testing it."""
    assert len(BLOCKS) >= 10
