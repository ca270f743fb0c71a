"""What Hypothesis calls when it is imported. It stands beside the package, which it does not import.

So it costs those nothing whose tests have nothing to do with this library; and a fault of the package can't break
their ``import hypothesis``.
"""

import sys


def register() -> None:
    """Register the types if the package is there already. If not, it does so itself when it is imported."""
    try:
        if "exotel_callback" in sys.modules:
            from exotel_callback._hypothesis import register

            register()
    except Exception:  # noqa: BLE001, S110 - whoever needs the package finds out by importing it
        pass
