"""Check that a request to your callback URL is from Exotel, by a secret in the URL or in a header.

Facts
-----
- Exotel documents no signature, and its support confirms that a callback can't be validated.
- Exotel sends your own query parameters back with the request, so a secret in the URL is the only way.
- Two public handlers had to be fixed because they had no secret, or compared it with ``==``.

Source: https://developer.exotel.com/docs/advanced-config/webhooks-setup.

For request data, these functions return False and never raise. For a misconfiguration, such as an empty secret from an
unset environment variable, they raise immediately instead of accepting every request.
"""

import base64
import hmac
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import parse_qsl, unquote_plus, urlsplit

if TYPE_CHECKING:
    from itsdangerous import TimestampSigner

__all__ = ["check_basic_auth", "check_secret", "require_secret", "sign_url", "verify_url"]

Secrets = str | bytes | Iterable[str | bytes]
"""A secret, or a list of which every entry is accepted. To rotate a secret, pass the new one and the old one."""

_TOKEN_PARAMETER: Final = "token"  # noqa: S105 - the name of the query parameter
_BASIC: Final = re.compile(rb"[Bb][Aa][Ss][Ii][Cc] +(.+)")
_BLANK: Final = re.compile(r"[\x00-\x20\x7f]")
_WEEK: Final = 604_800


def check_secret(received: str | bytes | None, expected: Secrets) -> bool:
    """Return whether a received secret is an expected one. The time that this takes depends on neither.

    :param received: The secret in the request, such as a query parameter of the callback URL. None and an empty string
        are wrong.
    :param expected: Your secret, or a list of which every entry is accepted (for rotation).
    :raises ValueError: `expected` is None or empty, or has an empty entry.
    :raises TypeError: `expected` is neither a string, nor bytes, nor a list of these.
    """
    return _is_one_of(received, as_secrets(expected, "secret"))


def _is_one_of(received: str | bytes | None, secrets: list[bytes]) -> bool:
    digests = [sha256(secret).digest() for secret in secrets]
    if not isinstance(received, str | bytes):
        return False
    digest = sha256(_as_bytes(received)).digest()
    # All are compared, so that the time doesn't show which one matches.
    return sum(hmac.compare_digest(digest, other) for other in digests) > 0


def require_secret(secret: Secrets | None) -> Secrets:
    """Return a secret unchanged, or raise if it is empty. Call it where your application starts.

    ``SECRET = require_secret(os.environ.get("EXOTEL_SECRET"))`` fails at import if the variable is unset or empty.
    Without it, an empty secret fails at the first request.

    :param secret: A secret, or a list of which every entry is accepted (for rotation).
    :return: The secret, or the list.
    :raises ValueError: `secret` is None or empty, or has an empty entry.
    :raises TypeError: `secret` is neither a string, nor bytes, nor a list of these.
    """
    if not isinstance(secret, str | bytes):
        secret = cast("list[str | bytes]", list(_iterable(secret, "secret")))
    as_secrets(secret, "secret")
    return secret


def check_basic_auth(header: str | bytes | None, username: Secrets, password: Secrets) -> bool:
    """Return whether an ``Authorization`` header has this user name and password (RFC 7617).

    :param header: The value of the header. None if the request has none.
    :param username: Your user name, or a list of which every entry is accepted.
    :param password: Your password, or a list of which every entry is accepted (for rotation).
    :raises ValueError: `username` or `password` is None or empty, or has an empty entry.
    :raises TypeError: `username` or `password` is neither a string, nor bytes, nor a list of these.
    """
    match = _BASIC.fullmatch(_as_bytes(header).strip()) if isinstance(header, str | bytes) else None
    try:
        user, _, received = base64.b64decode(match[1] if match else b"", validate=True).partition(b":")
    except ValueError:
        user = received = b""
    # Both are compared, so that the time doesn't show whether the user is known.
    is_user = _is_one_of(user, as_secrets(username, "username"))
    is_password = _is_one_of(received, as_secrets(password, "password"))
    return is_user and is_password


def sign_url(url: str, secret: Secrets, subject: str) -> str:
    """Add a query parameter ``token`` that binds a callback URL to one subject and to the time of signing.

    A leaked URL is then valid only for one order or one called number, and for a limited time. Only the subject and the
    time are signed. The host and the path aren't, because proxies change them, and neither is the rest of the query. So
    put every query value that your handler relies on into the subject.

    :param url: The ``StatusCallback`` URL. An existing ``token`` is replaced, and everything else stays unchanged.
    :param secret: Your secret, or a list whose first entry signs.
    :param subject: The purpose of the URL, such as an order number. Your handler must know the same string when the
        callback arrives.
    :return: The URL with the token.
    :raises ValueError: `url`, `secret` or `subject` is empty, or `url` has whitespace or control characters.
    :raises TypeError: An argument has the wrong type.
    :raises ImportError: The extra ``signing`` isn't installed.
    """
    if not isinstance(cast("object", url), str):
        raise TypeError(f"url must be a string, not {type(url).__name__}")
    if not url or _BLANK.search(url):
        raise ValueError("url is empty, or contains whitespace or control characters")
    rest, hash_sign, fragment = url.partition("#")
    address, _, query = rest.partition("?")
    pairs = query.split("&") if query else []
    kept = [pair for pair in pairs if unquote_plus(pair.partition("=")[0]) != _TOKEN_PARAMETER]
    token = _signer(secret, subject).sign(b"v1").decode()
    return f"{address}?{'&'.join([*kept, f'{_TOKEN_PARAMETER}={token}'])}{hash_sign}{fragment}"


def verify_url(url: str | None, secret: Secrets, subject: str, *, max_age: int = _WEEK) -> bool:
    """Return whether a URL has a ``token`` that `sign_url` made with one of these secrets for this subject.

    :param url: The URL of the request. A ``?`` and the query string are enough.
    :param secret: Your secret, or a list of which every entry is accepted (for rotation).
    :param subject: The subject that the callback claims.
    :param max_age: The number of seconds for which a token is valid, by this machine's clock. The default is a week.
    :raises ValueError: `secret` or `subject` is empty, or `max_age` isn't a positive integer.
    :raises TypeError: `secret` or `subject` has the wrong type.
    :raises ImportError: The extra ``signing`` isn't installed.
    """
    if type(max_age) is not int or max_age <= 0:
        raise ValueError("max_age must be a positive integer, in seconds")
    signer = _signer(secret, subject)
    from itsdangerous import BadData

    try:
        query = parse_qsl(urlsplit(url).query, max_num_fields=1_024) if isinstance(url, str) else []
        tokens = [value for name, value in query if name == _TOKEN_PARAMETER]
        return len(tokens) == 1 and signer.unsign(tokens[0], max_age=max_age) == b"v1"
    except (BadData, ValueError):  # The token or the URL is invalid, or the URL has too many parameters.
        return False


def _signer(secret: Secrets, subject: str) -> "TimestampSigner":
    try:
        from itsdangerous import TimestampSigner
    except ModuleNotFoundError as error:
        raise ImportError("signed URLs need the extra 'signing'; run pip install 'exotel-callback[signing]'") from error
    if not isinstance(cast("object", subject), str):
        raise TypeError(f"subject must be a string, not {type(subject).__name__}")
    if not subject.strip():
        raise ValueError("subject must not be empty; pass what the URL is for, such as an order number")
    # The subject is part of the key and not of the token, so that the URL does not tell it. itsdangerous signs with
    # the last secret.
    salt = b"exotel_callback.auth.sign_url:" + _as_bytes(subject)
    secrets = [sha256(each).digest() for each in reversed(as_secrets(secret, "secret"))]
    return TimestampSigner(secrets, salt=salt, key_derivation="hmac", digest_method=sha256)


def as_secrets(given: Secrets | None, name: str, advice: str = "") -> list[bytes]:
    """Return the expected secrets as bytes; raise if there is none, or an empty one.

    :param name: The name of the secret in messages.
    :param advice: The end of the message for an empty secret.
    """
    several = [given] if isinstance(given, str | bytes) else list(_iterable(given, name))
    secrets: list[bytes] = []
    for secret in several or [""]:
        if not isinstance(secret, str | bytes):
            raise TypeError(f"the {name} must be str or bytes, not {type(secret).__name__}")
        if not secret.strip():
            raise ValueError(f"the {name} is None or empty: is the environment variable set?{advice}")
        secrets.append(_as_bytes(secret))
    return secrets


def _iterable(given: object, name: str) -> Iterable[object]:
    kind = type(given).__name__
    if given is None:
        return ()
    if isinstance(given, Mapping) or not isinstance(given, Iterable):
        raise TypeError(f"the {name} must be str, bytes or a list of these, not {kind}")
    return cast("Iterable[object]", given)


def _as_bytes(text: str | bytes) -> bytes:
    if isinstance(text, bytes):
        return text
    try:  # `os.environ` and the adapters decode bytes that aren't UTF-8 into surrogates.
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # Another lone surrogate, which stands for no byte.
        return text.encode("utf-8", "surrogatepass")
