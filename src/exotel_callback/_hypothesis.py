"""Register the strategies of the types with Hypothesis, so that ``st.from_type(StatusCallback)`` needs no setup."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from hypothesis import strategies as st

from ._model.call import Call
from ._model.callback import Leg, StatusCallback
from ._model.passthru import PassthruEvent, PassthruLeg, Stream
from ._model.popup import PopupEvent


def register() -> None:
    """Register the types. The strategies are imported when one is first used."""
    st.register_type_strategy(StatusCallback, _strategy("status_callbacks"))
    st.register_type_strategy(Leg, _strategy("legs"))
    st.register_type_strategy(Call, _strategy("_calls"))
    st.register_type_strategy(PassthruEvent, _strategy("passthru_events"))
    st.register_type_strategy(PassthruLeg, _strategy("_passthru_legs"))
    st.register_type_strategy(Stream, _strategy("_only_streams"))
    st.register_type_strategy(PopupEvent, _strategy("popup_events"))


def _strategy(name: str) -> Callable[[Any], Any]:
    return lambda _: getattr(import_module("exotel_callback.strategies"), name)()
