"""The command ``exotel-callback``; it needs the extra ``cli``."""

import sys


def main() -> None:
    """Run the command, or say in one sentence how to install what it needs."""
    try:
        from ._cli import cli  # noqa: PLC0415 - click and rich may not be there, nor what a command imports

        cli(prog_name="exotel-callback")
    except ModuleNotFoundError as error:
        if error.name not in {"click", "httpx2", "rich"}:
            raise
        sys.exit("The command needs its extra: pip install 'exotel-callback[cli]'")


if __name__ == "__main__":
    main()
