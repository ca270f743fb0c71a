"""Define ``exotel-callback send``."""

import math
import sys

import click

from ..testing import PATIENCE, RETRY_DELAYS
from .delivery import Attempt, client_for, parse_url, play, public_addresses, sender
from .help import epilog
from .sample import SCENARIO_LIST, deliveries_of, encoding_option, scenario_argument


def _finite(_: click.Context, __: click.Parameter, value: float) -> float:
    """Reject NaN and infinity, which click accepts as numbers in the range."""
    if not math.isfinite(value):
        raise click.BadParameter(str(value))
    return value


@click.command("send", epilog=epilog("exotel-callback send http://127.0.0.1:8000/exotel connected", more=SCENARIO_LIST))
@click.argument("url")
@scenario_argument
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
    "--patience",
    type=click.FloatRange(0, 3_600, min_open=True),
    callback=_finite,
    default=PATIENCE,
    show_default=True,
    help="Seconds within which the handler must answer.",
)
@click.option("--anywhere", is_flag=True, help="Allow an address that isn't private.")
def command(
    url: str, scenario: str, encoding: str, retries: int, speed: float, patience: float, *, anywhere: bool
) -> None:
    """Send a call's events to a handler, as Exotel would.

    URL is the address of your handler. The command prints the handler's answers. A 2xx in time acknowledges a POST.
    Popups and Passthru requests are GET requests, whose parameters follow those of URL. A 200 or 302 in time
    acknowledges a GET, which is never retried. The exit code is 1 if the handler doesn't acknowledge a delivery, even
    at its last retry.
    """
    try:
        address = parse_url(url)
        public = [] if anywhere else public_addresses(address)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="URL") from None
    if public:
        raise click.BadParameter(
            f"{address.host} ({', '.join(public)}) isn't a private address; pass --anywhere to send there",
            param_hint="URL",
        )
    deliveries = deliveries_of(scenario, encoding)
    dropped = 0
    with client_for(patience=patience, anywhere=anywhere) as client:
        for attempt in play(deliveries, sender(client, address), retries=retries, speed=speed, patience=patience):
            dropped += attempt.is_dropped
            click.echo(format_attempt(attempt, len(deliveries), patience))
    click.echo(f"{len(deliveries) - dropped} of {len(deliveries)} deliveries acknowledged")
    sys.exit(bool(dropped))


def format_attempt(attempt: Attempt, count: int, patience: float) -> str:
    """Return the line that is printed for an attempt at one of `count` deliveries."""
    which = f"{attempt.number} of {count}" + (f", retry {attempt.repetition}" if attempt.repetition else "")
    result = f"{which}: {attempt.answer} after {attempt.seconds:.2f} s"
    if attempt.is_acknowledged:
        return result
    late = f"; too late, Exotel waits {patience:g} s" if attempt.seconds > patience else ""
    return f"{result}{late}; {'dropped, no retry left' if attempt.is_dropped else 'will be retried'}"
