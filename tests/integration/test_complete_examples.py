"""Test the complete examples: as real servers with their workers, and with their own tests."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import pytest

from deliveries import ASYNC, EXAMPLES, SYNC, for_sqlalchemy, query
from exotel_callback import Outcome
from exotel_callback.testing import SCENARIOS, encode_form, encode_json, encode_multipart
from helpers import search_path

for package in ("aiosqlite", "asyncpg", "django", "fastapi", "flask", "gunicorn", "psycopg", "sqlalchemy", "uvicorn"):
    pytest.importorskip(package)

SECRET = "right"
MISSED = {Outcome.NO_ANSWER, Outcome.BUSY, Outcome.CANCELED, Outcome.FAILED}
GUNICORN = ["gunicorn", "--workers=2", "--bind=127.0.0.1:{port}"]

# For each example: its server, the creation of its tables, its worker, and its tests.
COMMANDS = {
    "flask": (
        [*GUNICORN, "flask_complete:app"],
        ["flask", "--app=flask_complete", "create-tables"],
        ["flask", "--app=flask_complete", "worker"],
        ["pytest", "-q", "flask_complete_test.py"],
    ),
    "fastapi": (
        ["uvicorn", "--port={port}", "fastapi_complete:app"],
        ["fastapi_complete", "create-tables"],
        ["fastapi_complete", "worker"],
        ["pytest", "-q", "fastapi_complete_test.py"],
    ),
    "django": (
        [*GUNICORN, "django_complete:application"],
        ["django_complete", "migrate"],
        ["django_complete", "react_to_ended"],
        ["django_complete", "test", "django_calls"],
    ),
}

WITHOUT_SHRINKING = """
from hypothesis import Phase, settings

settings.register_profile("page", settings.get_profile("ci"), phases=[Phase.generate])
settings.load_profile("page")
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def prepared(request, tmp_path, database):
    """Return a function that copies the examples to a folder and creates the tables of one, as a reader does."""

    def prepare(name):
        folder = shutil.copytree(EXAMPLES, tmp_path / "examples")
        url = database(request.param)
        drivers = {"flask": SYNC, "fastapi": ASYNC}
        variables = {
            **os.environ,
            "CI": "true",  # Hypothesis then tries the same calls in each run.
            "DATABASE_URL": for_sqlalchemy(url, drivers[name]) if name in drivers else url,
            "DJANGO_SECRET_KEY": "for tests",
            "EXOTEL_SECRET": SECRET,
            "PYTHONPATH": search_path(folder),
            "XDG_RUNTIME_DIR": str(tmp_path),  # Without this, gunicorn writes to the home directory.
        }
        example = Example(name, folder, variables, url)
        if name == "django":
            example.run(["django_complete", "makemigrations", "django_calls"])
        example.run(COMMANDS[name][1])
        return example

    return prepare


class Example:
    """The folder of an example, and the environment of its processes."""

    def __init__(self, name, folder, variables, url):
        self.name, self.folder, self.variables, self.url = name, folder, variables, url

    def run(self, command):
        """Run a command, and return its output."""
        command = [sys.executable, "-m", *command]
        done = subprocess.run(command, cwd=self.folder, env=self.variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    @contextmanager
    def running(self, command):
        """Run a command, yield its log, and interrupt it."""
        log = self.folder / f"{command[0]}-{command[-1]}.log"
        with log.open("wb") as output:
            command = [sys.executable, "-m", *command]
            process = subprocess.Popen(command, cwd=self.folder, env=self.variables, stdout=output, stderr=output)
        try:
            yield log
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until(is_done, log, seconds=20):
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not is_done():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)


def answers(client):
    try:
        client.get("/exotel")
    except httpx2.TransportError:
        return False
    return True


@pytest.mark.parametrize("name", COMMANDS)
def test_real_servers(name, prepared):
    """A complete example stores a wrong outcome or accepts a wrong secret, or its worker misses or repeats a call."""
    example = prepared(name)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    deliveries = [
        delivery
        for encode in (encode_form, encode_json, encode_multipart)
        for scenario in SCENARIOS.values()
        for delivery in scenario.deliveries(encode)
    ]
    random.Random(1).shuffle(deliveries)
    server, _, worker, _ = COMMANDS[name]
    with (
        example.running([part.format(port=port) for part in server]) as log,
        example.running(worker) as worker_log,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client,
    ):
        wait_until(lambda: answers(client), log)

        def post(delivery, secret=SECRET):
            headers = {"Content-Type": delivery.content_type}
            return client.post(f"/exotel?secret={secret}", content=delivery.body, headers=headers).status_code

        assert {post(delivery, "wrong") for delivery in deliveries[:3]} == {401}
        assert client.post("/exotel?secret=right", content=b"{").status_code in {400, 422}
        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(post, deliveries)) == {200}, log.read_text()
        missed = sorted(scenario.call_sid for scenario in SCENARIOS.values() if scenario.outcome in MISSED)
        prefix = "django_calls_" if name == "django" else ""
        ended = f"SELECT count(*) FROM {prefix}ended"
        wait_until(lambda: query(example.url, ended) == [(0,)], worker_log)
    rows = query(example.url, f"SELECT call_sid, outcome FROM {prefix}call{'' if prefix else 's'}")
    assert dict(rows) == {scenario.call_sid: scenario.outcome.value for scenario in SCENARIOS.values()}
    called = [line.rpartition("call back: ")[2] for line in worker_log.read_text().splitlines() if "call back" in line]
    assert len(called) == len(set(called))
    assert set(called) >= set(missed)
    assert "refused" in log.read_text()


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("prepared", ["sqlite"], indirect=True)
def test_own_tests(name, prepared):
    """The tests that a complete example shows fail."""
    example = prepared(name)
    output = example.run(COMMANDS[name][3])
    assert "14 passed" in output or "Ran 4 tests" in output
    if name != "django":  # Django's tests have a database of their own.
        calls = query(example.url, "SELECT call_sid FROM calls")
        assert len(calls) > len(SCENARIOS), "a test deletes calls that it didn't send"


@pytest.mark.parametrize("prepared", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["flask"])
def test_own_tests_find_a_planted_bug(name, prepared):
    """The fuzz test of an example doesn't notice that a late event replaces the call."""
    example = prepared(name)
    store = example.folder / "store_sqlalchemy.py"
    code = store.read_text()
    assert "merge(*known, event)" in code
    store.write_text(code.replace("merge(*known, event)", "merge(event)"))
    (example.folder / "conftest.py").write_text(WITHOUT_SHRINKING)
    with pytest.raises(AssertionError, match="Failing test case: test_fuzz"):
        example.run([*COMMANDS[name][3], "--exitfirst", "-k", "fuzz"])
