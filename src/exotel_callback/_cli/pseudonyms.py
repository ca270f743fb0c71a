"""Replace the characters of personal values, so that lengths, formats and equal values stay.

Facts
-----
- Exotel writes one number as ``09876543210``, ``+919876543210``, ``919876543210`` and ``9876543210``. Its last ten
  digits are the number, and the rest is a prefix. A masked number is ``0XXXXX43210``.
- The URL of a recording contains the account and the identifier of the call.

So a value is divided into tokens, and equal tokens have equal pseudonyms in every field. A pseudonym depends on the
whole token and on a secret key. It has a digit for each digit and a letter for each letter. Each one differs from the
character that it replaces, if the charset has another character of the same kind and length.

Each half of a token is shifted by amounts that the other half determines. So different tokens have different
pseudonyms. A person who has the key can undo it.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from hashlib import blake2b
from typing import Final, NamedTuple, cast

from .._errors import DecodeError
from .._fields.kinds import DATE, EMPTY_VALUES, NOT_YET
from .._options import IST
from ..recordings import EXOTEL_PREFIXES

_WEEK_SECONDS: Final = 7 * 86_400
_MIN_WEEKS: Final = 52
_WEEKS: Final = 469
_BLOCK: Final = 128
_DIGITS: Final = "0123456789"
_FIRST_DIGITS: Final = "123456789"
_SHIFT_BYTES: Final = 4
_KEY_BYTES: Final = 32

_KEPT: Final = "|".join(
    [
        *map(re.escape, EXOTEL_PREFIXES),
        r"https://(?![a-z0-9-]*[0-9]{6})[a-z0-9-]+\.(?:exotel\.com|exotel\.in|amazonaws\.com)(?=[/?]|\Z)",
        r"(?i:\b(?:https?|wss?|sips?|tel|mailto):)",
        r"(?i:\.(?:mp3|wav)\b)",
        r"\b(?:GET|HEAD|POST|PUT)(?= /)",
        rf"(?i:\b(?:{'|'.join(sorted(filter(None, EMPTY_VALUES)))})\b)",
        # The prefixes of numbers, and the characters that mask one.
        r"\+91(?=[0-9]*\b)",
        r"\+[0-9]{1,3}(?=[0-9]{10}\b)",
        r"\b91(?=[0-9]{10}\b)",
        r"\b0++(?=[0-9]*+\b|[Xx]{3})",  # Possessive, because many zeros would take quadratic time.
        r"[Xx]{3,}(?=[0-9]*\b)",
    ]
)
# A token ends before the characters that mask a number.
_TOKENS: Final = re.compile(rf"({_KEPT})|[0-9]+(?=[Xx]{{3}})|(?:[^\W_]|[^\x00-\x7f\s])+")

_PASSTHRU_DAY: Final = re.compile(r"([0-9]{1,2}) ([A-Z][a-z]{2}) ([0-9]{4})")
_MONTH_NAMES: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Secret(NamedTuple):
    """The key of all pseudonyms, and the number of weeks by which dates are moved into the past."""

    key: bytes
    weeks: int


def secret_of(seed: str) -> Secret:
    """Derive a secret from a seed. The same seed gives the same secret."""
    key = blake2b(seed.encode(errors="surrogateescape"), digest_size=_KEY_BYTES).digest()
    return Secret(key, _MIN_WEEKS + int.from_bytes(key, "big") % _WEEKS)


def pseudonym(secret: Secret, text: str, codec: str = "utf-8") -> str:
    """Replace the tokens of a string, except the beginnings of URLs and the prefixes of numbers.

    :param codec: The codec of the characters. Each pseudonym can be encoded in it, with the same length.
    """
    return _TOKENS.sub(lambda found: found[0] if found[1] else _of_token(secret, found[0], codec), text)


def _of_token(secret: Secret, token: str, codec: str) -> str:
    """Return the pseudonym of a token. It is never a value that means an absent one."""
    alphabets = [_alphabet(character, codec) for character in token]
    if token[0] in _FIRST_DIGITS and token.isascii() and token.isdecimal():
        alphabets[0] = _FIRST_DIGITS  # JSON allows no zero at the beginning of a number.
    while True:
        token = _shifted(secret.key, token, alphabets)
        if token.lower() not in EMPTY_VALUES:
            return token


def _shifted(key: bytes, token: str, alphabets: Sequence[str]) -> str:
    middle = len(token) // 2
    left, right = token[:middle], token[middle:]
    left = _shift(key, b"left", right, left, alphabets[:middle])
    return left + _shift(key, b"right", left, right, alphabets[middle:])


def _shift(key: bytes, side: bytes, other: str, part: str, alphabets: Sequence[str]) -> str:
    """Replace each character of a part by another one of its alphabet. The other part determines which."""
    digest = blake2b(other.encode("utf-8", "surrogatepass"), key=key, person=side).digest()
    size = blake2b().digest_size // _SHIFT_BYTES
    shifted: list[str] = []
    for index, (character, alphabet) in enumerate(zip(part, alphabets, strict=True)):
        if index and index % size == 0:
            digest = blake2b(digest, key=key).digest()
        start = index % size * _SHIFT_BYTES
        amount = int.from_bytes(digest[start : start + _SHIFT_BYTES], "big")
        count = len(alphabet)
        step = 1 + amount % (count - 1) if count > 1 else 0
        shifted.append(alphabet[(alphabet.index(character) + step) % count])
    return "".join(shifted)


@cache
def _alphabet(character: str, codec: str) -> str:
    """Return the characters that can replace one: those of its kind, with the same length in every encoding."""
    if character in _DIGITS:
        return _DIGITS
    first = ord(character) // _BLOCK * _BLOCK
    kind, size = unicodedata.category(character), _encoded_size(character, codec)
    if size is None or kind[0] not in "LMNS":
        return character
    block = map(chr, range(first, first + _BLOCK))
    return "".join(c for c in block if unicodedata.category(c) == kind and _encoded_size(c, codec) == size)


def _encoded_size(character: str, codec: str) -> int | None:
    try:
        return len(character.encode(codec))
    except UnicodeEncodeError:
        return None


def moved_date(secret: Secret, text: str) -> str | None:
    """Move a date into the past by whole weeks, so that its weekday stays. Return None for any other string.

    A date that means "not yet" is unchanged.

    :raises DecodeError: The length of the date would change.
    """
    stripped = text.strip()
    date = DATE.read(stripped, IST)
    if date is NOT_YET or (date and stripped.lower() in DATE.empty_values):
        return text
    if not isinstance(date, datetime):
        return None
    moved = _day_of(stripped) - timedelta(weeks=secret.weeks)
    if "," not in stripped:
        return text.replace(stripped[:10], f"{moved:%Y-%m-%d}", 1)
    day = f"{moved.day} {_MONTH_NAMES[moved.month - 1]} {moved.year}"
    found = cast("re.Match[str]", _PASSTHRU_DAY.search(text))
    if len(day) > len(found[0]):
        raise DecodeError("a day of one digit can't be moved to a day of two digits; write a zero before the day")
    return text.replace(found[0], day.zfill(len(found[0])), 1)


def _day_of(date: str) -> datetime:
    found = _PASSTHRU_DAY.search(date)
    if not found:
        return datetime.fromisoformat(date[:10])
    return datetime(int(found[3]), 1 + _MONTH_NAMES.index(found[2]), int(found[1]))  # noqa: DTZ001 - only the day


def moved_seconds(secret: Secret, number: str) -> str:
    """Move the seconds since 1970, written as a number, by the same weeks."""
    whole, point, fraction = number.partition(".")
    return f"{int(whole) - secret.weeks * _WEEK_SECONDS}{point}{fraction}"
