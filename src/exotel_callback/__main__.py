"""Run the command ``exotel-callback``. It needs the extra ``cli``."""

import sys

# For each package: what needs it, and the extra that has it.
_EXTRAS = {
    "click": ("exotel-callback", "cli"),
    "rich": ("exotel-callback", "cli"),
    "httpx2": ("exotel-callback send", "cli"),
    "pyarrow": ("exotel-callback convert", "cli,arrow"),
    "matplotlib": ("--report", "report"),
}


def main() -> None:
    """Run the command, or print how to install the extra that it needs."""
    try:
        from ._cli import cli  # Imported here, because click, rich and the packages of a command may be missing.

        cli(prog_name="exotel-callback")
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            raise
        command, extra = _EXTRAS[error.name]
        sys.exit(
            f"{command} needs the package {error.name}; "
            f"run pip install 'exotel-callback[{extra}]' (in a clone: pip install '.[{extra}]')"
        )


if __name__ == "__main__":
    main()
