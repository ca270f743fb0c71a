"""Define ``exotel-callback sample``, and the arguments that it shares with ``send``."""

from difflib import get_close_matches
from typing import Any, Final

import click

from .._encode import encode_form, encode_json, encode_multipart
from ..testing import FLOW_SCENARIOS, SCENARIOS, Delivery
from .help import epilog

_ENCODERS: Final = {"multipart": encode_multipart, "json": encode_json, "form": encode_form}

_ALL_SCENARIOS: Final = {**SCENARIOS, **FLOW_SCENARIOS}


class ScenarioName(click.Choice):  # type: ignore[type-arg] # it isn't generic before click 8.2
    """The name of a scenario. The error for another name suggests the most similar one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the name, or fail with a suggestion."""
        similar = get_close_matches(str(value), self.choices, n=1)
        if similar and value not in self.choices:
            self.fail(f"unknown scenario {value}; did you mean {similar[0]}?", param, ctx)
        return super().convert(value, param, ctx)


SCENARIO_NAME: Final = ScenarioName(list(_ALL_SCENARIOS))
scenario_argument: Final = click.argument("scenario", type=SCENARIO_NAME, metavar="SCENARIO")
encoding_option: Final = click.option(
    "--as",
    "encoding",
    type=click.Choice(list(_ENCODERS)),
    default="multipart",
    show_default=True,
    help="The encoding of the callbacks. Exotel's default is multipart.",
)
SCENARIO_LIST: Final = "\n\n".join(
    "\n".join(["\b", title, *(f"  {name:<24}{scenario.description}" for name, scenario in scenarios.items())])
    for title, scenarios in {
        "SCENARIO is one of:": SCENARIOS,
        "Or it is a call in a flow, with Passthru requests and popups:": FLOW_SCENARIOS,
    }.items()
)


def deliveries_of(scenario: str, encoding: str) -> list[Delivery]:
    """Return the deliveries of a scenario in an encoding."""
    return list(_ALL_SCENARIOS[scenario].deliveries(_ENCODERS[encoding]))


@click.command(
    "sample",
    epilog=epilog(
        "exotel-callback sample connected --only 3 | exotel-callback explain",
        "exotel-callback sample connected --as json",
        more=SCENARIO_LIST,
    ),
)
@scenario_argument
@encoding_option
@click.option("--only", type=click.IntRange(1), help="Print only this delivery, counted from 1.")
def command(scenario: str, encoding: str, only: int | None) -> None:
    """Print the requests that Exotel sends for a call.

    The command prints the body of each POST request, and the query string of each GET request. On standard error, it
    prints the content type or the method, and the delay before the request.
    """
    deliveries = deliveries_of(scenario, encoding)
    if only and only > len(deliveries):
        raise click.BadParameter(f"{scenario} has only {len(deliveries)} deliveries", param_hint="--only")
    for number, delivery in enumerate(deliveries, 1):
        if only not in {None, number}:
            continue
        kind = f"Content-Type: {delivery.content_type}" if delivery.content_type else f"{delivery.method}, query string"
        click.echo(f"{number} of {len(deliveries)}, after {delivery.delay:g} s, {kind}", err=True)
        sent = delivery.body or delivery.query.encode()
        click.echo(sent, nl=not sent.endswith(b"\n"))
