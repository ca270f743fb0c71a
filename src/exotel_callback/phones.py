"""Convert phone numbers to E.164. It needs the extra ``phones``.

Numbers in one payload can have different formats: with ``0``, ``+91`` or ``91`` in front, or with no prefix.
Source: https://github.com/nammayatri/nammayatri/issues/600.
"""

import re
from typing import Final

try:
    from phonenumbers import (
        SUPPORTED_REGIONS,
        NumberParseException,
        PhoneNumberFormat,
        format_number,
        is_valid_number,
        parse,
    )
except ModuleNotFoundError as _error:
    raise ImportError("phone numbers need the extra 'phones'; run pip install 'exotel-callback[phones]'") from _error

__all__ = ["to_e164"]

# Only digits and separators, because phonenumbers reads letters as telephone keys. So it would read a masked number as
# another number. The separators include the non-breaking spaces U+00A0, U+2007 and U+202F. A bracket at the start is
# closed after digits.
_SEPARATOR: Final = "[ ().\u00a0\u2007\u202f-]"
_START: Final = r"(?:\+?(?:\((?=[0-9]+\)))?|\(\+(?=[0-9]+\)))"
_NUMBER: Final = re.compile(rf"{_START}[0-9](?:{_SEPARATOR}{{0,2}}[0-9]){{0,20}}")


def to_e164(number: str | None, region: str = "IN") -> str | None:
    """Convert a number to E.164 (``+919876543210``), so that you can compare it and look it up.

    :param number: A number as Exotel sends it: with a trunk ``0``, with the country code with or without ``+``, or
        without a prefix. Or a number as people write it, with spaces (also non-breaking ones), hyphens, dots and
        brackets: ``(415) 555-2671``, ``+44 (0)20 7946 0018``. Or None.
    :param region: The country of numbers without a country code, as two letters of ISO 3166.
    :return: The number. None for None, a masked number (``0XXXXX30240``), a SIP address, or an invalid number.
    :raises ValueError: `region` is unknown.
    """
    if region not in SUPPORTED_REGIONS:
        raise ValueError(f"unknown region {region!r}; pass two capital letters, such as IN")
    if not isinstance(number, str) or not _NUMBER.fullmatch(number.strip()):
        return None
    digits = "+" * ("+" in number) + re.sub("[^0-9]", "", number)
    try:
        parsed = parse(digits, region)
    except NumberParseException:
        return None
    return format_number(parsed, PhoneNumberFormat.E164) if is_valid_number(parsed) else None
