"""Define ``exotel-callback listen``."""

import asyncio
import errno
import os
import re
import shutil
import signal
import socket
import sys
import textwrap
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, cast

import click

from .._errors import CallbackError
from ..auth import check_secret, require_secret
from .capture import ArchiveWriter, Summary, line_about, read_captured
from .help import epilog
from .requests import HEAD_BYTES, Head, RefusedError, Request, read_request
from .view import Located, explain_call, new_console, printable

if TYPE_CHECKING:
    from .forward import Forwarder

REQUEST_SECONDS: Final = 10.0
# Not 8000, where the handler listens: it is the port of Django, uvicorn and gunicorn.
_PORT: Final = 8090
CONNECTIONS: Final = 64
_ENVIRONMENT_VARIABLE: Final = "EXOTEL_CALLBACK_SECRET"
_LINGER_SECONDS: Final = 1.0
_LINGER_BYTES: Final = 1_048_576
_LINGER_CHUNK: Final = 65_536
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_PATH_LENGTH: Final = 60
_LONG_NUMBER: Final = re.compile(r"[0-9](?:(?:[().-]|%20){0,2}[0-9]){5,}")
_MEDIA_TYPE: Final = re.compile(r"[\w.+-]{1,30}/([\w.+-]{1,30})\s*(?:;.*)?", re.ASCII)
_SHORT_TYPES: Final = {"x-www-form-urlencoded": "form", "form-data": "multipart"}


def _checked_secret(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is None:
        # click ignores a variable that is empty, for example because it was set from one that doesn't exist.
        value = os.environ.get(_ENVIRONMENT_VARIABLE)
    if value is None:
        return None
    try:
        require_secret(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return value


@click.command("listen", epilog=epilog("exotel-callback listen --archive calls.ndjson"))
@click.option("--port", type=click.IntRange(0, 65_535), default=_PORT, show_default=True, help="0 takes a free port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--forward-to", metavar="URL", help="Also send each request to your handler, and show its answer.")
@click.option(
    "--archive", type=click.Path(dir_okay=False, path_type=Path), help="Append each request to this file, as NDJSON."
)
@click.option(
    "--status",
    type=click.IntRange(200, 599),
    default=200,
    show_default=True,
    help="The status of the answers; 503 makes Exotel repeat its requests.",
)
@click.option(
    "--secret",
    envvar=_ENVIRONMENT_VARIABLE,
    show_envvar=True,
    callback=_checked_secret,
    help="Answer requests without this query parameter `secret` with 401.",
)
@click.option("--explain", is_flag=True, help="Also explain each request, as the command explain does.")
@click.option("--show-personal", is_flag=True, help="With --explain: show numbers, URLs and the custom field.")
def command(
    port: int,
    host: str,
    forward_to: str | None,
    archive: Path | None,
    status: int,
    secret: str | None,
    *,
    explain: bool,
    show_personal: bool,
) -> None:
    """Capture the requests that Exotel sends, on any path.

    The command answers each request at once, and prints a line about it. A tunnel or a reverse proxy makes the port
    reachable for Exotel. Ctrl-C ends the command, which then prints the outcome of each call.
    """
    listener = _listener_on(host, port)
    with listener:
        writer = ArchiveWriter(archive) if archive else None
        try:
            server = Server(status=status, secret=secret, archive=writer, explain=explain, show_personal=show_personal)
            if forward_to is not None:
                server.forwarder = _forwarder_to(forward_to, server)
            asyncio.run(server.run(listener))
        finally:
            if writer:
                writer.close()
    for line in server.summary.lines():
        server.say(line)


def _listener_on(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        host.encode("idna")  # For some of these errors, the socket raises TypeError and stays open.
        return socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:
        number = (isinstance(error, OSError) and error.errno) or 0
        reason = os.strerror(number) if number > 0 else "the address is unknown"  # Negative if it can't be resolved.
        advice = "pass another --port" if number in {errno.EADDRINUSE, errno.EACCES} else "check --host"
        raise click.ClickException(f"cannot listen on {host}, port {port}: {reason}; {advice}") from None


def _forwarder_to(url: str, server: "Server") -> "Forwarder":
    # These import an HTTP client.
    from .delivery import parse_url
    from .forward import Forwarder

    try:
        return Forwarder(parse_url(url), server.say)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--forward-to") from None


@contextmanager
def _calling(stop: Callable[[], object]) -> Generator[None, None, None]:
    """Call a function on SIGINT and SIGTERM, instead of raising an exception in any code."""

    def handle(_: int, __: FrameType | None) -> None:
        stop()

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class Server:
    """Answer and record the requests of all connections, in one thread."""

    def __init__(
        self,
        *,
        status: int = 200,
        secret: str | None = None,
        archive: ArchiveWriter | None = None,
        explain: bool = False,
        show_personal: bool = False,
    ) -> None:
        """Store the options of the command."""
        self.summary = Summary()
        self.forwarder: Forwarder | None = None
        self._status = status
        self._secret = secret
        self._archive = archive
        self._explain = explain
        self._show_personal = show_personal
        self._number = 0
        self._connections: dict[asyncio.Task[None], None] = {}

    async def run(self, listener: socket.socket) -> None:
        """Serve until SIGINT or SIGTERM.

        :raises OSError: The archive or standard output can't be written.
        """
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = loop.create_future()
        loop.set_exception_handler(self._report)
        with _calling(lambda: loop.call_soon_threadsafe(self._end)):
            server = await asyncio.start_server(self._serve, sock=listener, limit=HEAD_BYTES)
            self.greet(listener.getsockname())
            forwarding = asyncio.create_task(self.forwarder.run()) if self.forwarder else None
            if forwarding:
                forwarding.add_done_callback(self._end_with)
            try:
                await self._ended
            finally:
                server.close()
                tasks = [*self._connections, *([forwarding] if forwarding else [])]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        if self.forwarder and self.forwarder.waiting:
            self.say(f"Requests that still waited for the handler: {self.forwarder.waiting}")

    def _end(self, error: BaseException | None = None) -> None:
        """End the server, with an exception if there is one. Only the first call counts."""
        if self._ended.done():
            return
        if error:
            self._ended.set_exception(error)
        else:
            self._ended.set_result(None)

    def _end_with(self, task: "asyncio.Task[None]") -> None:
        """End the server with the exception of a task that failed."""
        if not task.cancelled():
            self._end(task.exception())

    def _report(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Print a problem of the event loop, such as too many open files."""
        click.echo(f"Note: {context.get('exception') or context['message']}", err=True)

    def greet(self, name: tuple[Any, ...]) -> None:
        """Print the address, and warn if requests of others are accepted.

        :param name: The name of the socket, as `socket.getsockname` returns it.
        """
        host, port = name[:2]
        self.say(f"Listening on http://{f'[{host}]' if ':' in host else host}:{port}/ (Ctrl-C to end)")
        if not ip_address(host).is_loopback:
            click.echo(f"Note: other machines can reach {host}", err=True)
        if self._secret is None:
            click.echo("Note: without --secret, the command accepts requests from any sender", err=True)

    def say(self, text: str) -> None:
        """Print a line without characters that control a terminal. On a terminal, wrap it at spaces."""
        text = printable(text)
        if sys.stdout.isatty():
            width = shutil.get_terminal_size().columns
            text = textwrap.fill(text, width, subsequent_indent="  ", break_on_hyphens=False)
        click.echo(text)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection. If there are too many, close the oldest one."""
        if len(self._connections) >= CONNECTIONS:
            oldest = next(iter(self._connections))
            del self._connections[oldest]
            oldest.cancel()
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._connections[task] = None
        try:
            while await self._serve_next(reader, writer):
                pass
        except (OSError, asyncio.CancelledError):
            pass  # The client is gone or doesn't read, or the connection is one too many.
        except Exception as error:  # noqa: BLE001 - it ends the command, which raises it
            self._end(error)
        finally:
            self._connections.pop(task, None)
            writer.close()

    async def _serve_next(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request. Return whether another one may follow on the connection."""
        async with asyncio.timeout(REQUEST_SECONDS):
            first = await reader.read(1)
        if not first:
            return False
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                head, request = await read_request(first, reader, self._admit, lambda: writer.write(_CONTINUE))
        except TimeoutError:
            refused = RefusedError(408, f"the request took longer than {REQUEST_SECONDS:g} s")
        except RefusedError as error:
            refused = error
        else:
            is_recorded = self._record(head, request, writer)
            async with asyncio.timeout(REQUEST_SECONDS):
                await writer.drain()
            await asyncio.sleep(0)  # Otherwise requests that were sent together keep others waiting.
            return is_recorded and not head.is_last
        self._refuse(refused, writer)
        await _linger(reader, writer)
        return False

    def _admit(self, head: Head) -> None:
        """Refuse a request with a wrong secret."""
        if self._secret is None:
            return
        received = head.secrets
        if len(received) != 1 or not check_secret(received[0], self._secret):
            raise RefusedError(401, "the secret is wrong or missing", head)

    def _record(self, head: Head, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Archive a request, answer it, and then show and forward it. Return whether that worked."""
        received_at = datetime.now(UTC)
        try:
            if self._archive:
                self._archive.append(request, received_at)
        except OSError as error:
            writer.write(answer_of(500, is_last=True))
            self._end(error)
            return False
        writer.write(answer_of(self._status, is_last=head.is_last))
        try:
            self._show(request, received_at)
        except OSError as error:
            self._end(error)
            return False
        return True

    def _show(self, request: Request, received_at: datetime) -> None:
        self.summary.add_answer(self._status)
        event = read_captured(request)
        if isinstance(event, CallbackError):
            self.summary.unreadable += 1
        else:
            self.summary.add_event(event, len(request.body) + len(request.target))
        what = f"{request.method} {shown_path(request.target)}"
        if request.is_query:
            kind = f"query {len(request.query)} B"
        else:
            kind = f"{short_type(request.content_type)} {len(request.body)} B"
        self._say_numbered(received_at, f"{what}, {kind}, {self._status}: {line_about(event)}")
        if self._explain and not isinstance(event, CallbackError):
            console = new_console()
            with console.capture() as shown:
                console.print(explain_call([Located("", event)], show_personal=self._show_personal))
            click.echo(shown.get(), nl=False)
        if self.forwarder:
            self.forwarder.add(self._number, request)

    def _refuse(self, refused: RefusedError, writer: asyncio.StreamWriter) -> None:
        """Answer a request that isn't read, and say why."""
        writer.write(answer_of(refused.status, is_last=True, reason=str(refused)))
        self.summary.add_answer(refused.status)
        what = f"{refused.head.method} {shown_path(refused.head.target)}" if refused.head else "invalid request"
        try:
            self._say_numbered(datetime.now(UTC), f"{what}, {refused.status}: {refused}")
        except OSError as error:
            self._end(error)

    def _say_numbered(self, received_at: datetime, text: str) -> None:
        self._number += 1
        self.say(f"{self._number} {received_at.astimezone():%H:%M:%S} {text}")


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read the rest of a request for a moment. Otherwise the client may lose the answer when the connection closes."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            await writer.drain()
            writer.write_eof()
            left = _LINGER_BYTES
            while left > 0 and (chunk := await reader.read(_LINGER_CHUNK)):
                left -= len(chunk)


def answer_of(status: int, *, is_last: bool, reason: str = "") -> bytes:
    """Return an answer. Its body is the reason why the request was refused, or empty."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    body = f"{reason}\n".encode() if reason else b""
    headers = ["Content-Type: text/plain"] if body else []
    if status not in {204, 304}:
        headers.append(f"Content-Length: {len(body)}")
    if is_last:
        headers.append("Connection: close")
    return "\r\n".join([f"HTTP/1.1 {status} {phrase}", *headers, "", ""]).encode() + body


def shown_path(target: str) -> str:
    """Return the path of a request for the screen. The query string and long numbers can be personal data."""
    path = _LONG_NUMBER.sub("***", target.partition("?")[0])
    return path if len(path) <= _PATH_LENGTH else f"{path[:_PATH_LENGTH]}..."


def short_type(content_type: str | None) -> str:
    """Return a short name of a content type for the screen, as `shown_path` does."""
    match = _MEDIA_TYPE.fullmatch(content_type or "")
    if not match:
        return "other type" if content_type else "no type"
    subtype = match[1].lower()
    return _SHORT_TYPES.get(subtype, _LONG_NUMBER.sub("***", subtype))
