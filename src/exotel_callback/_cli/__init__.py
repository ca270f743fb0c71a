"""Define the command ``exotel-callback``. Each subcommand has its own module, which is imported when it runs."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

import click

if TYPE_CHECKING:
    from io import TextIOWrapper

# The module of each command. It has the command as ``command``.
_MODULES: Final = {name: f"{__name__}.{name}" for name in ("convert", "explain", "listen", "parse", "sample", "send")}


class _LazyGroup(click.Group):
    """A group that imports only the command that is run, so that ``explain`` doesn't wait for an HTTP client."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click passes it
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        if cmd_name not in _MODULES:
            return None
        command: click.Command = import_module(_MODULES[cmd_name]).command
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="exotel-callback")
def cli() -> None:
    """Read the callbacks that Exotel posts to a StatusCallback URL."""
    for stream in (sys.stdout, sys.stderr):
        # On a terminal without UTF-8, printing must not raise an exception.
        cast("TextIOWrapper", stream).reconfigure(errors="backslashreplace")
