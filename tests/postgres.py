"""Run PostgreSQL as a process that serves on this machine."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest


@cache
def programs():
    """Return the folder of PostgreSQL's programs, or None. Debian doesn't put them on ``PATH``."""
    found = [shutil.which("postgres"), *sorted(Path("/").glob("usr/lib/postgresql/*/bin/postgres"))]
    return next((Path(path).parent for path in found if path), None)


def ordinary_user():
    """Return the arguments that run a process as an ordinary user, because PostgreSQL refuses to run as root."""
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


@contextmanager
def running_postgres():
    """Start a server on a free port of this machine, and yield its URL without the name of a database."""
    folder = programs()
    if folder is None:
        pytest.skip("PostgreSQL is not installed")
    data = Path(tempfile.mkdtemp(prefix="exotel-postgres-"))
    if user := ordinary_user():
        shutil.chown(data, user["user"], user["group"])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off"}
    setup = [folder / "initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", "-D", data]
    server = [folder / "postgres", "-D", data, *(f"--{name}={value}" for name, value in options.items())]
    process = None
    try:
        subprocess.run(
            setup, check=True, capture_output=True, cwd=data, env={"LC_ALL": "C", "PATH": os.defpath}, **user
        )
        with (data / "log").open("wb") as log:
            process = subprocess.Popen(server, cwd=data, env={"LC_ALL": "C"}, stdout=log, stderr=log, **user)
        url = f"postgresql://postgres@127.0.0.1:{port}/"
        wait_for(url, process, data / "log")
        yield url
    finally:
        if process:
            process.send_signal(signal.SIGINT)  # It closes connections, and does not wait for clients.
            process.wait(30)
        shutil.rmtree(data)


def wait_for(url, process, log):
    """Wait until the server accepts connections."""
    import time

    import psycopg

    for _ in range(300):
        try:
            psycopg.connect(f"{url}postgres").close()
        except psycopg.OperationalError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"PostgreSQL did not start:\n{log.read_text()}")


def create_database(url, name):
    """Create an empty database, and return its URL."""
    import psycopg

    with psycopg.connect(f"{url}postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return url + name
