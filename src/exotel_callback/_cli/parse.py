"""Define ``exotel-callback parse``."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from .._errors import CallbackError
from .._options import DEFAULT_LIMITS
from .._parse.any_event import parse_any
from .._serialize import dump
from ..converters import DERIVED_NAMES
from .envelope import CAPTURED_FILE, Envelope, is_blank, lines_of, open_envelope, open_input
from .help import epilog
from .view import Event


@click.command(
    "parse",
    epilog=epilog(
        "exotel-callback parse body.json",
        "exotel-callback parse --ndjson < archive.ndjson | jq .outcome",
    ),
)
@click.argument("files", nargs=-1, type=CAPTURED_FILE)
@click.option("--ndjson", is_flag=True, help="Read one callback per line: its JSON, or an envelope around its body.")
@click.option("--strict", is_flag=True, help="Treat any issue of a callback as an error.")
def command(files: tuple[str, ...], *, ndjson: bool, strict: bool) -> None:
    """Parse captured bodies into one line of JSON each.

    Each FILE is one body; with --ndjson, each line is one body. A body is a StatusCallback, or the query string of a
    Passthru request or a popup. Without a FILE, the command reads standard input. Each line has the outcome and the
    event key too; "exotel-callback schema parse_line" describes it. The command writes each error as a line of JSON to
    standard error, and then the exit code is 1.

    An envelope is {"content_type": ..., "body": ... or "body_base64": ..., "received_at": ...}, with at least one of
    these names and without CallSid.
    """
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    failed = False
    progress = Progress(
        TextColumn("{task.completed} read"),
        BarColumn(),
        TimeElapsedColumn(),
        console=errors,
        redirect_stdout=False,  # Otherwise rich prints the results to standard error.
    )
    files = files or ("-",)
    is_typed = "-" in files and bool(sys.stdin) and sys.stdin.isatty()  # A bar would erase what the user types.
    # Before version 15, rich writes a line end without a terminal, even for a disabled bar.
    with progress if errors.is_terminal and not is_typed else nullcontext():
        task = progress.add_task("", total=None if ndjson else len(files))
        for location, body in _read_bodies(files, ndjson=ndjson):
            try:
                envelope = open_envelope(body) if ndjson else Envelope(body, None)
                print(json.dumps(line_of(parse_any(envelope.body, envelope.likely_type, strict=strict))))
            except CallbackError as error:
                failed = True
                errors.print(json.dumps({**location, **_error_fields(error)}))
            progress.advance(task)
    sys.exit(int(failed))


def line_of(event: Event) -> dict[str, Any]:
    """Return the fields of an event as `dump` does, and the values that derive from them."""
    derived = {name: getattr(event, name) for name in DERIVED_NAMES if hasattr(event, name)}
    return {**dump(event), **derived}


def _read_bodies(files: tuple[str, ...], *, ndjson: bool) -> Iterator[tuple[Mapping[str, object], bytes]]:
    """Yield each body with its file and line. A body that is too large is cut."""
    for name in files:
        with open_input(name) as file:
            if not ndjson:
                yield {"file": name}, file.read(DEFAULT_LIMITS.body_bytes + 1)
                continue
            for number, line in enumerate(lines_of(file), 1):
                if not is_blank(line):
                    yield {"file": name, "line": number}, line


def _error_fields(error: CallbackError) -> dict[str, object]:
    return {
        "error": type(error).__name__,
        "message": str(error),
        "status_hint": error.status_hint,
        "issues": [{"path": issue.path, "code": issue.code.value} for issue in error.issues],
    }
