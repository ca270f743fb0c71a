"""Define ``exotel-callback anonymise``."""

import secrets
from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import IO, Final, NamedTuple, cast

import attrs
import click

from .._errors import CallbackError
from .._parse.call_details import LIST_LIMITS
from .._wire.decode import guess_content_type
from .anonymised import anonymised, anonymised_line
from .envelope import CAPTURED_FILE, LINE_BYTES, bodies_in, is_blank, lines_of, open_envelope, open_input
from .help import epilog
from .pseudonyms import Secret, secret_of
from .sources import events_in, wrapper_of
from .view import exit_with, number_of_requests

_SEED_BYTES: Final = 32
_CHANGED: Final = "omitted, because its issues, its outcome or its length would change"


class _Piece(NamedTuple):
    """A request in a file, and the whitespace after it."""

    location: str
    data: bytes
    is_envelope: bool
    separator: bytes


@click.command("anonymise", epilog=epilog("exotel-callback anonymise archive.ndjson -o report.ndjson"))
@click.argument("files", nargs=-1, type=CAPTURED_FILE)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default="-",
    help="The file to write. It must not exist. By default standard output.",
)
@click.option("--content-type", help="The request's Content-Type header; by default guessed from the body.")
@click.option("--seed", help="Any string. Keep it secret, because it undoes the replacement. By default it is random.")
def command(files: tuple[str, ...], output: Path, content_type: str | None, seed: str | None) -> None:
    """Replace personal values in captured bodies and archives.

    Each FILE has one or more bodies without headers, or one envelope per line. Without a FILE, read standard input.
    The command replaces numbers, names, URLs, identifiers and unknown fields, and moves dates. It keeps the encoding,
    the lengths and the values of enums, and checks that issues and outcomes stay the same. Read the output before you
    publish it.
    """
    if seed is not None and not seed.strip():
        raise click.BadParameter("the seed is empty: is the variable set?", param_hint="--seed")
    secret = secret_of(seed if seed is not None else secrets.token_hex(_SEED_BYTES))
    problems: list[str] = []
    count = 0
    with _opened(output) as out:
        for piece in _pieces(files or ("-",), content_type, problems):
            try:
                data = _replaced(secret, piece, content_type)
            except CallbackError as error:
                problems.append(f"{piece.location}: {error}")
                continue
            out.write(data + piece.separator)
            count += 1
        out.flush()
    click.echo(
        f"{number_of_requests(count)} anonymised; the issues and the outcome of each are the same as before", err=True
    )
    exit_with(problems)


def _opened(output: Path) -> IO[bytes]:
    """Open the file to write, or standard output.

    :raises click.UsageError: The file exists.
    """
    if output == Path("-"):
        return cast("IO[bytes]", click.open_file("-", "wb"))
    try:
        return output.open("xb")
    except FileExistsError:
        raise click.UsageError(f"{output} already exists; pass the name of a new file") from None


def _pieces(names: tuple[str, ...], content_type: str | None, problems: list[str]) -> Iterator[_Piece]:
    """Yield the requests of all files. An archive of envelopes is read line by line."""
    for name in names:
        with open_input(name) as file:
            before, start = b"", file.readline(LINE_BYTES + 1)
            while start.isspace():
                before, start = before + start, file.readline(LINE_BYTES + 1)
            if not content_type and _is_envelope(start):
                yield from _lines(name, start, before.count(b"\n") + 1, file)
                continue
            data = before + start + file.read(LIST_LIMITS.body_bytes + 1)
        if len(data) > LIST_LIMITS.body_bytes:
            problems.append(f"{name}: larger than {LIST_LIMITS.body_bytes} bytes; only archives of envelopes may be")
            continue
        bodies = [data] if content_type else bodies_in(data)
        position = 0
        for number, body in enumerate(bodies, 1):
            end = position + len(body)
            following = data.find(bodies[number], end) if number < len(bodies) else len(data)
            location = name if len(bodies) == 1 else f"{name} ({number} of {len(bodies)})"
            last = b"\n" if number == len(bodies) and len(names) > 1 and not data.endswith(b"\n") else b""
            yield _Piece(location, body, not content_type and _is_envelope(body), data[end:following] + last)
            position = following


def _is_envelope(line: bytes) -> bool:
    try:
        return open_envelope(line).body is not line
    except CallbackError:
        return False


def _lines(name: str, start: bytes, first: int, file: IO[bytes]) -> Iterator[_Piece]:
    for number, line in enumerate(chain([start], lines_of(file)), first):
        if not is_blank(line):
            yield _Piece(f"{name}:{number}", line, True, b"")


def _replaced(secret: Secret, piece: _Piece, content_type: str | None) -> bytes:
    """Return a request with replaced values.

    :raises CallbackError: The request can't be decoded, or would mean something else.
    """
    if wrapper := wrapper_of(piece.data):
        raise CallbackError(f"this is {wrapper.one}; pass only its body, and --content-type with its header")
    if piece.is_envelope:
        data = anonymised_line(secret, piece.data)
        before, after = open_envelope(piece.data), open_envelope(data)
        same = meaning(before.body, before.likely_type) == meaning(after.body, after.likely_type)
    else:
        kind = content_type or guess_content_type(piece.data)
        data = anonymised(secret, piece.data, kind)
        same = meaning(piece.data, kind) == meaning(data, kind)
    if not same or len(data) != len(piece.data):
        raise CallbackError(_CHANGED)
    return data


def meaning(body: bytes | str, content_type: str | None) -> object:
    """Return the error, or the issues, the outcome and the values that aren't personal. They must stay the same."""
    try:
        events, errors = events_in(body, content_type)
    except CallbackError as error:
        issues = [(issue.path, issue.code) for issue in error.issues]
        return type(error), str(error), error.status_hint, issues
    return [(_outline(event), getattr(event, "outcome", None)) for event in events], list(errors)


def _outline(value: object) -> object:
    """Return a value with lengths for strings, without dates, and without the payload."""
    if isinstance(value, Enum | int | None):
        return value
    if isinstance(value, str):
        return len(value)
    if isinstance(value, datetime):
        return datetime
    if isinstance(value, tuple):
        return [_outline(item) for item in cast("tuple[object, ...]", value)]
    fields = attrs.asdict(cast("attrs.AttrsInstance", value), recurse=False)
    hidden = {"raw", "message", "_digest"}
    return {name: item if name == "path" else _outline(item) for name, item in fields.items() if name not in hidden}
