"""Test that ``send --set`` changes one field of a request, and no other byte."""

import json
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exotel_callback import Limits, parse, strategies
from exotel_callback._cli.changes import change_fields
from exotel_callback._wire.decode import decode
from exotel_callback.testing import FLOW_SCENARIOS, SCENARIOS, Delivery, encode_multipart, payload
from helpers import ENCODERS, FORM, JSON, multipart


def changed(body, content_type, *changes):
    """Return the changed body."""
    (delivery,) = change_fields([Delivery(content_type, body)], changes)
    assert (delivery.content_type, delivery.delay, delivery.method) == (content_type, 0, "POST")
    return delivery.body


@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS)
@pytest.mark.parametrize(
    ("name", "value"), [("CallSid", "a&b=c d\u0905"), ("Status", "busy"), ("NewField", 'x"\r\ny\\'), ("a.b", "")]
)
def test_a_field_is_changed_or_added(encode, name, value):
    """A field isn't changed or added, or the rest of the body isn't that of the same encoder."""
    fields = payload()
    body, content_type = encode(fields)
    assert changed(body, content_type, (name, value)) == encode({**fields, name: value})[0]


DRAWN = strategies.json_bodies() | strategies.form_bodies() | strategies.multipart_bodies()


@given(DRAWN, st.sampled_from(["CallSid", "CustomField", "Added"]), st.text(st.characters(codec="utf-8"), max_size=5))
def test_other_fields_are_the_same(drawn, name, value):
    """Another field changes, or a body isn't readable any more."""
    body, content_type = drawn
    before = decode(body, content_type, Limits())
    after = decode(changed(body, content_type, (name, value)), content_type, Limits())
    old = before.get(name)
    is_number = isinstance(old, int | float) and not isinstance(old, bool)
    assert str(after[name]) == value if is_number else after[name] == value
    assert {**after, name: None} == {**before, name: None}


@given(DRAWN)
def test_other_bytes_are_the_same(drawn):
    """Setting a field to its own value changes the body."""
    body, content_type = drawn
    sid = parse(body, content_type).call_sid
    again = changed(changed(body, content_type, ("CallSid", "a" * 40)), content_type, ("CallSid", sid))
    assert decode(again, content_type, Limits()) == {**decode(body, content_type, Limits()), "CallSid": sid}
    assert abs(len(again) - len(body)) <= 6 * len(sid) + 80


JSON_CHANGES = [
    ('{"a": 1, "b":\t"x"}', "a", "2", '{"a": 2, "b":\t"x"}'),
    ('{"a": 1}', "a", "x", '{"a": "x"}'),
    ('{"a": 1}', "a", "01", '{"a": "01"}'),
    ('{"a": null}', "a", "1", '{"a": "1"}'),
    ('{"a": "1"}', "a", "2", '{"a": "2"}'),
    ('{"a": true}', "a", "false", '{"a": "false"}'),
    ('{"a": [1]}', "a", "[2]", '{"a": [2]}'),
    ('{"a": {}}', "a", "x", '{"a": "x"}'),
    ('{"a": 1, "a": 2}', "a", "3", '{"a": 3, "a": 3}'),
    ('{"a":{"a":1}}', "a[a]", "2", '{"a":{"a":2}}'),
    (" {} ", "a", "x", ' {"a": "x"} '),
    ("", "a", "x", '{"a": "x"}'),
    ("\ufeff{}", "a", "x", '\ufeff{"a": "x"}'),
    ('{"Legs":[{"Status":"busy"}]}', "Legs[0][Status]", "failed", '{"Legs":[{"Status":"failed"}]}'),
    ('{"Legs":[{"Status":"busy"}]}', "Legs[0].Status", "failed", '{"Legs":[{"Status":"failed"}]}'),
    ('{"Legs":[{"Status":"busy"}]}', "Legs.0.Status", "failed", '{"Legs":[{"Status":"failed"}]}'),
    ('{"Legs[0][Status]":"busy"}', "Legs.0.Status", "failed", '{"Legs[0][Status]":"failed"}'),
    ('{"Stream":{}}', "Stream.Status", "failed", '{"Stream":{"Status": "failed"}}'),
    ('{"Legs":[{}]}', "Legs[1][Status]", "x", '{"Legs":[{}, {"Status": "x"}]}'),
    ('{"Legs":[]}', "Legs[0][Status]", "x", '{"Legs":[{"Status": "x"}]}'),
    ('{"Legs":null}', "Legs[0][Status]", "x", '{"Legs":[{"Status": "x"}]}'),
    ("{}", "Legs[1][Status]", "x", '{"Legs": {"1": {"Status": "x"}}}'),
    ('{"b": [ [1,2] , 3 ]}', "b[0][1]", "5", '{"b": [ [1,5] , 3 ]}'),
]


FORM_CHANGES = [
    ("a=1&b=%41&a=2", "a", "x y", "a=x+y&b=%41&a=x+y"),
    ("", "a", "1", "a=1"),
    ("a", "a", "1", "a=1"),
    ("%61=1&b=+", "a", "2", "%61=2&b=+"),
    ("Legs%5B0%5D%5BStatus%5D=busy", "Legs[0].Status", "failed", "Legs%5B0%5D%5BStatus%5D=failed"),
    ("a=1", "Legs[0][Status]", "x", "a=1&Legs%5B0%5D%5BStatus%5D=x"),
    ("\ufeffa=1", "a", "2", "\ufeffa=2"),
]


@pytest.mark.parametrize(
    ("content_type", "before", "name", "value", "after"),
    [*((JSON, *change) for change in JSON_CHANGES), *((FORM, *change) for change in FORM_CHANGES)],
)
def test_one_value(content_type, before, name, value, after):
    """A value isn't found, changes its type in JSON, or other bytes change."""
    assert changed(before.encode(), content_type, (name, value)).decode() == after


@pytest.mark.parametrize("content_type", [f"{FORM}; charset=latin-1", f"{JSON}; charset=utf-16"])
def test_the_charset(content_type):
    """The new value is in another charset than the body."""
    body = '{"a": "\xe9"}'.encode("utf-16") if "json" in content_type else b"a=\xe9"
    after = changed(body, content_type, ("a", "\xe8"))
    assert decode(after, content_type, Limits()) == {"a": "\xe8"}


def test_multipart_with_other_parts():
    """A part with a file, a charset or other headers is changed, or isn't counted."""
    body = (
        b'preamble\r\n--b\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\nfile\r\n--b\r\n'
        b"Content-Type: text/plain; charset=latin-1\r\nContent-Disposition: form-data; name=a\r\n\r\n\xe9\r\n--b\r\n"
        b'Content-Disposition: form-data; name="c"\r\n\r\n1\r\n--b--\r\nend'
    )
    after = changed(body, "multipart/form-data; boundary=b", ("a", "\xe8"), ("d", "\u0905"))
    assert after == body.replace(b"\xe9", b"\xe8").replace(
        b"1\r\n--b--", '1\r\n--b\r\nContent-Disposition: form-data; name="d"\r\n\r\n\u0905\r\n--b--'.encode()
    )


@pytest.mark.parametrize(
    ("body", "content_type", "change", "says"),
    [
        (b"{", JSON, ("a", "b"), "invalid JSON at line 1"),
        (b"a", "text/plain", ("a", "b"), "unsupported content type"),
        (b"--x\r\nContent-Disposition: x\r\n", None, ("a", "b"), "needs its Content-Type header"),
        (b"a=1", f"{FORM}; charset=latin-1", ("a", "\u0905"), "'latin-1' codec can't encode"),
        (b'{"a": "\xff"}', JSON, ("a", "b"), "not valid utf-8"),
        ("{}".encode("utf-16-be"), f"{JSON}; charset=utf-16be", ("a", "\u0905"), ""),
        (b"\xfe\xff" + "{}".encode("utf-16-be"), f"{JSON}; charset=utf-16", ("a", "b"), "isn't written as utf-16"),
        (b'{"Legs":[{}]}', JSON, ("Legs[5][Status]", "x"), "the list has 1 elements, so [5] isn't the next one"),
        (b'{"Legs":"[{}]"}', JSON, ("Legs[0][Status]", "x"), "Legs isn't an object or a list"),
        (multipart([("a", "b")], "x"), "multipart/form-data; boundary=x", ("a", "\r\n--x--"), "contains the boundary"),
    ],
)
def test_what_cannot_be_changed(body, content_type, change, says):
    """A body that can't be changed is damaged, or the sentence doesn't say why."""
    if not says:
        assert decode(changed(body, content_type, change), content_type, Limits()) == {change[0]: change[1]}
        return
    with pytest.raises(ValueError, match=r"^cannot set \S+ in request 1: ") as caught:
        changed(body, content_type or "", change)
    assert says in str(caught.value)


@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS)
def test_a_field_is_added_only_if_no_request_has_it(encode):
    """A field of the callbacks is added to Passthru requests, or one that none has isn't added to all."""
    deliveries = list(FLOW_SCENARIOS["flow-outbound"].deliveries(encode))
    after = change_fields(deliveries, [("ConversationDuration", "5"), ("CallSid", "a b"), ("New", "x")])
    first, passthru, last = after
    callbacks = [decode(each.body, each.content_type, Limits()) for each in (first, last)]
    assert [str(each["ConversationDuration"]) for each in callbacks] == ["5", "5"]
    query = dict(parse_qsl(passthru.query))
    assert "ConversationDuration" not in query
    assert (query["CallSid"], query["New"]) == ("a b", "x")
    assert {(each["CallSid"], each["New"]) for each in callbacks} == {("a b", "x")}
    assert [each.delay for each in after] == [each.delay for each in deliveries]
    assert (passthru.method, passthru.body) == ("GET", b"")
    assert change_fields([], [("a", "b")]) == []
    assert change_fields(deliveries, []) == deliveries


def test_a_scenario_is_changed_as_its_encoder_would_write_it():
    """A scenario has other bytes than one whose payload was changed before it was encoded."""
    deliveries = list(SCENARIOS["connected"].deliveries())
    after = change_fields(deliveries, [("CustomField", "order_777")])
    expected = [encode_multipart({**json.loads(json.dumps(payload())), "CustomField": "order_777"})[0]]
    assert b"order_777" in expected[0]
    assert [each.body for each in after] == [each.body.replace(b"order_12345", b"order_777") for each in deliveries]
