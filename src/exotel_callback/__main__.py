"""The command ``exotel-callback``; it needs the extra ``cli``."""

import sys

_EXTRAS = {"click": "cli", "rich": "cli", "httpx2": "cli", "pyarrow": "cli,arrow", "matplotlib": "report"}


def main() -> None:
    """Run the command, or say in one sentence how to install what it needs."""
    try:
        from ._cli import cli  # click and rich may be missing, and the packages that a command imports

        cli(prog_name="exotel-callback")
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            raise
        sys.exit(f"The command needs its extra: pip install 'exotel-callback[{_EXTRAS[error.name]}]'")


if __name__ == "__main__":
    main()
