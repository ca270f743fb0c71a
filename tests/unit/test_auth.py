"""Who may post: the right secret opens, everything else does not, and an empty one of ours is no open door."""

import base64
import random
import sys
import time
from unittest import mock

import pytest

from exotel_callback.auth import check_basic_auth, check_secret, sign_url, verify_url
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
    ],
)
def test_the_right_secret(received, expected):
    """As text or bytes; while it is replaced the old one is right too."""
    assert check_secret(received, expected) is True


def test_secrets_that_come_one_by_one():
    """Any iterable will do."""
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
    """Or none at all, or what is no text."""
    assert check_secret(received, SECRET) is False
    assert check_secret(received, [OLD, SECRET]) is False


def odd_inputs(count):
    rng = random.Random(1)
    alphabet = [*"aA0 \0\n%&=\u0130\u0131ß\ud800\U0001f600", SECRET]
    for _ in range(count):
        kind = rng.randrange(6)
        text = "".join(rng.choices(alphabet, k=rng.randrange(8)))
        yield [text, text.encode("utf-8", "surrogatepass"), rng.randbytes(5), None, text * 10_000, rng.random()][kind]


def test_ten_thousand_odd_inputs():
    """Never an exception, and never True for a wrong one."""
    for received in odd_inputs(10_000):
        right = received in (SECRET, SECRET.encode())
        assert check_secret(received, SECRET) is right
        assert check_secret(received, [OLD, SECRET]) is right


EMPTY_PAYLOAD = ["", b"", None, [], (), set(), [""], [SECRET, ""], [b""], " ", "\n", b"\t", [SECRET, " "], ["new", " "]]


@pytest.mark.parametrize("expected", EMPTY_PAYLOAD, ids=label)
@pytest.mark.parametrize("received", [None, "", SECRET])
def test_an_empty_secret_of_ours_is_no_open_door(expected, received):
    """The environment variable is not set: that is told at once, whatever was received."""
    with pytest.raises(ValueError, match=r"^the secret is None or empty: is the environment variable set\?$"):
        check_secret(received, expected)


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        (5, "the secret must be str, bytes or a list of these, not int"),
        ({SECRET: OLD}, "the secret must be str, bytes or a list of these, not dict"),
        ([5], "the secret must be str or bytes, not int"),
        ([SECRET, None], "the secret must be str or bytes, not NoneType"),
    ],
)
def test_what_can_be_no_secret(expected, says):
    """Is a mistake of the caller."""
    with pytest.raises(TypeError, match=f"^{says}$"):
        check_secret(SECRET, expected)


def test_every_secret_is_compared():
    """The time must not tell which of several was right."""
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
    """The password may hold a colon, the scheme is compared without case, and passwords rotate."""
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
    """Or a broken one, or none."""
    assert check_basic_auth(header, "exotel", "p:w") is False
    assert check_basic_auth(header, "XXXX", "XXXX") is False


@pytest.mark.parametrize(("username", "password"), [("", "x"), ("x", ""), (None, "x"), ("x", []), ("", "")])
@pytest.mark.parametrize("header", [None, basic("x:x")])
def test_an_empty_user_or_password_of_ours(header, username, password):
    """Is no open door either."""
    with pytest.raises(ValueError, match=r"^the (username|password) is None or empty"):
        check_basic_auth(header, username, password)


URL = "https://example.com/exotel?key=1"


def test_a_signed_url():
    """Carries a token, good for its subject only, and tells neither subject nor secret."""
    signed = sign_url(URL, SECRET, "order 12345")
    assert signed.startswith(f"{URL}&token=")
    assert verify_url(signed, SECRET, "order 12345") is True
    assert verify_url(signed, SECRET, "order 12346") is False
    assert verify_url(signed, OLD, "order 12345") is False
    assert "12345" not in signed
    assert "horse" not in signed


@pytest.mark.parametrize("subject", ["09876543210", "पता", "\ud800", "a" * 10_000, "order&token=x#?/"])
def test_any_text_is_a_subject(subject):
    """An order, a number, whatever the handler knows as well."""
    assert verify_url(sign_url(URL, SECRET, subject), SECRET, subject)


def test_host_and_path_are_not_signed():
    """Proxies change them; the query alone will do."""
    token = sign_url(URL, SECRET, "a").partition("token=")[2]
    assert verify_url(f"http://internal:8000/other?token={token}", SECRET, "a")
    assert verify_url(f"?token={token}", SECRET, "a")


def test_a_token_that_the_url_has_is_replaced():
    """And all else of it stays as it is."""
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
    """Byte for byte, but for a token in whatever spelling."""
    signed = sign_url(url, SECRET, "a")
    assert signed.startswith(kept)
    assert verify_url(signed, SECRET, "a")


@pytest.mark.parametrize("url", ["", " ", " https://e.com", "https://e.com/\n", "https://e.com/a b"])
def test_a_url_that_is_none(url):
    """A base address of the environment that is not set, for one."""
    with pytest.raises(ValueError, match=r"^url is empty, or contains whitespace or control characters$"):
        sign_url(url, SECRET, "a")


@pytest.mark.parametrize("url", [None, 5, b"https://e.com"])
def test_a_url_that_is_no_text(url):
    """Is a mistake of the caller."""
    with pytest.raises(TypeError, match=f"url must be a string, not {type(url).__name__}"):
        sign_url(url, SECRET, "a")


def test_what_a_release_signed_the_next_one_verifies():
    """So URLs that are under way stay good."""
    signed = f"{URL}&token=v1.ZVPxAA.ILv0NDXzL0J0pBacrulqEcnrnLEc1KmJ7s77cNzT_io"
    with mock.patch("time.time", return_value=1_700_000_000):
        assert sign_url(URL, SECRET, "a") == signed
        assert verify_url(signed, SECRET, "a", max_age=1)


def test_the_most_parameters_of_a_signed_url():
    """Are 1,024, its token among them."""
    assert verify_url(sign_url(f"{URL}{'&x=1' * 1_022}", SECRET, "a"), SECRET, "a")
    assert not verify_url(sign_url(f"{URL}{'&x=1' * 1_023}", SECRET, "a"), SECRET, "a")


def test_the_rest_of_the_query_is_not_signed():
    """What the handler believes of it belongs into the subject."""
    signed = sign_url("https://e.com/?amount=1", SECRET, "order 1 for 1")
    changed = signed.replace("amount=1", "amount=9")
    assert verify_url(changed, SECRET, "order 1 for 1")
    assert not verify_url(changed, SECRET, "order 1 for 9")


def test_secrets_that_hmac_would_take_for_one():
    """It pads a short key with NUL."""
    assert not verify_url(sign_url(URL, SECRET, "a"), SECRET + "\0", "a")


def test_secrets_rotate():
    """The first signs, each verifies."""
    signed = sign_url(URL, [SECRET, OLD], "a")
    assert verify_url(signed, SECRET, "a")
    assert not verify_url(signed, OLD, "a")
    assert verify_url(signed, [OLD, SECRET], "a")
    assert verify_url(sign_url(URL, OLD, "a"), [SECRET, OLD], "a")


def test_a_token_is_good_for_a_time():
    """By the clock: a week, or as long as you say; one of the future is not good."""
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
    """Is no token, and raises nothing."""
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
    """Is told at once, whatever the URL."""
    with pytest.raises(error, match=f"^{says}"):
        call(*given)


def test_without_the_extra(monkeypatch):
    """One sentence says how to install it."""
    monkeypatch.setitem(sys.modules, "itsdangerous", None)
    with pytest.raises(ImportError) as caught:
        sign_url(URL, SECRET, "a")
    assert str(caught.value) == "signed URLs need the extra 'signing'; run pip install 'exotel-callback[signing]'"


@pytest.mark.parametrize("max_age", [0, -1, None, "60", True, 1.5])
def test_an_age_that_is_none(max_age):
    """A token that is good forever is asked for by a large number."""
    with pytest.raises(ValueError, match=r"^max_age must be a positive integer, in seconds$"):
        verify_url(URL, SECRET, "a", max_age=max_age)
