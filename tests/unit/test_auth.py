"""Test who may post: the right secret is accepted, any other is refused, and an empty expected secret raises."""

import base64
import random
import sys
import time
from unittest import mock

import pytest

from exotel_callback.auth import check_basic_auth, check_secret, require_secret, sign_url, verify_url
from helpers import label

SECRET = "correct horse"
OLD = "battery staple"


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (SECRET, SECRET),
        (SECRET.encode(), SECRET),
        (SECRET, SECRET.encode()),
        (SECRET, [SECRET, OLD]),
        (OLD, (SECRET, OLD)),
        (OLD, {SECRET, OLD}),
        ("पासवर्ड", "पासवर्ड"),
        ("\ud800", "\ud800"),
        ("\udcff", b"\xff"),
        (b"\xff", "\udcff"),
    ],
)
def test_the_right_secret(received, expected):
    """A right secret is refused, as a string or bytes, or as the old one during a rotation."""
    assert check_secret(received, expected) is True


def test_secrets_from_an_iterator():
    """An iterator of secrets is refused."""
    assert check_secret(OLD, iter([SECRET, OLD])) is True


@pytest.mark.parametrize(
    "received",
    [
        None,
        "",
        b"",
        SECRET[:-1],
        SECRET + " ",
        SECRET.upper(),
        "é",
        "\ud800",
        "\0",
        5,
        [SECRET],
        {SECRET: 1},
        object(),
        True,
    ],
    ids=label,
)
def test_a_wrong_secret(received):
    """A wrong, missing or mistyped secret is accepted, or raises an exception."""
    assert check_secret(received, SECRET) is False
    assert check_secret(received, [OLD, SECRET]) is False


def random_inputs(count):
    rng = random.Random(1)
    alphabet = [*"aA0 \0\n%&=\u0130\u0131ß\ud800\U0001f600", SECRET]
    for _ in range(count):
        kind = rng.randrange(6)
        text = "".join(rng.choices(alphabet, k=rng.randrange(8)))
        yield [text, text.encode("utf-8", "surrogatepass"), rng.randbytes(5), None, text * 10_000, rng.random()][kind]


def test_ten_thousand_random_inputs():
    """A random input raises an exception, or is accepted."""
    for received in random_inputs(10_000):
        right = received in (SECRET, SECRET.encode())
        assert check_secret(received, SECRET) is right
        assert check_secret(received, [OLD, SECRET]) is right


EMPTY_PAYLOAD = ["", b"", None, [], (), set(), [""], [SECRET, ""], [b""], " ", "\n", b"\t", [SECRET, " "], ["new", " "]]


@pytest.mark.parametrize("expected", EMPTY_PAYLOAD, ids=label)
@pytest.mark.parametrize("received", [None, "", SECRET])
def test_an_empty_expected_secret_raises(expected, received):
    """An empty expected secret, such as that of an unset environment variable, doesn't raise."""
    with pytest.raises(ValueError, match=r"^the secret is None or empty: is the environment variable set\?$"):
        check_secret(received, expected)


@pytest.mark.parametrize("secret", EMPTY_PAYLOAD, ids=label)
def test_a_required_secret_that_is_empty(secret):
    """An application with an unset or empty environment variable starts, and answers each request with 500."""
    with pytest.raises(ValueError, match=r"^the secret is None or empty: is the environment variable set\?$"):
        require_secret(secret)


@pytest.mark.parametrize("secret", [SECRET, SECRET.encode(), [SECRET, OLD]])
def test_a_required_secret(secret):
    """A secret is refused or changed where the application starts."""
    assert require_secret(secret) == secret
    assert check_secret(SECRET, require_secret(secret)) is True


def test_a_required_secret_from_an_iterator():
    """The check of an iterator of secrets uses it up."""
    assert require_secret(iter([SECRET, OLD])) == [SECRET, OLD]


@pytest.mark.parametrize("secret", [5, [5], {SECRET: OLD}, ...])
def test_a_required_secret_of_the_wrong_type(secret):
    """A secret of the wrong type doesn't raise where the application starts."""
    with pytest.raises(TypeError, match="the secret must be str"):
        require_secret(secret)


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        (5, "the secret must be str, bytes or a list of these, not int"),
        ({SECRET: OLD}, "the secret must be str, bytes or a list of these, not dict"),
        ([5], "the secret must be str or bytes, not int"),
        ([SECRET, None], "the secret must be str or bytes, not NoneType"),
    ],
)
def test_an_expected_secret_of_the_wrong_type(expected, says):
    """An expected secret of the wrong type doesn't raise `TypeError`."""
    with pytest.raises(TypeError, match=f"^{says}$"):
        check_secret(SECRET, expected)


def test_every_secret_is_compared():
    """The comparison stops at the first match, so that the time shows which secret matches."""
    with mock.patch("hmac.compare_digest", side_effect=[True, False, False]) as compare:
        assert check_secret("x", ["a", "b", "c"])
    assert compare.call_count == 3


def basic(text, scheme="Basic"):
    return f"{scheme} {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize(
    "header",
    [
        basic("exotel:p:w"),
        basic("exotel:p:w", "bAsIc"),
        basic("exotel:p:w").encode(),
        f" {basic('exotel:p:w')} ",
        basic("exotel:old"),
    ],
)
def test_the_right_user_and_password(header):
    """A right user name and password are refused: with a colon, in another scheme case, or during a rotation."""
    assert check_basic_auth(header, "exotel", ["p:w", "old"]) is True


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic !",
        "Basic é",
        "Basic Zg",
        basic("exotel"),
        basic("exotel:"),
        basic(":p:w"),
        basic("exotel:p"),
        basic("other:p:w"),
        basic("exotel:p:w", "Bearer"),
        basic("exotel:p:w", ""),
        basic("exotel:p:w") + " x",
        "Basic ZXhv!dGVsOnA6dw==",
        "Basic ZXhv=dGVsOnA6dw==",
        "\ud800",
        "Basic " + "A" * 100_000,
        5,
    ],
    ids=label,
)
def test_a_wrong_header(header):
    """A wrong, broken or missing header is accepted, or raises an exception."""
    assert check_basic_auth(header, "exotel", "p:w") is False
    assert check_basic_auth(header, "XXXX", "XXXX") is False


@pytest.mark.parametrize(("username", "password"), [("", "x"), ("x", ""), (None, "x"), ("x", []), ("", "")])
@pytest.mark.parametrize("header", [None, basic("x:x")])
def test_an_empty_expected_user_or_password_raises(header, username, password):
    """An empty expected user name or password doesn't raise."""
    with pytest.raises(ValueError, match=r"^the (username|password) is None or empty"):
        check_basic_auth(header, username, password)


URL = "https://example.com/exotel?key=1"


def test_a_signed_url():
    """A signed URL is refused for its subject, is accepted for another one, or reveals the subject or secret."""
    signed = sign_url(URL, SECRET, "order 12345")
    assert signed.startswith(f"{URL}&token=")
    assert verify_url(signed, SECRET, "order 12345") is True
    assert verify_url(signed, SECRET, "order 12346") is False
    assert verify_url(signed, OLD, "order 12345") is False
    assert "12345" not in signed
    assert "horse" not in signed


@pytest.mark.parametrize("subject", ["09876543210", "पता", "\ud800", "a" * 10_000, "order&token=x#?/"])
def test_any_string_is_a_subject(subject):
    """A string that isn't empty is refused as a subject."""
    assert verify_url(sign_url(URL, SECRET, subject), SECRET, subject)


def test_host_and_path_are_not_signed():
    """A signed URL becomes invalid when a proxy changes its host or path."""
    token = sign_url(URL, SECRET, "a").partition("token=")[2]
    assert verify_url(f"http://internal:8000/other?token={token}", SECRET, "a")
    assert verify_url(f"?token={token}", SECRET, "a")


def test_a_token_that_the_url_has_is_replaced():
    """An old token stays in the URL, or another part of the URL changes."""
    signed = sign_url("https://example.com/a?token=old&x=%20+&y#f", SECRET, "a")
    assert signed.startswith("https://example.com/a?x=%20+&y&token=v1.")
    assert signed.endswith("#f")
    assert verify_url(signed, SECRET, "a")


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://e.com/p?a=1&&b=2&", "https://e.com/p?a=1&&b=2&&token="),
        ("HTTP://E.com//a?x=%C3%A9", "HTTP://E.com//a?x=%C3%A9&token="),
        ("http:////a//b", "http:////a//b?token="),
        ("https://e.com/p?t%6Fken=x&a", "https://e.com/p?a&token="),
        ("/p", "/p?token="),
        ("/p?token=a=b", "/p?token=v1."),
    ],
)
def test_the_rest_of_a_url_stays_as_it_is(url, kept):
    """A byte of the URL outside the token changes."""
    signed = sign_url(url, SECRET, "a")
    assert signed.startswith(kept)
    assert verify_url(signed, SECRET, "a")


@pytest.mark.parametrize("url", ["", " ", " https://e.com", "https://e.com/\n", "https://e.com/a b"])
def test_an_invalid_url_can_not_be_signed(url):
    """An invalid URL, such as that of an unset environment variable, is signed."""
    with pytest.raises(ValueError, match=r"^url is empty, or contains whitespace or control characters$"):
        sign_url(url, SECRET, "a")


@pytest.mark.parametrize("url", [None, 5, b"https://e.com"])
def test_a_url_of_the_wrong_type(url):
    """A URL that isn't a string doesn't raise `TypeError`."""
    with pytest.raises(TypeError, match=f"url must be a string, not {type(url).__name__}"):
        sign_url(url, SECRET, "a")


def test_a_url_signed_by_an_earlier_release():
    """A URL that an earlier release signed becomes invalid after an upgrade."""
    signed = f"{URL}&token=v1.ZVPxAA.ILv0NDXzL0J0pBacrulqEcnrnLEc1KmJ7s77cNzT_io"
    with mock.patch("time.time", return_value=1_700_000_000):
        assert sign_url(URL, SECRET, "a") == signed
        assert verify_url(signed, SECRET, "a", max_age=1)


def test_the_maximum_of_parameters_of_a_signed_url():
    """A URL with 1,024 parameters is refused, or one with more is accepted."""
    assert verify_url(sign_url(f"{URL}{'&x=1' * 1_022}", SECRET, "a"), SECRET, "a")
    assert not verify_url(sign_url(f"{URL}{'&x=1' * 1_023}", SECRET, "a"), SECRET, "a")


def test_the_rest_of_the_query_is_not_signed():
    """A signed URL becomes invalid when another part of its query changes."""
    signed = sign_url("https://e.com/?amount=1", SECRET, "order 1 for 1")
    changed = signed.replace("amount=1", "amount=9")
    assert verify_url(changed, SECRET, "order 1 for 1")
    assert not verify_url(changed, SECRET, "order 1 for 9")


def test_secrets_that_hmac_would_take_for_one():
    """Two secrets that differ only in a trailing NUL are equal, because HMAC pads a short key."""
    assert not verify_url(sign_url(URL, SECRET, "a"), SECRET + "\0", "a")


def test_secrets_rotate():
    """The first secret doesn't sign, or one of the secrets doesn't verify."""
    signed = sign_url(URL, [SECRET, OLD], "a")
    assert verify_url(signed, SECRET, "a")
    assert not verify_url(signed, OLD, "a")
    assert verify_url(signed, [OLD, SECRET], "a")
    assert verify_url(sign_url(URL, OLD, "a"), [SECRET, OLD], "a")


def test_a_token_is_good_for_a_time():
    """A token is accepted after its time or from the future, or is refused within its time."""
    signed = sign_url(URL, SECRET, "a")
    now = time.time()
    for seconds, max_age, is_good in [
        (604_700, 604_800, True),
        (604_900, 604_800, False),
        (50, 60, True),
        (70, 60, False),
        (-3_600, 60, False),
    ]:
        with mock.patch("time.time", return_value=now + seconds):
            assert verify_url(signed, SECRET, "a", max_age=max_age) is is_good
    with mock.patch("time.time", return_value=now + 604_900):
        assert verify_url(signed, SECRET, "a") is False


def tampered():
    signed = sign_url(URL, SECRET, "a")
    head, _, token = signed.partition("token=")
    version, stamp, signature = token.split(".")
    return [
        head,
        f"{head}token=",
        f"{head}token={token}x",
        f"{head}token={token[:-1]}",
        f"{head}token={version}.{stamp}",
        f"{head}token={version}.AAAA.{signature}",
        f"{head}token=v2.{stamp}.{signature}",
        f"{head}token={token}&token={token}",
        f"{head}Token={token}",
        f"{head}token=%ff",
        f"{head}token=\ud800",
        f"{head}token=é",
        "https://[broken?token=x",
        f"{head}" + "&x=1" * 2_000 + f"&token={token}",
        "",
        None,
        5,
        signed.encode(),
    ]


@pytest.mark.parametrize("url", tampered(), ids=label)
def test_a_token_that_was_tampered_with(url):
    """A changed token is accepted, or raises an exception."""
    assert verify_url(url, SECRET, "a") is False


@pytest.mark.parametrize("call", [lambda *given: sign_url(URL, *given), lambda *given: verify_url(URL, *given)])
@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        (("", "a"), ValueError, "the secret is None or empty"),
        ((None, "a"), ValueError, "the secret is None or empty"),
        (([], "a"), ValueError, "the secret is None or empty"),
        ((SECRET, ""), ValueError, "subject must not be empty; pass what the URL is for, such as an order number$"),
        ((SECRET, " "), ValueError, "subject must not be empty; pass what the URL is for, such as an order number$"),
        ((SECRET, None), TypeError, "subject must be a string, not NoneType$"),
        ((SECRET, 5), TypeError, "subject must be a string, not int$"),
        ((5, "a"), TypeError, "the secret must be"),
    ],
)
def test_misuse(call, given, error, says):
    """A misused argument doesn't raise at once."""
    with pytest.raises(error, match=f"^{says}"):
        call(*given)


def test_without_the_extra(monkeypatch):
    """The error without the extra doesn't say how to install it."""
    monkeypatch.setitem(sys.modules, "itsdangerous", None)
    with pytest.raises(ImportError) as caught:
        sign_url(URL, SECRET, "a")
    assert str(caught.value) == "signed URLs need the extra 'signing'; run pip install 'exotel-callback[signing]'"


@pytest.mark.parametrize("max_age", [0, -1, None, "60", True, 1.5])
def test_an_invalid_age(max_age):
    """An invalid ``max_age`` doesn't raise, or makes a token valid forever."""
    with pytest.raises(ValueError, match=r"^max_age must be a positive integer, in seconds$"):
        verify_url(URL, SECRET, "a", max_age=max_age)
