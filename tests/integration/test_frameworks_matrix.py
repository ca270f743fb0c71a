"""Test the adapters for ASGI and WSGI in frameworks that have no adapter of their own.

Each application is called as its server calls it. Tornado, Sanic and Robyn run their own servers.
"""

import asyncio
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from urllib.parse import urlsplit

import pytest

from exotel_callback import CallbackError, dump, parse_any
from exotel_callback.adapters import asgi, wsgi
from helpers import ENCODERS, PAGE, TESTS, encode_form, search_path
from server_processes import APPS
from whole_requests import answer_whole

SECRET = "right"
OPTIONS = {"reader": parse_any, "secret": SECRET}
FLOW = {"CallSid": "a", "CallType": "incomplete", "CallFrom": "0", "key": "1"}
CHUNKED = {"transfer-encoding": "chunked"}


def framework(name):
    """Return the module of a framework, or skip the test."""
    return pytest.importorskip(name, reason=f"{name} is not installed: pip install --group frameworks")


def answer(event):
    return json.dumps({"dump": dump(event), "raw": sorted(event.raw)})


def litestar_app():
    litestar = framework("litestar")

    # Litestar resolves annotations in the globals of the module, which doesn't import it.
    async def calls(request):
        try:
            event = await asgi.parse_request(request.scope, request.stream(), **OPTIONS)
        except CallbackError as error:
            return litestar.Response(str(error), status_code=error.status_hint)
        return litestar.Response(answer(event), media_type="application/json", status_code=200)

    calls.__annotations__ = {"request": litestar.Request, "return": litestar.Response}
    return litestar.Litestar([litestar.route("/calls", http_method=["GET", "POST"])(calls)], logging_config=None)


def quart_app():
    quart = framework("quart")
    app = quart.Quart("calls")

    @app.route("/calls", methods=["GET", "POST"])
    async def calls():
        try:
            event = await asgi.parse_request(quart.request.scope, quart.request.body, **OPTIONS)
        except CallbackError as error:
            return str(error), error.status_hint
        return answer(event)

    return app


def falcon_asgi_app():
    framework("falcon")
    falcon = import_module("falcon.asgi")

    class Calls:
        async def on_post(self, req, resp):
            try:
                resp.text = answer(await asgi.parse_request(req.scope, req.stream, **OPTIONS))
            except CallbackError as error:
                resp.status, resp.text = error.status_hint, str(error)

        on_get = on_post

    app = falcon.App()
    app.add_route("/calls", Calls())
    return app


def blacksheep_app():
    blacksheep = framework("blacksheep")
    app = blacksheep.Application()

    async def calls(request):
        try:
            event = await asgi.parse_request(request.scope, request.content.receive, **OPTIONS)
        except CallbackError as error:
            return blacksheep.Response(
                error.status_hint, content=blacksheep.Content(b"text/plain", str(error).encode())
            )
        return blacksheep.Response(200, content=blacksheep.Content(b"application/json", answer(event).encode()))

    calls.__annotations__ = {"request": blacksheep.Request, "return": blacksheep.Response}
    app.router.add_get("/calls", calls)
    app.router.add_post("/calls", calls)
    asyncio.run(app.start())
    return app


def falcon_wsgi_app():
    falcon = framework("falcon")

    class Calls:
        def on_post(self, req, resp):
            try:
                resp.text = answer(wsgi.parse_request(req.env, **OPTIONS))
            except CallbackError as error:
                resp.status, resp.text = error.status_hint, str(error)

        on_get = on_post

    app = falcon.App()
    app.add_route("/calls", Calls())
    return app


def bottle_app():
    bottle = framework("bottle")
    app = bottle.Bottle()

    @app.route("/calls", method=["GET", "POST"])
    def calls():
        try:
            return answer(wsgi.parse_request(bottle.request.environ, **OPTIONS))
        except CallbackError as error:
            return bottle.HTTPResponse(str(error), error.status_hint)

    return app


def cloud_function_app():
    functions = framework("functions_framework")
    return functions.create_app("calls", str(APPS / "cloud_function.py"))


def plain_asgi_app():
    async def app(scope, receive, send):
        try:
            status, text = 200, answer(await asgi.parse_request(scope, receive, **OPTIONS))
        except CallbackError as error:
            status, text = error.status_hint, str(error)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": text.encode()})

    return app


def plain_wsgi_app():
    def app(environ, start_response):
        try:
            status, text = 200, answer(wsgi.parse_request(environ, **OPTIONS))
        except CallbackError as error:
            status, text = error.status_hint, str(error)
        start_response(f"{status} -", [])
        return [text.encode()]

    return app


def headers_of(body, content_type, more):
    headers = {"content-type": content_type, **more} if content_type else dict(more)
    return headers if CHUNKED.items() <= headers.items() else {**headers, "content-length": str(len(body))}


def send_asgi(app, method, query, body=b"", content_type=None, *, ends=True, **more):
    """Call an ASGI application as a server does. A sender that hangs up doesn't end the body."""
    half = len(body) // 2
    messages = [
        {"type": "http.request", "body": body[:half], "more_body": True},
        {"type": "http.request", "body": body[half:], "more_body": False} if ends else {"type": "http.disconnect"},
    ]
    sent = []

    async def receive():
        if messages:
            return messages.pop(0)
        await asyncio.sleep(3600)  # A server waits for the next event of the connection.
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    headers = headers_of(body, content_type, more) if method == "POST" else {}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": "/calls",
        "raw_path": b"/calls",
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in {"host": "127.0.0.1", **headers}.items()],
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 80),
    }
    asyncio.run(asyncio.wait_for(app(scope, receive, send), 20))
    status = next((message["status"] for message in sent if "status" in message), None)
    return status, b"".join(message.get("body", b"") for message in sent).decode()


class Ending(io.BytesIO):
    """A stream of a WSGI server whose sender hung up."""

    def read(self, *arguments):
        part = super().read(*arguments)
        if not part:
            raise ConnectionResetError
        return part


def send_wsgi(app, method, query, body=b"", content_type=None, *, ends=True, **more):
    """Call a WSGI application as a server does."""
    headers = headers_of(body, content_type, more) if method == "POST" else {}
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": "/calls",
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body) if ends else Ending(body[: len(body) // 2]),
        "wsgi.input_terminated": True,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    names = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
    environ |= {names.get(name, f"HTTP_{name.upper().replace('-', '_')}"): value for name, value in headers.items()}
    statuses = []
    parts = app(environ, lambda status, *_: statuses.append(status))
    return int(statuses[0].split()[0]), b"".join(parts).decode()


MATRIX = {
    "asgi": (plain_asgi_app, send_asgi),
    "litestar": (litestar_app, send_asgi),
    "quart": (quart_app, send_asgi),
    "falcon asgi": (falcon_asgi_app, send_asgi),
    "blacksheep": (blacksheep_app, send_asgi),
    "wsgi": (plain_wsgi_app, send_wsgi),
    "falcon wsgi": (falcon_wsgi_app, send_wsgi),
    "bottle": (bottle_app, send_wsgi),
    "google cloud functions": (cloud_function_app, send_wsgi),
}


@pytest.fixture(scope="module", params=MATRIX)
def send(request):
    """Return a function that sends a request to the application of a framework."""
    make, send_to = MATRIX[request.param]
    app = make()
    send = partial(send_to, app)
    send.name = request.param
    return send


def expected(*payload):
    return json.loads(answer(parse_any(*payload)))


@pytest.mark.parametrize("encoding", ENCODERS)
@pytest.mark.parametrize("headers", [{}, CHUNKED], ids=["with its length", "in chunks"])
def test_post(send, encoding, headers):
    """A callback is misread in one of the encodings, or its query gets into ``raw``."""
    body, content_type = ENCODERS[encoding](PAGE)
    status, text = send("POST", "secret=right&Status=busy", body, content_type, **headers)
    assert (status, json.loads(text)) == (200, expected(body, content_type))


def test_get(send):
    """The query of a Passthru request is misread, or the secret gets into ``raw``."""
    query = encode_form(FLOW)[0].decode()
    status, text = send("GET", f"{query}&s%65cret=right")
    assert (status, json.loads(text)) == (200, expected(query))


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("query", ["", "secret=wrong", "secret=right&secret=right", "secret=right&s%65cret=x"])
def test_a_wrong_secret(send, method, query):
    """A request with a wrong, missing or repeated secret is accepted."""
    assert send(method, f"CallSid=a&flow_id=1&{query}", *encode_form(PAGE))[0] == 401


@pytest.mark.parametrize("headers", [{}, CHUNKED, {"content-length": "70000"}])
@pytest.mark.parametrize("encoding", ENCODERS)
def test_a_body_that_is_too_large(send, encoding, headers):
    """A body that is too large is accepted, or answered as an error of the server."""
    body, content_type = ENCODERS[encoding]({**PAGE, "CustomField": "x" * 70_000})
    status, text = send("POST", "secret=right", body, content_type, **headers)
    if (send.name, headers) == ("google cloud functions", CHUNKED):  # It reads the rest later, which the page says.
        assert status == 500
        return
    assert (status, "larger than 65536 bytes" in text) == (413, True)


@pytest.mark.parametrize("headers", [{}, CHUNKED], ids=["with its length", "in chunks"])
def test_a_sender_that_hangs_up(send, headers):
    """Half a body is taken for a whole one."""
    body = b"CallSid=a&Status=busy&" * 2
    try:
        status, _ = send("POST", "secret=right", body, "application/x-www-form-urlencoded", ends=False, **headers)
    except (Exception, asyncio.CancelledError):  # noqa: BLE001 - a framework may raise an exception for its server
        return
    # Falcon ends the stream without an error, which the page says.
    assert status in {None, 400, 500} | ({200} if (send.name, headers) == ("falcon asgi", CHUNKED) else set())


@contextmanager
def client_of(port):
    """Return a function that sends a request to a server on this machine."""
    httpx2 = pytest.importorskip("httpx2")
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as client:

        def send_to(method, query, body=b"", content_type=None):
            headers = {"Content-Type": content_type} if content_type else {}
            response = client.request(method, f"/calls?{query}", content=body, headers=headers)
            return response.status_code, response.text

        yield send_to


@contextmanager
def tornado():
    """Run an application of Tornado on this machine."""
    framework("tornado")
    web, netutil = import_module("tornado.web"), import_module("tornado.netutil")
    server, ioloop = import_module("tornado.httpserver"), import_module("tornado.ioloop")

    class Calls(web.RequestHandler):
        def get(self):
            request = self.request
            status, text = answer_whole(
                request.method, request.query, request.headers.get("Content-Type"), request.body
            )
            self.set_status(status)
            self.write(text)

        post = get

    started, loops, ports = threading.Event(), [], []

    def run():
        asyncio.set_event_loop(asyncio.new_event_loop())
        sockets = netutil.bind_sockets(0, "127.0.0.1")
        http = server.HTTPServer(web.Application([("/calls", Calls)], log_function=lambda _: None))
        http.add_sockets(sockets)
        loops.append(ioloop.IOLoop.current())
        ports.append(sockets[0].getsockname()[1])
        loops[0].add_callback(started.set)
        loops[0].start()
        http.stop()
        loops[0].run_sync(http.close_all_connections)
        loops[0].close(all_fds=True)

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(20)
    with client_of(ports[0]) as send_to:
        yield send_to
    loops[0].add_callback(loops[0].stop)
    thread.join(20)


@contextmanager
def azure_functions():
    """Return a function that calls a function of Azure with the request that it gets there."""
    functions = framework("azure.functions")

    def calls(req):
        query, content_type = urlsplit(req.url).query, req.headers.get("Content-Type")
        status, text = answer_whole(req.method, query, content_type, req.get_body())
        return functions.HttpResponse(text, status_code=status)

    def send_to(method, query, body=b"", content_type=None):
        headers = {"content-type": content_type} if content_type else {}
        url = f"https://calls.azurewebsites.net/api/calls?{query}"
        response = calls(functions.HttpRequest(method, url, headers=headers, body=body))
        return response.status_code, response.get_body().decode()

    yield send_to


@contextmanager
def process_of(name):
    """Run the application of a framework in a process of its own."""
    framework(name)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", f"{name}_app", str(port)]
    environment = {**os.environ, "PYTHONPATH": search_path(TESTS)}
    process = subprocess.Popen(command, cwd=APPS, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            assert process.poll() is None, f"{name} did not start"
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.1)
        with client_of(port) as send_to:
            yield send_to
    finally:
        process.kill()
        process.wait()


READ_WHOLE = {
    "tornado": tornado,
    "azure functions": azure_functions,
    "sanic": partial(process_of, "sanic"),
    "robyn": partial(process_of, "robyn"),
}


@pytest.fixture(scope="module", params=READ_WHOLE)
def send_whole(request):
    """Return a function that sends a request to a framework that reads it before the handler runs."""
    with READ_WHOLE[request.param]() as send_to:
        send_to.name = request.param
        yield send_to


@pytest.mark.parametrize("encoding", ENCODERS)
def test_a_request_that_is_read_whole(send_whole, encoding):
    """The request of a framework is misread, or accepted with a wrong secret."""
    body, content_type = ENCODERS[encoding](PAGE)
    status, text = send_whole("POST", "secret=right&Status=busy", body, content_type)
    if (send_whole.name, encoding) == ("robyn", "multipart"):  # It gives no body, which the page says.
        assert status == 400
        return
    assert (status, json.loads(text)) == (200, expected(body, content_type))
    for query in ("", "secret=wrong", "secret=right&secret=right", "secret=right&s%65cret=x"):
        assert send_whole("POST", query, body, content_type)[0] == 401
    large, content_type = ENCODERS[encoding]({**PAGE, "CustomField": "x" * 70_000})
    assert send_whole("POST", "secret=right", large, content_type)[0] == 413


def test_a_query_that_is_read_whole(send_whole):
    """The query of a Passthru request is misread, or the secret gets into ``raw``."""
    query = encode_form(FLOW)[0].decode()
    status, text = send_whole("GET", f"{query}&s%65cret=right")
    assert (status, json.loads(text)) == (200, expected(query))
