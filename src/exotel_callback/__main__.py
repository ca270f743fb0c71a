"""Run the command ``exotel-callback``. It needs the extra ``cli``."""

import os
import sys
from contextlib import suppress
from typing import TextIO, cast

# For each package: what needs it, and the extra that has it.
_EXTRAS = {
    "click": ("exotel-callback", "cli"),
    "rich": ("exotel-callback", "cli"),
    "httpcore2": ("sending requests", "cli"),
    "httpx2": ("sending requests", "cli"),
    "pyarrow": ("exotel-callback convert", "cli,arrow"),
    "matplotlib": ("--report", "report"),
}


def main() -> None:
    """Run the command, or print how to install the extra that it needs."""
    _check_streams()
    try:
        try:
            from ._cli import cli  # Imported here, because click, rich and the packages of a command may be missing.

            cli(prog_name="exotel-callback")
        finally:
            sys.stdout.flush()
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            raise
        command, extra = _EXTRAS[error.name]
        sys.exit(
            f"{command} needs the package {error.name}; "
            f"run pip install 'exotel-callback[{extra}]' (in a clone: pip install '.[{extra}]')"
        )
    except OSError as error:
        _report(error)


def _check_streams() -> None:
    """Exit if standard output is closed. Python would print nothing, without an error."""
    closed = {number for number, stream in enumerate(_streams()) if stream is None}
    # Otherwise the next files that the command opens get these numbers, and Python prints into them.
    for number in sorted(closed):
        os.dup2(os.open(os.devnull, os.O_RDWR), number)
    if 2 in closed:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115 - it stays open
    if 1 in closed:
        sys.exit("Error: standard output is closed; redirect it to a file or to another command")


def _streams() -> list[TextIO | None]:
    return [cast("TextIO | None", stream) for stream in (sys.stdin, sys.stdout, sys.stderr)]


def _report(error: OSError) -> None:
    """Report a file or a stream that can't be read or written, and exit."""
    # A broken pipe means that the next command, such as head, has read enough. Standard error may be full itself.
    with suppress(OSError):
        if not isinstance(error, BrokenPipeError):
            sys.stderr.write(f"Error: {error.filename or 'a standard stream'}: {error.strerror or error}\n")
    # Otherwise Python tries to write its buffers again when it exits, and prints a second error.
    for stream in (sys.stdout, sys.stderr):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(1)


if __name__ == "__main__":
    main()
