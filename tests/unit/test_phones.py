"""Test the conversion of phone numbers to E.164."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exotel_callback.phones import to_e164
from helpers import label

SAME = [
    "09876543210",
    "+919876543210",
    "919876543210",
    "9876543210",
    " 919876543210",
    "+91 98765-43210",
    "0 98765 43210",
]


@pytest.mark.parametrize("number", SAME)
def test_one_number_in_all_its_forms(number):
    """One number in two formats has two results."""
    assert to_e164(number) == "+919876543210"


@pytest.mark.parametrize(("number", "e164"), [("08047112233", "+918047112233"), ("+14155552671", "+14155552671")])
def test_other_numbers(number, e164):
    """A landline, or a number with its country code, is converted wrongly."""
    assert to_e164(number) == e164


@pytest.mark.parametrize(
    ("number", "region", "e164"), [("020 7946 0018", "GB", "+442079460018"), ("4155552671", "US", "+14155552671")]
)
def test_numbers_of_another_country(number, region, e164):
    """The region isn't used for a number without a country code."""
    assert to_e164(number, region) == e164


@pytest.mark.parametrize(
    ("number", "region", "e164"),
    [
        ("(415) 555-2671", "US", "+14155552671"),
        ("(415)555.2671", "US", "+14155552671"),
        ("+1 (415) 555-2671", "IN", "+14155552671"),
        ("+1.415.555.2671", "IN", "+14155552671"),
        ("+44 (0)20 7946 0018", "IN", "+442079460018"),
        ("(+44) 20 7946 0018", "IN", "+442079460018"),
        ("+(44) 20 7946 0018", "IN", "+442079460018"),
        ("(0)80 4000 0001", "IN", "+918040000001"),
        ("+91 (0)80 4000 0001", "US", "+918040000001"),
        ("+91\u00a098765\u00a043210", "IN", "+919876543210"),
        ("+91\u202f98765\u202f43210", "IN", "+919876543210"),
        ("98765\u200743210", "IN", "+919876543210"),
        ("+39 06 698 12345", "IN", "+390669812345"),
        ("+39 (0)6 698 12345", "IN", "+390669812345"),
    ],
)
def test_numbers_as_people_write_them(number, region, e164):
    """A number with brackets, dots or non-breaking spaces is refused, or its trunk zero stays."""
    assert to_e164(number, region) == e164


@given(
    number=st.sampled_from(["+919876543210", "+918040000001", "+14155552671", "+442079460018", "+390669812345"]),
    separators=st.lists(st.text(" .-\u00a0\u2007\u202f", max_size=2), min_size=20, max_size=20),
    brackets=st.sampled_from([None, 0, 1, 2]),
    length=st.integers(1, 4),
    around=st.sampled_from(["", " ", "\t\u00a0"]),
)
def test_the_formatting_does_not_count(number, separators, brackets, length, around):
    """Two formats of one number have two results."""
    pieces = [digit + separator for digit, separator in zip(number[1:], separators, strict=False)]
    pieces[-1] = number[-1]
    if brackets is not None:
        start, end = brackets, brackets + length
        bare = [re.sub("[^0-9]", "", piece) for piece in pieces[start:end]]
        pieces[start:end] = ["(" + "".join(bare) + ")"]
        pieces[:start] = [piece[:2] for piece in pieces[:start]]
    assert to_e164(f"{around}+{''.join(pieces)}{around}") == number


@pytest.mark.parametrize(
    "number",
    [
        "(415 555-2671",
        "((415) 555-2671",
        "() 415 555-2671",
        "(+1 415) 555-2671x1",
        "+(1 415 555 2671",
        "(415) 555-2671 ext. 5",
        "(415) 555\u20112671",
        "(415)\u2003555-2671",
        "+1 (0)415 555-2671",
    ],
)
def test_brackets_and_spaces_that_are_invalid(number):
    """A number with an open bracket, another space or hyphen, an extension, or a wrong trunk zero has a result."""
    assert to_e164(number, "US") is None


@pytest.mark.parametrize(
    "number",
    [
        None,
        "",
        " ",
        "null",
        "0XXXXX30240",
        "0XXXXXX4890",
        "sip:agentsip",
        "sip:09876543210@example.com",
        "tel:+919876543210",
        "+91987654321O",
        "1-800-FLOWERS",
        "+4930....1234",
        "+632---45678",
        "9876543210-----",
        "+632   45678",
        "123",
        "911",
        "0000000000",
        "99999999999999999999",
        "+",
        "++919876543210",
        "9876543210;ext=5",
        "9876543210\n9123456789",
        "٠٩٨٧٦٥٤٣٢١٠",
        "\0",
        "9" * 100_000,
        5,
        b"9876543210",
    ],
    ids=label,
)
def test_invalid_numbers(number):
    """An invalid number has a result: masked, a SIP address, too short, too long, or no number."""
    assert to_e164(number) is None


@pytest.mark.parametrize("region", ["", "in", "XX", None, "91"])
def test_an_unknown_region(region):
    """An unknown region doesn't raise for every number."""
    with pytest.raises(ValueError, match="unknown region"):
        to_e164("09876543210", region)
