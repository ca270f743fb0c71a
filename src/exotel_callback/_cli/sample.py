"""Define ``exotel-callback sample``, and the arguments that it shares with ``send``."""

from typing import Final

import click

from .._encode import encode_form, encode_json, encode_multipart
from ..testing import SCENARIOS, Delivery

_ENCODERS: Final = {"multipart": encode_multipart, "json": encode_json, "form": encode_form}

scenario_argument: Final = click.argument("scenario", type=click.Choice(list(SCENARIOS)), metavar="SCENARIO")
encoding_option: Final = click.option(
    "--as",
    "encoding",
    type=click.Choice(list(_ENCODERS)),
    default="multipart",
    show_default=True,
    help="The encoding of the bodies. Exotel's default is multipart.",
)
SCENARIO_LIST: Final = "\b\nSCENARIO is one of:\n" + "\n".join(
    f"  {name:<24}{scenario.description}" for name, scenario in SCENARIOS.items()
)


def deliveries_of(scenario: str, encoding: str) -> list[Delivery]:
    """Return the deliveries of a scenario in an encoding."""
    return list(SCENARIOS[scenario].deliveries(_ENCODERS[encoding]))


@click.command("sample", epilog=SCENARIO_LIST)
@scenario_argument
@encoding_option
@click.option("--only", type=click.IntRange(1), help="Print only the body of this delivery, counted from 1.")
def command(scenario: str, encoding: str, only: int | None) -> None:
    """Print the bodies that Exotel posts for a call.

    For each body, the command prints the content type and the delay before it on standard error.
    """
    deliveries = deliveries_of(scenario, encoding)
    if only and only > len(deliveries):
        raise click.BadParameter(f"{scenario} has only {len(deliveries)} deliveries", param_hint="--only")
    for number, delivery in enumerate(deliveries, 1):
        if only not in {None, number}:
            continue
        click.echo(
            f"{number} of {len(deliveries)}, after {delivery.delay:g} s, Content-Type: {delivery.content_type}",
            err=True,
        )
        click.echo(delivery.body, nl=not delivery.body.endswith(b"\n"))
