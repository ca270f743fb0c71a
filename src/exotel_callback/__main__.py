"""Run the command ``exotel-callback``. It needs the extra ``cli``."""

import sys

_EXTRAS = {"click": "cli", "rich": "cli", "httpx2": "cli", "pyarrow": "cli,arrow", "matplotlib": "report"}


def main() -> None:
    """Run the command, or print how to install the extra that it needs."""
    try:
        from ._cli import cli  # Imported here, because click, rich and the packages of a command may be missing.

        cli(prog_name="exotel-callback")
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            raise
        sys.exit(f"The command needs its extra: pip install 'exotel-callback[{_EXTRAS[error.name]}]'")


if __name__ == "__main__":
    main()
