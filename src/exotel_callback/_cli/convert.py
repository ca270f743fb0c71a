"""Define ``exotel-callback convert``: its options, the checks of its targets, and its summary.

`exotel_callback._cli.pipeline` does the work.
"""

import os
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

from .._options import IST
from .envelope import CAPTURED_FILE
from .help import epilog
from .signals import interruptible
from .tally import Tally
from .targets import drafts_of
from .view import exit_with, new_console, printable

_TABLES: Final = (".parquet", ".ndjson", ".jsonl", ".csv", ".csv.gz")
_SUFFIXES: Final = {"report": (".html",), "rejects": (".ndjson", ".jsonl")}
_MAX_SHOWN: Final = 5


def _check_target(_: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """Reject a name whose suffix isn't a supported format. A link is followed, so that its file is written."""
    if value is None:
        return None
    suffixes = _SUFFIXES.get(parameter.name or "", _TABLES)
    suffix = next((suffix for suffix in suffixes if value.name.endswith(suffix)), None)
    if suffix is None:
        raise click.BadParameter(f"{value} must end in {' or '.join(suffixes)}")
    target = Path(os.path.realpath(value))  # `resolve` raises RuntimeError for a loop before Python 3.13.
    if target.is_symlink():
        raise click.BadParameter(f"{value} is a loop of links; choose another name for the output")
    if not target.name.endswith(suffix):  # The name of the file chooses the format.
        raise click.BadParameter(f"{value} is a link to {target.name}, which must also end in {suffix}")
    return target


_TARGET: Final = click.Path(dir_okay=False, writable=True, path_type=Path)


def _split_files(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Take the last argument for OUT, unless ``--output`` names it, and check that the others exist.

    click reads ``--output`` first, because it is eager.
    """
    *sources, last = value
    if context.params.get("out"):
        sources.append(last)
    else:
        out = _TARGET.convert(last, parameter, context)
        context.params["out"] = _check_target(context, parameter, out)
    if not sources:
        raise click.UsageError("there is one file only; pass IN... and OUT, or --output OUT", context)
    return tuple(str(CAPTURED_FILE.convert(source, parameter, context)) for source in sources)


def _parse_zone(_: click.Context, __: click.Parameter, value: str | None) -> tzinfo | None:
    try:
        return ZoneInfo(value) if value else None
    except (ValueError, OSError, KeyError):  # The zone is unknown, or the name isn't one of a file of zones.
        raise click.BadParameter(f"unknown time zone {value}; pass a name such as Asia/Kolkata") from None


@click.command(
    "convert",
    epilog=epilog(
        "exotel-callback convert archive.ndjson events.parquet",
        "exotel-callback convert 2024-*.ndjson.gz -o events.parquet --calls calls.csv",
    ),
)
@click.argument("files", metavar="IN... [OUT]", nargs=-1, required=True, type=click.Path(), callback=_split_files)
@click.option(
    "-o",
    "--output",
    "out",
    type=_TARGET,
    callback=_check_target,
    is_eager=True,
    help="The file of events, instead of the last argument.",
)
@click.option("--calls", type=_TARGET, callback=_check_target, help="Also write the merged calls to this file.")
@click.option("--report", type=_TARGET, callback=_check_target, help="Also write a page of charts to this .html file.")
@click.option("--title", default="Calls", show_default=True, help="The title of the report.")
@click.option(
    "--timezone",
    "zone",
    metavar="NAME",
    callback=_parse_zone,
    help="Add columns with the times in this time zone, which is also that of the report; by default India's.",
)
@click.option(
    "--rejects",
    type=_TARGET,
    callback=_check_target,
    help="Also write the bodies that can't be parsed to this .ndjson file, which can be converted again.",
)
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
@click.option(
    "--body-column",
    "--body",
    "body",
    default="body",
    show_default=True,
    help="The Parquet column that has the bodies.",
)
@click.option(
    "--content-type-column",
    "--content-type",
    "content_type",
    help="The Parquet column that has the content types; by default content_type, if it exists.",
)
@click.option(
    "--workers", type=click.IntRange(1, 256), help="The number of processes that parse; by default one per core."
)
def command(
    files: tuple[str, ...],
    out: Path,
    calls: Path | None,
    report: Path | None,
    title: str,
    zone: tzinfo | None,
    rejects: Path | None,
    body: str,
    content_type: str | None,
    workers: int | None,
    *,
    overwrite: bool,
) -> None:
    """Convert captured bodies into a table of events.

    IN is NDJSON as for "parse --ndjson", gzip-compressed or not, or Parquet with a column of bodies. Pass - to read
    standard input. The names of OUT and of the file of calls choose the format: .parquet is Parquet, .ndjson and .jsonl
    are NDJSON, .csv and .csv.gz are CSV.

    Each body becomes one row, in the same order. The row of a body that can't be parsed has its error. The command
    prints a summary at the end. If a file is corrupt, the command reads it up to the damage, and the exit code is 1.
    """
    targets = [target for target in (out, calls, rejects, report) if target]
    console = Console(stderr=True, highlight=False)
    problems: list[str] = []
    progress = Progress(console=console, transient=True)
    with interruptible():
        # Imported here, so that --help works without pyarrow.
        from .archive import Columns
        from .pipeline import Targets, convert

        # Imported before the work, so that a missing matplotlib is reported at once.
        draw = _report_page() if report else None
        _check_targets(files, targets, overwrite=overwrite)
        with _one_sentence(), drafts_of(targets, overwrite=overwrite) as drafts:
            with progress if console.is_terminal else nullcontext():
                tally = convert(
                    files,
                    Targets(drafts[out], calls and drafts[calls], rejects and drafts[rejects]),
                    Columns(body, content_type),
                    workers=workers or os.cpu_count() or 1,
                    on_progress=progress_reporter(progress),
                    problems=problems,
                    zone=zone,
                )
            if report and draw:
                drafts[report].write_text(draw(tally, title, zone or IST), encoding="utf-8")
    _print_summary(tally)
    if tally.rows and not tally.events:
        problems.append("no row could be parsed; IN must be NDJSON, gzip-compressed or not, or Parquet")
    exit_with(problems)


def _report_page() -> Callable[[Tally, str, tzinfo], str]:
    from .report import page  # Imported here, because only the report needs matplotlib.

    return page


def _check_targets(files: Sequence[str], targets: Sequence[Path], *, overwrite: bool) -> None:
    """Reject targets that can't be written or that already exist, before hours of work."""
    if len({*targets}) < len(targets):
        raise click.UsageError("OUT, --calls, --rejects and --report must be different files")
    if not overwrite and (existing := [target for target in targets if target.exists()]):
        raise click.UsageError(f"{existing[0]} already exists; pass --overwrite to replace it")
    for target in targets:
        if any(target.exists() and Path(file).exists() and target.samefile(file) for file in files):
            raise click.UsageError(f"{target} is an input file; choose another name for the output")
        if target.exists() and not target.is_file():
            raise click.UsageError(f"{target} isn't a regular file; choose another name for the output")
        if not target.parent.is_dir():
            raise click.UsageError(f"the folder {target.parent} doesn't exist; create it first")


@contextmanager
def _one_sentence() -> Generator[None, None, None]:
    """Report an error of the system, of an input or of a worker in one sentence."""
    try:
        yield
    except BrokenExecutor:
        raise click.ClickException(
            "a process was killed, possibly because memory ran out; pass a smaller number to --workers"
        ) from None
    except OSError as error:
        raise click.ClickException(f"{error}; no file was written") from None
    except ValueError as error:
        raise click.ClickException(str(error)) from None


def progress_reporter(progress: Progress) -> Callable[[str, float | None], None]:
    """Return a function that shows the progress of each step in its own bar. A share of None means unknown."""
    tasks: dict[str, TaskID] = {}

    def on_progress(step: str, share: float | None) -> None:
        if step not in tasks:
            tasks[step] = progress.add_task(step, total=None if share is None else 1)
        progress.update(tasks[step], completed=share)

    return on_progress


def _print_summary(tally: Tally) -> None:
    """Print the counts as a table, and then the reasons why rows can't be parsed."""
    console = new_console()
    console.print(_summary(tally))
    if tally.reasons:
        console.print("\nunreadable rows by reason")
    for reason, number in tally.reasons.most_common(_MAX_SHOWN):
        places = ", ".join([*tally.places[reason], *(["..."] if number > len(tally.places[reason]) else [])])
        console.print(printable(f"  {number:,}  {reason.error}: {reason.message}"), soft_wrap=True)
        console.print(printable(f"     at {places}"), soft_wrap=True)
    others = tally.unreadable_rows - sum(number for _, number in tally.reasons.most_common(_MAX_SHOWN))
    if others:
        console.print(f"  {others:,}  for other reasons")


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
