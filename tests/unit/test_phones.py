"""Test the conversion of phone numbers to E.164."""

import pytest

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
