"""Provide the function that Hypothesis calls when it is imported. This module is outside the package.

So tests that don't use this library don't pay for its import, and an error in the package can't break
``import hypothesis``.
"""

import sys


def register() -> None:
    """Register the types if the package is already imported. Otherwise it registers them when it is imported."""
    try:
        if "exotel_callback" in sys.modules:
            from exotel_callback._hypothesis import register

            register()
    except Exception:  # noqa: BLE001, S110 - tests that need the package see the error when they import it
        pass
