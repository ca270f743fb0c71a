"""Run the applications of ``tests/servers`` as processes that serve on this machine."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec

import pytest

from helpers import ROOT, TESTS

APPS = TESTS / "servers"
EXAMPLES = ROOT / "docs" / "examples"
GUNICORN = ["gunicorn", "--workers=1", "--bind=fd://{fd}"]

# For each framework: its packages, and the module that serves a listening socket.
SERVERS = {
    "flask": (["flask", "gunicorn"], [*GUNICORN, "flask_app:app"]),
    "django": (["django", "gunicorn"], [*GUNICORN, "django_app:app"]),
    "fastapi": (["fastapi", "python_multipart", "uvicorn"], ["fastapi_app", "{fd}"]),
    "aiohttp": (["aiohttp"], ["aiohttp_app", "{fd}"]),
}
# The other adapters, for which one page is enough.
UVICORN = ["uvicorn", "--fd={fd}"]
OTHERS = {
    "starlette": (["starlette", "python_multipart", "uvicorn"], [*UVICORN, "plain_app:starlette_app"]),
    "asgi": (["uvicorn"], [*UVICORN, "plain_app:asgi_app"]),
    "wsgi": (["gunicorn"], [*GUNICORN, "plain_app:wsgi_app"]),
    "aws_lambda": (["gunicorn"], [*GUNICORN, "plain_app:lambda_app"]),
}


class Server:
    """A running server, and its log."""

    def __init__(self, name, port, client, log):
        self.name = name
        self.port = port
        self.client = client
        self.log = log

    def send(self, path, body=b"", content_type=None, method="POST"):
        """Send a request, and return the status and the answer. A body that isn't bytes is sent in chunks."""
        headers = {"Content-Type": content_type} if content_type else {}
        response = self.client.request(method, path, content=body, headers=headers)
        assert response.status_code < 500, self.log.read_text()
        return response.status_code, response.json()

    def send_bytes(self, request, *, hangs_up=False):
        """Send an unfinished request, and return the status of the answer, or None without one."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(request)
            if hangs_up:
                connection.shutdown(socket.SHUT_WR)
            line = connection.makefile("rb").readline()
            return int(line.split()[1]) if line else None


@contextmanager
def running(name, log):
    """Start a server on a free port of this machine, and always stop it."""
    import httpx2  # Imported here, because the tests of the site run without it.

    needed, arguments = (SERVERS | OTHERS)[name]
    for module in needed:
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener, log.open("wb") as output:
        port, fd = listener.getsockname()[1], listener.fileno()
        command = [sys.executable, "-m", *(argument.format(fd=fd) for argument in arguments)]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(EXAMPLES), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "CALLS_DB": str(log.parent / "calls.db"),
            "XDG_RUNTIME_DIR": str(log.parent),
            # Without this, gunicorn writes to the home directory.
        }
        process = subprocess.Popen(command, cwd=APPS, env=environment, stdout=output, stderr=output, pass_fds=[fd])
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            try:
                client.get("/plain")  # The socket already listens, so this waits for the server.
            except httpx2.TransportError:
                pytest.fail(f"the server of {name} did not start:\n{log.read_text()}")
            yield Server(name, port, client, log)
    finally:
        process.send_signal(signal.SIGINT)  # After SIGTERM, uvicorn skips the exit handler of coverage.
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
