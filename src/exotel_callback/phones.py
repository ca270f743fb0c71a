"""One form for numbers that disagree: in one payload one may begin with ``0``, another with ``+91``, ``91`` or nothing.

Source: https://github.com/nammayatri/nammayatri/issues/600. It needs the extra ``phones``.
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

# Letters would be read as those on the keys of a telephone, and a masked number as another one, however it is masked.
_NUMBER: Final = re.compile(r"\+?[0-9](?:[ ().-]{0,2}[0-9]){0,20}")


def to_e164(number: str | None, region: str = "IN") -> str | None:
    """Bring a number to E.164 (``+919876543210``), so that it can be compared and looked up.

    :param number: A number as Exotel sends it: with a trunk ``0``, with the country's code with or without ``+``, or
        with neither. None stays None.
    :param region: The country of numbers that do not say theirs, by its two letters in ISO 3166.
    :return: None for masked numbers (``0XXXXX30240``), SIP addresses, and what is no valid number.
    :raises ValueError: `region` is unknown.
    """
    if region not in SUPPORTED_REGIONS:
        raise ValueError(f"unknown region {region!r}; pass two capital letters, such as IN")
    if not isinstance(number, str) or not _NUMBER.fullmatch(number.strip()):
        return None
    try:
        parsed = parse(number.strip(), region)
    except NumberParseException:
        return None
    return format_number(parsed, PhoneNumberFormat.E164) if is_valid_number(parsed) else None
