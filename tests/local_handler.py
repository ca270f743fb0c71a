"""Run a handler on this machine that gives configured answers, and fails in configured ways."""

import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

FAST = "--speed=100000"


class Handler(BaseHTTPRequestHandler):
    """A handler that gives one configured answer per request. The last answer repeats."""

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        self.answer_next()

    def do_POST(self):
        self.server.came.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.asked.append((self.path, "a POST"))
        self.answer_next()

    def answer_next(self):
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        match answer:
            case "drop":
                self.connection.close()
            case "garbage":
                self.wfile.write(b"garbage" * 100 + b"\r\n\r\n")
            case float():
                time.sleep(answer)
                self.answer(200)
            case _:
                self.answer(answer)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Log nothing."""


@contextmanager
def handler(*answers):
    """Run a handler, and yield its URL and the received POST requests."""
    with handler_of_all(*answers) as (url, server):
        yield url, server.came


@contextmanager
def handler_of_all(*answers):
    """Run a handler, and yield its URL and the server, which holds the received requests."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.answers, server.came, server.asked = list(answers), [], []
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/exotel?secret=right", server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
