"""The applications of ``tests/servers`` as processes that serve on this machine."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec

import pytest

from helpers import TESTS

APPS = TESTS / "servers"
GUNICORN = ["gunicorn", "--workers=1", "--bind=fd://{fd}"]

# What each needs, and the module that serves a listening socket.
SERVERS = {
    "flask": (["flask", "gunicorn"], [*GUNICORN, "flask_app:app"]),
    "django": (["django", "gunicorn"], [*GUNICORN, "django_app:app"]),
    "fastapi": (["fastapi", "python_multipart", "uvicorn"], ["fastapi_app", "{fd}"]),
    "aiohttp": (["aiohttp"], ["aiohttp_app", "{fd}"]),
}


class Server:
    """A server that runs, and what it logged."""

    def __init__(self, name, port, client, log):
        self.name = name
        self.port = port
        self.client = client
        self.log = log

    def send(self, path, body=b"", content_type=None, method="POST"):
        """Return the status and the answer; a body that is no bytes goes in chunks."""
        headers = {"Content-Type": content_type} if content_type else {}
        response = self.client.request(method, path, content=body, headers=headers)
        assert response.status_code < 500, self.log.read_text()
        return response.status_code, response.json()

    def send_bytes(self, request, *, hangs_up=False):
        """Return the status of what is answered to a request that does not end; None if nothing is."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(request)
            if hangs_up:
                connection.shutdown(socket.SHUT_WR)
            line = connection.makefile("rb").readline()
            return int(line.split()[1]) if line else None


@contextmanager
def running(name, log):
    """Start a server on a free port of this machine, and stop it whatever happens."""
    import httpx2  # the tests of the site run without it

    needed, arguments = SERVERS[name]
    for module in needed:
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener, log.open("wb") as output:
        port, fd = listener.getsockname()[1], listener.fileno()
        command = [sys.executable, "-m", *(argument.format(fd=fd) for argument in arguments)]
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(log.parent)}  # or gunicorn writes to the home directory
        process = subprocess.Popen(command, cwd=APPS, env=environment, stdout=output, stderr=output, pass_fds=[fd])
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            try:
                client.get("/plain")  # the socket listens already, so this waits until the server serves
            except httpx2.TransportError:
                pytest.fail(f"the server of {name} did not start:\n{log.read_text()}")
            yield Server(name, port, client, log)
    finally:
        process.send_signal(signal.SIGINT)  # after SIGTERM uvicorn ends without what coverage does at exit
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
