"""Define ``exotel-callback convert``: its options, the checks of its targets, and its summary.

`exotel_callback._cli.pipeline` does the work.
"""

import os
import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager, nullcontext
from datetime import tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from .envelope import CAPTURED_FILE
from .tally import Tally
from .view import exit_with

# Windows lacks some of these signals.
_TERMINATING: Final = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
_TARGET: Final = click.Path(dir_okay=False, writable=True, path_type=Path)


def _check_suffix(_: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """Reject a file name whose suffix isn't a supported format."""
    suffixes = (".html",) if parameter.name == "report" else (".parquet", ".ndjson", ".jsonl")
    if value and value.suffix not in suffixes:
        raise click.BadParameter(f"{value} must end in {' or '.join(suffixes)}")
    return value


def _parse_zone(_: click.Context, __: click.Parameter, value: str | None) -> tzinfo | None:
    try:
        return ZoneInfo(value) if value else None
    except (ValueError, OSError, KeyError):  # The zone is unknown, or the name isn't one of a file of zones.
        raise click.BadParameter(f"unknown time zone {value}; pass a name such as Asia/Kolkata") from None


@click.command("convert")
@click.argument("files", metavar="IN...", nargs=-1, required=True, type=CAPTURED_FILE)
@click.argument("out", type=_TARGET, callback=_check_suffix)
@click.option("--calls", type=_TARGET, callback=_check_suffix, help="Also write the merged calls to this file.")
@click.option("--report", type=_TARGET, callback=_check_suffix, help="Also write a page of charts to this .html file.")
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
@click.option("--body", default="body", show_default=True, help="The Parquet column that has the bodies.")
@click.option(
    "--content-type", help="The Parquet column that has the content types; by default content_type, if it exists."
)
@click.option(
    "--timezone", "zone", metavar="NAME", callback=_parse_zone, help="Add columns with the times in this time zone."
)
@click.option("--workers", type=click.IntRange(1), help="The number of processes that parse; by default one per core.")
def command(
    files: tuple[str, ...],
    out: Path,
    calls: Path | None,
    report: Path | None,
    body: str,
    content_type: str | None,
    workers: int | None,
    zone: tzinfo | None,
    *,
    overwrite: bool,
) -> None:
    """Convert captured bodies into a table of events.

    IN is NDJSON as for "parse --ndjson", gzip-compressed or not, or Parquet with a column of bodies. Pass - to read
    standard input. OUT and the file of calls are Parquet if the name ends in .parquet, and NDJSON if it ends in .ndjson
    or .jsonl.

    Each body becomes one row, in the same order. The row of a body that can't be parsed has its error. The command
    prints a summary at the end. If a file is corrupt, the command reads it up to the damage, and the exit code is 1.
    """
    # Imported here, so that --help works without pyarrow.
    from .archive import Columns
    from .pipeline import Targets, convert

    # Imported before the work, so that a missing matplotlib is reported at once.
    draw = _report_page() if report else None
    targets = [target for target in (out, calls, report) if target]
    _check_targets(files, targets, overwrite=overwrite)
    console = Console(stderr=True, highlight=False)
    problems: list[str] = []
    progress = Progress(console=console, transient=True)
    with progress if console.is_terminal else nullcontext(), interruptible():
        try:
            tally = convert(
                files,
                Targets(out, calls),
                Columns(body, content_type),
                workers=workers or os.cpu_count() or 1,
                on_progress=progress_reporter(progress),
                problems=problems,
                local=zone,
            )
            if report and draw:
                report.write_text(draw(tally), encoding="utf-8")
        except (OSError, ValueError) as error:
            raise click.ClickException(str(error)) from None
        except BrokenExecutor:
            raise click.ClickException(
                "a process was killed, possibly because memory ran out; pass a smaller number to --workers"
            ) from None
    Console(highlight=False).print(_summary(tally))
    if tally.rows and not tally.events:
        problems.append("no row could be parsed; IN must be NDJSON, gzip-compressed or not, or Parquet")
    exit_with(problems)


def _report_page() -> Callable[[Tally], str]:
    from .report import page  # Imported here, because only the report needs matplotlib.

    return page


def _check_targets(files: Sequence[str], targets: Sequence[Path], *, overwrite: bool) -> None:
    """Reject targets that can't be written or that already exist, before hours of work."""
    if len({target.resolve() for target in targets}) < len(targets):
        raise click.UsageError("OUT, --calls and --report must be different files")
    if not overwrite and (existing := [target for target in targets if target.exists()]):
        raise click.UsageError(f"{existing[0]} already exists; pass --overwrite to replace it")
    for target in targets:
        if any(target.exists() and Path(file).exists() and target.samefile(file) for file in files):
            raise click.UsageError(f"{target} is an input file; choose another name for the output")
        if not target.parent.is_dir():
            raise click.UsageError(f"the folder {target.parent} doesn't exist; create it first")


@contextmanager
def interruptible() -> Generator[None, None, None]:
    """Treat the signals that terminate a process like Ctrl-C, so that no temporary files remain."""
    # An ignored signal stays ignored, because nohup ignores a signal on purpose.
    terminating = [number for number in _TERMINATING if signal.getsignal(number) is signal.SIG_DFL]
    for number in terminating:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in terminating:
            signal.signal(number, signal.SIG_DFL)


def progress_reporter(progress: Progress) -> Callable[[str, float | None], None]:
    """Return a function that shows the progress of each step in its own bar. A share of None means unknown."""
    tasks: dict[str, TaskID] = {}

    def on_progress(step: str, share: float | None) -> None:
        if step not in tasks:
            tasks[step] = progress.add_task(step, total=None if share is None else 1)
        progress.update(tasks[step], completed=share)

    return on_progress


def _summary(tally: Tally) -> Table:
    """Return the counts as a table for the terminal."""
    table = Table(box=None, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")

    def row(label: str, number: int) -> None:
        table.add_row(label, f"{number:,}")

    row("events", tally.events)
    row("unreadable rows", tally.unreadable_rows)
    for title, counts in (("calls", tally.outcomes), ("issues", tally.issues)):
        row(title, counts.total())
        for name, number in counts.most_common():
            row(f"  {name}", number)
    return table
