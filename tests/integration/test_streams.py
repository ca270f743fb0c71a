"""Test every command with a standard stream that is full or closed: one sentence and no traceback."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from command import run_process
from helpers import LEAST, MEASURED

FULL = Path("/dev/full")
BUSY = json.dumps(LEAST)

# Each command and the arguments with which it prints something.
COMMANDS = {
    "explain": [],
    "parse": [],
    "listen": ["--port", "0"],
    "sample": ["busy", "--as", "json"],
    "--help": [],
}


def shell(command, *arguments, stdin=BUSY):
    """Run the command in a shell, which can close its streams. Return the exit code and standard error."""
    line = f'exec "$0" -m exotel_callback {" ".join(arguments)} {command}'
    # Python must buffer its output, as it does for users, so that the error comes at the end.
    environment = {name: value for name, value in MEASURED.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        ["/bin/sh", "-c", line, sys.executable],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    return done.returncode, done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="there is no full device")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_standard_output(name):
    """A full disk behind standard output is a traceback, or nothing at all."""
    code, err = shell(f"> {FULL}", name, *COMMANDS[name])
    assert (code, err.splitlines()[-1]) == (1, "Error: a standard stream: No space left on device")
    assert "Traceback" not in err


@pytest.mark.skipif(not FULL.exists(), reason="there is no full device")
def test_a_full_standard_error():
    """A full disk behind standard error is a traceback or an exit code of Python's own."""
    assert shell(f"2> {FULL}", "parse", stdin="nope") == (1, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_closed_standard_output(name):
    """A closed standard output loses the results without an error."""
    code, err = shell(">&-", name, *COMMANDS[name])
    assert (code, err) == (1, "Error: standard output is closed; redirect it to a file or to another command\n")


@pytest.mark.parametrize(
    "arguments", [["explain"], ["parse"], ["parse", "--ndjson"], ["convert", "-", "{}/out.parquet"]]
)
def test_a_closed_standard_input(tmp_path, arguments):
    """A closed standard input is a traceback."""
    code, err = shell("<&-", *(argument.format(tmp_path) for argument in arguments))
    assert (code, err) == (1, "Error: standard input is closed; pass the name of a file\n")


def test_a_closed_standard_error():
    """A closed standard error is a traceback, or its messages are written into another file."""
    assert shell("2>&-", "parse", stdin="nope") == (1, "")
    assert shell("2>&-", "parse", stdin="CallSid=a&Status=busy") == (0, "")
    assert shell("2>&- >&-", "parse") == (1, "")


@pytest.mark.parametrize("buffering", ["", "1"])
def test_a_pipe_that_is_closed(buffering):
    """A command that another one, such as head, doesn't read to the end prints an error."""
    command = [sys.executable, "-m", "exotel_callback", "parse"]
    environment = {**MEASURED, "PYTHONUNBUFFERED": buffering}
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, **streams, env=environment) as process:
        process.stdout.close()
        process.stdin.write(BUSY.encode())
        process.stdin.close()
        assert (process.wait(), process.stderr.read()) == (1, b"")


def test_a_body_is_read_from_standard_input():
    """The command fails although all streams are open."""
    assert run_process("parse", stdin=BUSY.encode())[::2] == (0, "")
