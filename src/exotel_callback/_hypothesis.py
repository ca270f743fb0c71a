"""Register the strategies of the types with Hypothesis, so that ``st.from_type(StatusCallback)`` needs no setup."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from hypothesis import strategies as st

from ._model.call import Call
from ._model.callback import Leg, StatusCallback


def register() -> None:
    """Register the types. The strategies are imported when one is first used."""
    st.register_type_strategy(StatusCallback, _strategy("status_callbacks"))
    st.register_type_strategy(Leg, _strategy("legs"))
    st.register_type_strategy(Call, _strategy("_calls"))


def _strategy(name: str) -> Callable[[Any], Any]:
    return lambda _: getattr(import_module("exotel_callback.strategies"), name)()
