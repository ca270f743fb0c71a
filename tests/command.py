"""Run the command for the tests: in this process, in its own process, or on a terminal."""

import base64
import inspect
import json
import os
import pty
import subprocess
import sys
from contextlib import suppress

from click.testing import CliRunner

from exotel_callback._cli import cli
from exotel_callback.testing import FLOW_SCENARIOS, SCENARIOS
from helpers import ENCODERS, MEASURED, PAGE

# Before version 8.2, click mixes the two outputs by default.
RUNNER = CliRunner(**({"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}))


def run(*arguments, stdin=b"", **environment):
    """Run the command in this process. Return the exit code, standard output and standard error."""
    environment = {"COLUMNS": "100", **environment}
    done = RUNNER.invoke(cli, [*map(str, arguments)], input=stdin, env=environment, prog_name="exotel-callback")
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout_bytes.decode(), done.stderr_bytes.decode()


def run_process(*arguments, stdin=b"", **environment):
    """Run the installed script in its own process."""
    start = "from exotel_callback.__main__ import main; main()"
    command = [sys.executable, "-c", start, *map(str, arguments)]
    environment = {**MEASURED, "COLUMNS": "100", "PYTHONIOENCODING": "utf-8", **environment}
    done = subprocess.run(command, input=stdin, capture_output=True, check=False, env=environment)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def run_on_terminal(results, *arguments, typed=b""):
    """Run the command with a terminal as standard error, and return the output that the terminal shows.

    If something is typed, the terminal is also standard input.
    """
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "exotel_callback", *map(str, arguments)]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    shown = b""
    os.write(terminal, typed)
    stdin = end if typed else None
    with results.open("wb") as out, subprocess.Popen(command, stdin=stdin, stdout=out, stderr=end, env=environment):
        os.close(end)
        with suppress(OSError):  # A terminal raises this when its other end is closed.
            while chunk := os.read(terminal, 1_024):
                shown += chunk
    os.close(terminal)
    return shown


def convert(*arguments):
    """Run ``convert``, by default in this process, because other processes are slow to start."""
    return run("convert", *(() if "--workers" in arguments else ("--workers", 1)), *arguments)


def envelope(body, content_type):
    return json.dumps({"content_type": content_type, "body_base64": base64.b64encode(body).decode()}).encode()


def ndjson(rows):
    return b"".join(envelope(*row) + b"\n" for row in rows)


def rows(table):
    """Return the cells of each row that rich drew, by the first one."""
    cells = [[cell.strip() for cell in line.strip("│|").split("│")] for line in table.splitlines() if "│" in line]
    return {first: rest for first, *rest in cells}


# An archive of every scenario, in the order of their names, and a call with issues.
ARCHIVE = ndjson(
    (delivery.body or delivery.query.encode(), delivery.content_type)
    for _, scenario in sorted({**SCENARIOS, **FLOW_SCENARIOS}.items())
    for delivery in scenario.deliveries()
) + ndjson([ENCODERS["form"]({**PAGE, "Status": "on-hold", "EndTime": "soon", "Duration": "long"})])
