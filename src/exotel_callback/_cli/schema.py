"""Define ``exotel-callback schema``."""

import click

from ..schemas import SCHEMA_NAMES, schema_text
from .help import epilog


@click.command(
    "schema",
    epilog=epilog("exotel-callback schema", "exotel-callback schema parse_line > parse_line.json"),
)
@click.argument("name", required=False, type=click.Choice(SCHEMA_NAMES), metavar="[NAME]")
def command(name: str | None) -> None:
    """Print a JSON Schema, or the names of all of them.

    NAME is status_callback, call, passthru_event or popup_event, for what the function dump() returns; parse_line, for
    a line of "exotel-callback parse"; or wire, for a StatusCallback as Exotel sends it in JSON.
    """
    click.echo(schema_text(name) if name else "\n".join(SCHEMA_NAMES), nl=not name)
