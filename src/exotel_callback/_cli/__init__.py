"""The commands.

``explain`` is for a person with captured bodies, ``parse`` for files full of them, ``convert`` for archives, and
``sample`` and ``send`` for somebody who writes a handler.
"""

import json
import math
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from .._encode import encode_form, encode_json, encode_multipart
from .._errors import CallbackError
from .._model.callback import StatusCallback
from .._options import DEFAULT_LIMITS
from .._parse import parse
from .._parse.call_details import LIST_LIMITS, XML, parse_call_details, parse_call_list
from .._parse.diagnose import identify
from .._parse.passthru import PassthruEvent, parse_passthru
from .._serialize import dump
from .._wire.decode import decode, guess_content_type
from ..testing import PATIENCE, RETRY_DELAYS, SCENARIOS
from .envelope import from_envelope, lines_of
from .view import Found, explain_call, explain_calls, printable

if TYPE_CHECKING:
    from .convert import Counts
    from .send import Attempt

# Where Windows has one of them.
_ENDING: Final = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
_CAPTURED: Final = click.Path(exists=True, dir_okay=False, allow_dash=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="exotel-callback")
def cli() -> None:
    """Read what Exotel posts to a StatusCallback URL."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal without UTF-8 must not stop the command.
        cast("Any", stream).reconfigure(errors="backslashreplace")


@cli.command()
@click.argument("files", nargs=-1, type=_CAPTURED)
@click.option("--content-type", help="The request's Content-Type header; guessed from the body if left out.")
@click.option("--show-personal", is_flag=True, help="Show numbers, URLs, the custom field and the values of issues.")
def explain(files: tuple[str, ...], content_type: str | None, *, show_personal: bool) -> None:
    """Say what captured bodies mean. Each FILE is a body alone, without headers; standard input if left out.

    A body may be a StatusCallback, a Passthru request's query string, or an answer of the Call Details API. Several of
    one call are shown as a timeline, and merged.
    """
    calls: dict[str, list[Found]] = {}
    problems: list[str] = []
    for place in files or ("-",):
        with click.open_file(place, "rb") as file:
            body = file.read(LIST_LIMITS.body_bytes + 1)
        try:
            for event in _events(body, content_type or guess_content_type(body), place, problems):
                calls.setdefault(event.call_sid, []).append(Found(place, event))
        except CallbackError as error:
            problems.append(f"{place}: {type(error).__name__}: {error}")
    if calls or not problems:  # a list may have no calls
        one = next(iter(calls.values())) if len(calls) == 1 else None
        shown = explain_call(one, show_personal=show_personal) if one else explain_calls(calls.values())
        Console(highlight=False).print(shown)
    for problem in problems:
        click.echo(f"Error: {printable(problem)}", err=True)
    sys.exit(bool(problems))


def _events(
    body: bytes, content_type: str | None, place: str, problems: list[str]
) -> Sequence[StatusCallback | PassthruEvent]:
    """Read whatever Exotel sent or answered, by the function that the table of wrong addresses names."""
    raw = decode(body, content_type, LIST_LIMITS, if_xml=XML)
    is_callback = {"CallSid", "Status"} <= raw.keys()  # whatever else it has in common with other events
    other = None if is_callback else identify(raw)
    match other and other.reader:
        case "parse_call_details":
            return [parse_call_details(body, content_type)]
        case "parse_call_list":
            page = parse_call_list(body, content_type)
            problems.extend(f"{place}: {issue.message}" for issue in page.errors)
            return page.calls
        case "parse_passthru":
            return [parse_passthru(body, content_type)]
        case _:
            return [parse(body, content_type)]


@cli.command(name="parse")
@click.argument("files", nargs=-1, type=_CAPTURED)
@click.option("--ndjson", is_flag=True, help="One callback a line: its JSON, or an envelope around its body.")
@click.option("--strict", is_flag=True, help="Take any issue of a callback for an error.")
def parse_files(files: tuple[str, ...], *, ndjson: bool, strict: bool) -> None:
    """Parse captured bodies, one a FILE or one a line, into a line of JSON each.

    Standard input is read if no FILE is given. Errors are lines of JSON on standard error, and make the exit code 1.

    An envelope is {"content_type": ..., "body": ... or "body_base64": ..., "received_at": ...}, with one of these at
    least and no CallSid.
    """
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    failed = False
    progress = Progress(
        TextColumn("{task.completed} read"),
        BarColumn(),
        TimeElapsedColumn(),
        console=errors,
        redirect_stdout=False,  # which would print the results where the bar is
    )
    # Before version 15, rich writes a line end where there is no terminal, and even for a bar that is switched off.
    with progress if errors.is_terminal else nullcontext():
        task = progress.add_task("", total=None if ndjson else len(files) or 1)
        for place, body in _bodies(files or ("-",), ndjson=ndjson):
            try:
                payload, content_type = from_envelope(body) if ndjson else (body, guess_content_type(body))
                print(json.dumps(dump(parse(payload, content_type, strict=strict))))
            except CallbackError as error:
                failed = True
                errors.print(json.dumps({**place, **_described(error)}))
            progress.advance(task)
    sys.exit(int(failed))


def _target(_: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """Refuse what says nothing of its form."""
    suffixes = (".html",) if parameter.name == "report" else (".parquet", ".ndjson", ".jsonl")
    if value and value.suffix not in suffixes:
        message = f"{value}: its name must end in {' or '.join(suffixes)}"
        raise click.BadParameter(message)
    return value


_WRITTEN: Final = click.Path(dir_okay=False, writable=True, path_type=Path)


@cli.command(name="convert")
@click.argument("files", metavar="IN...", nargs=-1, required=True, type=_CAPTURED)
@click.argument("out", type=_WRITTEN, callback=_target)
@click.option("--calls", type=_WRITTEN, callback=_target, help="Write the merged calls to this file, too.")
@click.option("--report", type=_WRITTEN, callback=_target, help="Write a page of charts to this file, .html.")
@click.option("--overwrite", is_flag=True, help="Replace what is written if it exists.")
@click.option("--body", default="body", show_default=True, help="The column of Parquet that has the bodies.")
@click.option("--content-type", help="The column that has their types; content_type if left out and there.")
@click.option("--workers", type=click.IntRange(1), help="How many processes parse; one per core if left out.")
def convert_files(  # noqa: PLR0913, PLR0917 - the command's options
    files: tuple[str, ...],
    out: Path,
    calls: Path | None,
    report: Path | None,
    body: str,
    content_type: str | None,
    workers: int | None,
    *,
    overwrite: bool,
) -> None:
    """Convert captured bodies into a table of events, a row each in their order, those that can't be parsed too.

    IN is NDJSON as for "parse --ndjson", packed by gzip or not, or Parquet with a column of bodies; - is standard
    input. OUT and the calls are Parquet if the name ends in .parquet, and NDJSON if it ends in .ndjson or .jsonl.

    What came of it is told in the end. The exit code is 1 if a file is damaged; it is read as far as it goes.
    """
    from .convert import ROWS, UNREADABLE, Columns, Targets, convert, summary  # noqa: PLC0415 - others need no pyarrow

    # Imported before the work, so that a missing matplotlib is told at once.
    draw = _drawer() if report else None
    targets = [target for target in (out, calls, report) if target]
    _check_targets(files, targets, overwrite=overwrite)
    console = Console(stderr=True, highlight=False)
    problems: list[str] = []
    progress = Progress(console=console, transient=True)
    with progress if console.is_terminal else nullcontext(), interruptible():
        try:
            counts = convert(
                files,
                Targets(out, calls),
                Columns(body, content_type),
                workers=workers or os.cpu_count() or 1,
                tell=teller(progress),
                problems=problems,
            )
            if report and draw:
                report.write_text(draw(counts), encoding="utf-8")
        except (OSError, ValueError) as error:
            raise click.ClickException(str(error)) from None
        except BrokenExecutor:
            message = "a process was killed, perhaps because there was no memory left: say fewer --workers"
            raise click.ClickException(message) from None
    Console(highlight=False).print(summary(counts))
    if counts[ROWS,] and counts[ROWS,] == counts[UNREADABLE,]:
        problems.append("no row could be read. IN is a line of JSON for each body, packed by gzip or not, or Parquet.")
    for problem in problems:
        click.echo(f"Error: {printable(problem)}", err=True)
    sys.exit(bool(problems))


def _check_targets(files: Sequence[str], targets: Sequence[Path], *, overwrite: bool) -> None:
    """Refuse what would lose something, or could not be written, before hours of work."""
    if len({target.resolve() for target in targets}) < len(targets):
        message = "OUT, --calls and --report are not three files"
        raise click.UsageError(message)
    if not overwrite and (there := [str(target) for target in targets if target.exists()]):
        message = f"{', '.join(there)}: there already. Say --overwrite if you mean it."
        raise click.UsageError(message)
    for target in targets:
        if any(target.exists() and Path(file).exists() and target.samefile(file) for file in files):
            message = f"{target} would be replaced, and it is read"
            raise click.UsageError(message)
        if not target.parent.is_dir():
            message = f"the folder {target.parent} is not there"
            raise click.UsageError(message)


@contextmanager
def interruptible() -> Generator[None, None, None]:
    """Let what ends a process end it as Ctrl-C does: without leaving temporary files."""
    # What is ignored stays so: nohup does that, for work that takes long.
    ending = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in ending:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in ending:
            signal.signal(number, signal.SIG_DFL)


def teller(progress: Progress) -> Callable[[str, float | None], None]:
    """Return what shows the share of a step that is done, in a bar for each; of unknown length if that is None."""
    tasks: dict[str, TaskID] = {}

    def tell(step: str, share: float | None) -> None:
        if step not in tasks:
            tasks[step] = progress.add_task(step, total=None if share is None else 1)
        progress.update(tasks[step], completed=share)

    return tell


def _drawer() -> "Callable[[Counts], str]":
    from .report import page  # noqa: PLC0415 - converting alone needs no matplotlib

    return page


def _bodies(files: tuple[str, ...], *, ndjson: bool) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield each body with its place. No more of it is read than tells that it is too large."""
    for name in files:
        with click.open_file(name, "rb") as file:
            if not ndjson:
                yield {"file": name}, file.read(DEFAULT_LIMITS.body_bytes + 1)
                continue
            for number, line in enumerate(lines_of(file), 1):
                if not line.isspace():
                    yield {"file": name, "line": number}, line


def _described(error: CallbackError) -> dict[str, Any]:
    return {
        "error": type(error).__name__,
        "message": str(error),
        "status_hint": error.status_hint,
        "issues": [{"path": issue.path, "code": issue.code.value} for issue in error.issues],
    }


_ENCODERS: Final = {"multipart": encode_multipart, "json": encode_json, "form": encode_form}
_scenario = click.argument("scenario", type=click.Choice(list(SCENARIOS)), metavar="SCENARIO")
_encoding = click.option(
    "--as",
    "encoding",
    type=click.Choice(list(_ENCODERS)),
    default="multipart",
    show_default=True,
    help="How the bodies are encoded. Exotel's default is multipart.",
)
_LISTED: Final = "\b\nSCENARIO is one of:\n" + "\n".join(
    f"  {name:<24}{scenario.description}" for name, scenario in SCENARIOS.items()
)


def _finite(_: click.Context, __: click.Parameter, value: float) -> float:
    """Refuse what is a number to Python only: it is in every range."""
    if not math.isfinite(value):
        raise click.BadParameter(str(value))
    return value


@cli.command(epilog=_LISTED)
@_scenario
@_encoding
@click.option("--only", type=click.IntRange(1), help="Print the body of this delivery alone, counted from 1.")
def sample(scenario: str, encoding: str, only: int | None) -> None:
    """Print the bodies that Exotel posts for a call, one after the other.

    What comes with each, its content type and how long Exotel waits before it, is told on standard error.
    """
    deliveries = list(SCENARIOS[scenario].deliveries(_ENCODERS[encoding]))
    if only and only > len(deliveries):
        message = f"{scenario} has {len(deliveries)} deliveries"
        raise click.BadParameter(message, param_hint="--only")
    for number, delivery in enumerate(deliveries, 1):
        if only not in {None, number}:
            continue
        click.echo(
            f"{number} of {len(deliveries)}, after {delivery.delay:g} s, Content-Type: {delivery.content_type}",
            err=True,
        )
        click.echo(delivery.body, nl=not delivery.body.endswith(b"\n"))


@cli.command(epilog=_LISTED)
@click.argument("url")
@_scenario
@_encoding
@click.option(
    "--retries",
    type=click.IntRange(0, len(RETRY_DELAYS)),
    default=len(RETRY_DELAYS),
    show_default=True,
    help="How often a delivery that was not acknowledged is repeated.",
)
@click.option(
    "--speed",
    type=click.FloatRange(1),
    callback=_finite,
    default=100.0,
    show_default=True,
    help="How many times faster than Exotel: it waits minutes between repetitions.",
)
@click.option(
    "--patience",
    type=click.FloatRange(0, 3_600, min_open=True),
    callback=_finite,
    default=PATIENCE,
    show_default=True,
    help="Seconds within which an answer must come.",
)
@click.option("--anywhere", is_flag=True, help="Send to a public address, too.")
def send(  # noqa: PLR0913, PLR0917 - the command's options
    url: str, scenario: str, encoding: str, retries: int, speed: float, patience: float, *, anywhere: bool
) -> None:
    """Play a call against the handler at URL, as Exotel would, and say what it answers.

    The exit code is 1 if a delivery was never acknowledged: by a 2xx, in time, in one of its repetitions.
    """
    from .send import client_for, far_addresses, play, poster, target  # noqa: PLC0415 - explaining needs no client

    try:
        address = target(url)
        far = [] if anywhere else far_addresses(address)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="URL") from None
    if far:
        message = f"{address.host} is {', '.join(far)}, which is no private address. Say --anywhere if you mean it."
        raise click.BadParameter(message, param_hint="URL")
    deliveries = list(SCENARIOS[scenario].deliveries(_ENCODERS[encoding]))
    dropped = 0
    with client_for(patience=patience, anywhere=anywhere) as client:
        for attempt in play(deliveries, poster(client, address), retries=retries, speed=speed, patience=patience):
            dropped += attempt.is_dropped
            click.echo(_told(attempt, len(deliveries), patience))
    click.echo(f"{len(deliveries) - dropped} of {len(deliveries)} deliveries acknowledged")
    sys.exit(bool(dropped))


def _told(attempt: "Attempt", count: int, patience: float) -> str:
    which = f"{attempt.number} of {count}" + (f", repetition {attempt.repetition}" if attempt.repetition else "")
    what = f"{which}: {attempt.answer} after {attempt.seconds:.2f} s"
    if attempt.is_acknowledged:
        return what
    late = f"; too late, Exotel waits {patience:g} s" if attempt.seconds > patience else ""
    return f"{what}{late}; {'dropped for good' if attempt.is_dropped else 'will be repeated'}"
