"""Define ``exotel-callback send``."""

import math
import sys
from collections.abc import Callable

import click

from ..testing import PATIENCE, RETRY_DELAYS, Delivery
from .delivery import Answer, Attempt, checked_addresses, parse_url, play, sender, sender_through
from .sample import SCENARIO_LIST, deliveries_of, encoding_option, scenario_argument


def _finite(_: click.Context, __: click.Parameter, value: float) -> float:
    """Reject NaN and infinity, which click accepts as numbers in the range."""
    if not math.isfinite(value):
        raise click.BadParameter(str(value))
    return value


@click.command("send", epilog=SCENARIO_LIST)
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
    "--timeout",
    "--patience",
    "patience",
    type=click.FloatRange(0, 3_600, min_open=True),
    callback=_finite,
    default=PATIENCE,
    show_default=True,
    help="Seconds within which the handler must answer. A delivery ends after twice this time.",
)
@click.option("--allow-public", "--anywhere", is_flag=True, help="Allow an address that isn't private.")
@click.option("--proxy", metavar="URL", help="Send through this HTTP proxy. It needs --allow-public.")
def command(
    url: str,
    scenario: str,
    encoding: str,
    retries: int,
    speed: float,
    patience: float,
    proxy: str | None,
    *,
    allow_public: bool,
) -> None:
    """Send a call's events to a handler, as Exotel would.

    URL is the address of your handler. The command prints the handler's answers. A 2xx in time acknowledges a POST.
    Popups and Passthru requests are GET requests, whose parameters follow those of URL. A 200 or 302 in time
    acknowledges a GET, which is never retried. The exit code is 1 if the handler doesn't acknowledge a delivery, even
    at its last retry.
    """
    send = _sender(url, proxy, patience=patience, allow_public=allow_public)
    deliveries = deliveries_of(scenario, encoding)
    dropped = 0
    for attempt in play(deliveries, send, retries=retries, speed=speed, patience=patience):
        dropped += attempt.is_dropped
        click.echo(format_attempt(attempt, len(deliveries), patience))
    click.echo(f"{len(deliveries) - dropped} of {len(deliveries)} deliveries acknowledged")
    sys.exit(bool(dropped))


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
    """Return what is printed for an attempt at one of `count` deliveries: the result, and the answer's first line."""
    answer = attempt.answer
    which = f"{attempt.number} of {count}" + (f", retry {attempt.repetition}" if attempt.repetition else "")
    result = f"{which}: {answer.status} after {answer.seconds:.2f} s"
    line = f"\n    {answer.line}" if answer.line else ""
    if attempt.is_acknowledged:
        return result + line
    late = f"; too late, Exotel waits {patience:g} s" if answer.seconds > patience else ""
    return f"{result}{late}; {'dropped, no retry left' if attempt.is_dropped else 'will be retried'}{line}"
