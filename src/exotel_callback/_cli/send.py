"""Define ``exotel-callback send``."""

import math
import sys
from collections.abc import Callable
from pathlib import Path

import click
from click.core import ParameterSource

from ..testing import PATIENCE, RETRY_DELAYS, Delivery
from .changes import change_fields
from .delivery import Answer, Attempt, checked_addresses, hint_of, parse_url, play, sender, sender_through
from .envelope import CAPTURED_FILE
from .help import epilog
from .replay import Selection, read_archive
from .sample import SCENARIO_LIST, SCENARIO_NAME, deliveries_of, encoding_option
from .view import printable


def _finite(_: click.Context, __: click.Parameter, value: float) -> float:
    """Reject NaN and infinity, which click accepts as numbers in the range."""
    if not math.isfinite(value):
        raise click.BadParameter(str(value))
    return value


def _source(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Accept the name of a scenario, or a file of captured requests."""
    is_file = value == "-" or value.endswith((".ndjson", ".jsonl")) or Path(value).exists()
    kind = CAPTURED_FILE if is_file and value not in SCENARIO_NAME.choices else SCENARIO_NAME
    return str(kind.convert(value, param, ctx))


def _change(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> list[tuple[str, str]]:
    """Split each ``Name=value``."""
    for value in values:
        if not value.partition("=")[0] or "=" not in value:
            raise click.BadParameter(f"{value!r} isn't NAME=VALUE, such as CustomField=order_1")
    return [(name, new) for name, _, new in (value.partition("=") for value in values)]


@click.command("send", epilog=epilog("exotel-callback send http://127.0.0.1:8000/exotel connected", more=SCENARIO_LIST))
@click.argument("url")
@click.argument("source", callback=_source)
@encoding_option
@click.option(
    "--retries",
    type=click.IntRange(0, len(RETRY_DELAYS)),
    default=len(RETRY_DELAYS),
    show_default=True,
    help="How often to retry a POST that the handler doesn't acknowledge.",
)
@click.option(
    "--speed",
    type=click.FloatRange(1),
    callback=_finite,
    default=100.0,
    show_default=True,
    help="How many times faster than Exotel, which waits minutes between retries.",
)
@click.option(
    "--timeout",
    "--patience",
    "patience",
    type=click.FloatRange(0, 3_600, min_open=True),
    callback=_finite,
    default=PATIENCE,
    show_default=True,
    help="Seconds within which the handler must answer. A delivery ends after twice this time.",
)
@click.option(
    "--set", "changes", multiple=True, metavar="NAME=VALUE", callback=_change, help="Change a field, such as CallSid."
)
@click.option("--call", metavar="SID", help="Send only the requests of this call of the archive.")
@click.option("--event", "events", multiple=True, metavar="KEY", help="Send only the events with these event keys.")
@click.option("--as-received", is_flag=True, help="Pause as long as the times in the archive say.")
@click.option("--allow-public", "--anywhere", is_flag=True, help="Allow an address that isn't private.")
@click.option("--proxy", metavar="URL", help="Send through this HTTP proxy. It needs --allow-public.")
@click.pass_context
def command(
    context: click.Context,
    url: str,
    source: str,
    encoding: str,
    retries: int,
    speed: float,
    patience: float,
    changes: list[tuple[str, str]],
    call: str | None,
    events: tuple[str, ...],
    proxy: str | None,
    *,
    as_received: bool,
    allow_public: bool,
) -> None:
    """Send events or captured requests to a handler, as Exotel would.

    URL is the address of your handler. SOURCE is a SCENARIO, or an archive: a file with one envelope or JSON body per
    line, or - for standard input.

    The command prints the handler's answers. A 2xx in time acknowledges a POST.
    Popups and Passthru requests are GET requests, whose parameters follow those of URL. A 200 or 302 in time
    acknowledges a GET, which is never retried. The exit code is 1 if the handler doesn't acknowledge a delivery, even
    at its last retry.
    """
    send = _sender(url, proxy, patience=patience, allow_public=allow_public)
    selection = Selection(call, events, as_received=as_received)
    deliveries, problems = _deliveries(context, source, encoding, selection, parse_url(url).query.decode())
    for problem in problems:
        click.echo(f"Error: {printable(problem)}", err=True)
    try:
        deliveries = change_fields(deliveries, changes)
    except ValueError as error:
        raise click.BadParameter(printable(str(error)), param_hint="--set") from None
    dropped = []
    for attempt in play(deliveries, send, retries=retries, speed=speed, patience=patience):
        if attempt.is_dropped:
            dropped.append(attempt.answer.status)
        click.echo(format_attempt(attempt, len(deliveries), patience))
    click.echo(f"{len(deliveries) - len(dropped)} of {len(deliveries)} deliveries acknowledged")
    for status in dict.fromkeys(dropped):
        if hint := hint_of(status):
            click.echo(f"{status}: {hint}")
    sys.exit(bool(dropped or problems))


def _deliveries(
    context: click.Context, source: str, encoding: str, selection: Selection, query: str
) -> tuple[list[Delivery], list[str]]:
    """Return the requests of a scenario or of an archive, and what can't be read.

    :raises click.UsageError: An option is for the other kind of source.
    """
    is_scenario = source in SCENARIO_NAME.choices
    if is_scenario and selection != Selection():
        raise click.UsageError("--call, --event and --as-received need an archive, and not a scenario")
    if not is_scenario and context.get_parameter_source("encoding") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--as needs a scenario; the requests of an archive keep their encoding")
    return (deliveries_of(source, encoding), []) if is_scenario else read_archive(source, selection, query)


def _sender(url: str, proxy: str | None, *, patience: float, allow_public: bool) -> Callable[[Delivery], Answer]:
    """Return the function that sends a delivery to a URL.

    :raises click.BadParameter: The URL or the proxy can't be used.
    """
    if proxy and not allow_public:
        raise click.BadParameter("a proxy can reach public addresses; pass --allow-public too", param_hint="--proxy")
    where = "URL"
    try:
        address = parse_url(url)
        if proxy:
            where = "--proxy"
            return sender_through(proxy, address, patience=patience)
        return sender(address, checked_addresses(address, allow_public=allow_public), patience=patience)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=where) from None


def format_attempt(attempt: Attempt, count: int, patience: float) -> str:
    """Return the lines for an attempt at one of `count` deliveries: the result, and the answer's first line."""
    answer = attempt.answer
    which = f"{attempt.number} of {count}" + (f", retry {attempt.repetition}" if attempt.repetition else "")
    result = f"{which}: {answer.status} after {answer.seconds:.2f} s"
    line = f"\n    {answer.line}" if answer.line else ""
    if attempt.is_acknowledged:
        return result + line
    late = f"; too late, Exotel waits {patience:g} s" if answer.seconds > patience else ""
    return f"{result}{late}; {'dropped, no retry left' if attempt.is_dropped else 'will be retried'}{line}"
