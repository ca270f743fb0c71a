"""Test that tracebacks, pickles and the reference show only public modules."""

import ast
import importlib
import pickle
import pickletools
import typing
from collections import defaultdict
from pathlib import Path

import attrs
import pytest

import exotel_callback
from exotel_callback import (
    CallbackError,
    Limits,
    dump,
    load_call,
    merge,
    parse,
    parse_call_list,
    parse_passthru,
    parse_popup,
)
from exotel_callback.testing import SCENARIOS
from helpers import PUBLIC_MODULES, Upload

NAMES = [
    (module, name)
    for module in PUBLIC_MODULES
    if not module.startswith(("exotel_callback.adapters.", "exotel_callback.arrow"))
    for name in importlib.import_module(module).__all__
]


def values():
    """Return a value of each public type that holds other values."""
    callbacks = [parse(delivery.body, delivery.content_type) for delivery in SCENARIOS["connected"].deliveries()]
    strange = parse({"CallSid": ["a", "b"], "Status": "free", "file": Upload(), "object": object(), "list": [["x"]]})
    with pytest.raises(CallbackError) as caught:
        parse({"Status": "free"})
    return {
        "callbacks": callbacks,
        "a callback with issues": strange,
        "a call": merge(*callbacks),
        "a loaded call": load_call(dump(merge(*callbacks))),
        "a list": parse_call_list({"Calls": [{"Sid": "a", "Status": "busy"}, 5]}),
        "a Passthru request": parse_passthru({"CallSid": "a", "Stream": {"Status": "failed"}, "Legs[0][Cause]": "16"}),
        "a popup": parse_popup({"CallSid": "a", "EventType": "Dial"}),
        "limits": Limits(legs=2),
        "an error": caught.value,
    }


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_public_name_says_its_public_module(module, name):
    """A class or function shows a private module, which users can't import and which may move."""
    value = getattr(importlib.import_module(module), name)
    if isinstance(value, type) or callable(value):
        assert (value.__module__, value.__name__) == (module, name)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", values())
def test_a_pickle_names_no_private_module(name, protocol):
    """A pickle names a private module, so that a later release that moves it can't load the pickle."""
    value = values()[name]
    pickled = pickle.dumps(value, protocol)
    modules = {
        argument.partition(" ")[0]
        for _, argument, _ in pickletools.genops(pickled)
        if isinstance(argument, str) and argument.startswith("exotel_callback")
    }
    assert modules == {"exotel_callback"}
    loaded = pickle.loads(pickled)
    if isinstance(value, CallbackError):
        assert (str(loaded), loaded.issues, loaded.status_hint) == (str(value), value.issues, value.status_hint)
    else:
        assert loaded == value


def test_values_in_raw_keep_their_type_in_a_pickle():
    """A pickle turns an upload or a repeated value into another type."""
    raw = values()["a callback with issues"].raw
    loaded = pickle.loads(pickle.dumps(raw))
    assert {name: type(value) for name, value in loaded.items()} == {name: type(value) for name, value in raw.items()}


def test_a_private_constant_has_a_unique_name():
    """Two modules use one name for different things, so that a reader of one is misled by the other."""
    modules = defaultdict(list)
    for path in sorted(Path(exotel_callback.__file__).parent.rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            for name in (target.id for target in targets if isinstance(target, ast.Name)):
                if name.startswith("_") and name.isupper():
                    modules[name].append(path.name)
    assert {name: found for name, found in modules.items() if len(found) > 1} == {}


@pytest.mark.parametrize("name", exotel_callback.__all__)
def test_type_hints_can_be_resolved(name):
    """`typing.get_type_hints` or `attrs.resolve_types` looks for a name in the public module, which lacks it."""
    value = getattr(exotel_callback, name)
    if isinstance(value, type) or callable(value):
        typing.get_type_hints(value)
    if attrs.has(value):
        attrs.resolve_types(value)
