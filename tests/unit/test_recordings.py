"""Test to which URLs the API key may be sent: those of Exotel, and none that two programs could read differently."""

import pytest

from exotel_callback import parse
from exotel_callback.recordings import EXOTEL_PREFIXES, is_trusted
from helpers import LEAST

HOST = "recordings.exotel.com"
GOOD = f"https://{HOST}/exotelrecordings/acme/f00.mp3"


@pytest.mark.parametrize(
    "url",
    [
        GOOD,
        "https://s3-ap-southeast-1.amazonaws.com/exotelrecordings/acme/f00.mp3",
        "https://s3-ap-south-1.amazonaws.com/exotel-mum1-recordings/acme/f00.mp3",
        "https://s3-ap-south-1.amazonaws.com/exotel-mum1-recordings/acme/f00.mp3?X-Amz-Expires=300&X-Amz-Signature=0",
        f"https://{HOST}:443/exotelrecordings/acme/f00.mp3",
        f"HTTPS://{HOST.upper()}/exotelrecordings/acme/f00.mp3",
        f"{GOOD}?X-Amz-Expires=300&X-Amz-Credential=A%2F20260203%2Fs3&X-Amz-Signature=00ff",
        f"{GOOD}?next=https://example.com/../x",
        f"https://{HOST}/exotelrecordings/acme/a%20b.mp3",
        f"https://{HOST}/exotelrecordings/acme/a..b.mp3",
        f"https://{HOST}/exotelrecordings/",
    ],
)
def test_trusted_urls(url):
    """A URL that Exotel sends isn't trusted, such as a presigned one, or one in another case."""
    assert is_trusted(url)


# The URLs to which a key must not be sent, each with the reason.
TRICKS = {
    # not https
    f"http://{HOST}/exotelrecordings/a.mp3": "anybody on the way reads the key",
    f"ftp://{HOST}/exotelrecordings/a.mp3": "another protocol",
    f"//{HOST}/exotelrecordings/a.mp3": "the scheme of whatever it is resolved against",
    f"{HOST}/exotelrecordings/a.mp3": "no scheme at all",
    f"https:/{HOST}/exotelrecordings/a.mp3": "browsers mend it, libraries do not",
    f"https:{HOST}/exotelrecordings/a.mp3": "the same, without any slash",
    f"https:///{HOST}/exotelrecordings/a.mp3": "an empty host, or a mended one",
    f"https:////{HOST}/exotelrecordings/a.mp3": "the same, with one more",
    f"javascript://{HOST}/exotelrecordings/a.mp3": "code",
    f"file://{HOST}/exotelrecordings/a.mp3": "a local file",
    f"data:text/plain,https://{HOST}/exotelrecordings/": "data",
    f"view-source:https://{HOST}/exotelrecordings/a.mp3": "a scheme around it",
    f"httpſ://{HOST}/exotelrecordings/a.mp3": "a long s, which lower-cases to s",
    f"https ://{HOST}/exotelrecordings/a.mp3": "a blank in the scheme",
    # the user part
    f"https://{HOST}@evil.example/exotelrecordings/a.mp3": "the host is evil.example",
    f"https://{HOST}:x@evil.example/exotelrecordings/a.mp3": "the same, with a password",
    f"https://user@{HOST}/exotelrecordings/a.mp3": "a user part is nobody's business here",
    f"https://:@{HOST}/exotelrecordings/a.mp3": "an empty one",
    f"https://evil.example\\@{HOST}/exotelrecordings/a.mp3": "a backslash is a slash to browsers",
    f"https://evil.example%40{HOST}/exotelrecordings/a.mp3": "an escaped at sign in the host",
    f"https://evil.example/@{HOST}/exotelrecordings/a.mp3": "the at sign is in the path",
    # the port
    f"https://{HOST}:8443/exotelrecordings/a.mp3": "another server on that host",
    f"https://{HOST}:80/exotelrecordings/a.mp3": "not the port of https",
    f"https://{HOST}:/exotelrecordings/a.mp3": "an empty port",
    f"https://{HOST}:0443/exotelrecordings/a.mp3": "a port with a zero before it",
    f"https://{HOST}:443@evil.example/exotelrecordings/a.mp3": "not a port but a password",
    f"https://{HOST}:443:443/exotelrecordings/a.mp3": "two ports",
    f"https://{HOST}:４４３/exotelrecordings/a.mp3": "digits of another script",
    # the host
    "https://evil.example/exotelrecordings/a.mp3": "another host",
    f"https://{HOST}.evil.example/exotelrecordings/a.mp3": "the host as a prefix of another",
    f"https://evil-{HOST}/exotelrecordings/a.mp3": "the host as the end of another",
    f"https://evil.{HOST}/exotelrecordings/a.mp3": "a host below it",
    "https://exotel.com/exotelrecordings/a.mp3": "a host above it",
    f"https://{HOST}./exotelrecordings/a.mp3": "a dot at the end is another name to certificates and proxies",
    f"https://.{HOST}/exotelrecordings/a.mp3": "a dot before it",
    "https://recordings..exotel.com/exotelrecordings/a.mp3": "an empty label",
    "https://recordings.exotel.com%00.evil.example/exotelrecordings/a.mp3": "NUL ends text in C",
    "https://recordings%2eexotel.com/exotelrecordings/a.mp3": "an escaped dot in the host",
    "https://recordings.exotel.com%2f.evil.example/exotelrecordings/a.mp3": "an escaped slash in the host",
    "https://recordings。exotel.com/exotelrecordings/a.mp3": "an ideographic full stop, which IDNA makes a dot",
    "https://recordings．exotel.com/exotelrecordings/a.mp3": "a full-width dot",
    "https://ｒecordings.exotel.com/exotelrecordings/a.mp3": "a full-width letter",
    "https://recordings.еxotel.com/exotelrecordings/a.mp3": "a Cyrillic letter",
    "https://recordingſ.exotel.com/exotelrecordings/a.mp3": "a long s",
    "https://recordings.exotel.com\u200b/exotelrecordings/a.mp3": "a zero-width blank",
    "https://xn--recordings.exotel.com/exotelrecordings/a.mp3": "another name in Punycode",
    "https://127.0.0.1/exotelrecordings/a.mp3": "this machine",
    "https://[::1]/exotelrecordings/a.mp3": "this machine, in IPv6",
    "https://169.254.169.254/exotelrecordings/a.mp3": "a cloud's metadata",
    "https://2130706433/exotelrecordings/a.mp3": "this machine, as one number",
    "https://localhost/exotelrecordings/a.mp3": "this machine, by name",
    f"https://{HOST},evil.example/exotelrecordings/a.mp3": "two hosts",
    f"https://{HOST} .evil.example/exotelrecordings/a.mp3": "a blank in the host",
    f"https://[{HOST}]/exotelrecordings/a.mp3": "brackets are for IPv6",
    # a host that is shared
    "https://s3-ap-southeast-1.amazonaws.com/evil/a.mp3": "another customer of the shared host",
    "https://s3-ap-southeast-1.amazonaws.com/exotelrecordings-evil/a.mp3": "a bucket with a longer name",
    "https://s3-ap-southeast-1.amazonaws.com/exotelrecordings": "the bucket's name without its slash",
    "https://s3-ap-southeast-1.amazonaws.com/Exotelrecordings/a.mp3": "paths differ by case",
    "https://exotelrecordings.s3-ap-southeast-1.amazonaws.com/a.mp3": "not on the list, whoever owns it",
    "https://s3.amazonaws.com/exotelrecordings/a.mp3": "another region, where the name may be somebody else's",
    "https://s3-ap-southeast-1.amazonaws.com/": "the host alone proves nothing",
    f"https://{HOST}/": "the host alone, without the path",
    f"https://{HOST}": "not even a path",
    f"https://{HOST}?/exotelrecordings/a.mp3": "the path is in the query",
    # dot segments
    f"https://{HOST}/exotelrecordings/../evil/a.mp3": "leaves the prefix",
    f"https://{HOST}/exotelrecordings/..": "leaves it at the end",
    f"https://{HOST}/exotelrecordings/./a.mp3": "two programs may count it differently",
    f"https://{HOST}/exotelrecordings/%2e%2e/evil/a.mp3": "the same, escaped",
    f"https://{HOST}/exotelrecordings/.%2E/evil/a.mp3": "half of it escaped",
    f"https://{HOST}/exotelrecordings/%252e%252e/evil/a.mp3": "escaped twice",
    f"https://{HOST}/exotelrecordings/..%2fevil/a.mp3": "with an escaped slash",
    f"https://{HOST}/exotelrecordings/..%5cevil/a.mp3": "with an escaped backslash",
    f"https://{HOST}/exotelrecordings/..\\evil/a.mp3": "with a backslash",
    f"https://{HOST}/exotelrecordings/..;/evil/a.mp3": "to some servers the same as two dots",
    f"https://{HOST}/exotelrecordings/..%20/evil/a.mp3": "to some systems the same, as they trim blanks",
    f"https://{HOST}/exotelrecordings/%2e%2e;x/evil/a.mp3": "the same, escaped",
    f"https://{HOST}/evil/../exotelrecordings/a.mp3": "comes back to the prefix",
    f"https://{HOST}/%65xotelrecordings/a.mp3": "the prefix itself escaped",
    f"https://{HOST}//exotelrecordings/a.mp3": "an empty segment before it",
    f"https://{HOST}/exotelrecordings%2fa.mp3": "the slash of the prefix escaped",
    f"https://{HOST}/exotelrecordings/a%2fb.mp3": "an escaped slash, to some programs another segment",
    f"https://{HOST}\\exotelrecordings\\a.mp3": "backslashes for slashes",
    # characters
    f"{GOOD}#fragment": "a fragment is for nobody, and hides what follows",
    f"{GOOD}#@evil.example/": "a fragment that some take for a host",
    f" {GOOD}": "a blank before it",
    f"{GOOD} ": "a blank after it",
    f"{GOOD}\n": "a line's end after it",
    f"{GOOD}\r\nHost: evil.example": "a header of its own",
    f"{GOOD}?a=\r\nHost:evil.example": "the same, in the query",
    f"\t{GOOD}": "a tab before it",
    f"https://{HOST}/exotel\trecordings/a.mp3": "a tab, which browsers cut",
    f"https://{HOST}/exotelrecordings/\0": "NUL",
    f"https://{HOST}/exotelrecordings/%00": "NUL, escaped",
    f"https://{HOST}/exotelrecordings/%0d%0aHost:evil.example": "a header of its own, escaped",
    f"https://{HOST}/exotelrecordings/%zz": "a broken escape",
    f"https://{HOST}/exotelrecordings/a%": "half an escape",
    f"https://{HOST}/exotelrecordings/a.mp3?%2": "half an escape, in the query",
    f"https://{HOST}/exotelrecordings/..%85/a.mp3": "an upper folder with what some servers take for a blank",
    f"https://{HOST}/exotelrecordings/..%a0/a.mp3": "an upper folder with another such blank",
    f"https://{HOST}/exotelrecordings/é.mp3": "not ASCII",
    f"https://{HOST}/exotelrecordings/%c3%a9.mp3": "not ASCII, escaped",
    f"https://{HOST}/exotelrecordings/%3fa.mp3": "an escaped question mark",
    f"https://{HOST}/exotelrecordings/%23a.mp3": "an escaped fragment",
    f"https://{HOST}/exotelrecordings/<a>": "brackets are not allowed in a URL",
    f'https://{HOST}/exotelrecordings/"a"': "quotes are not either",
    f"https://{HOST}/exotelrecordings/{{a}}": "braces are for templates",
    f"https://{HOST}/exotelrecordings/\ud800": "half of a surrogate pair",
    f"{GOOD}?a=b\\c": "a backslash in the query",
    "": "nothing",
    "https://": "no host",
    "null": "a word for nothing",
}


@pytest.mark.parametrize("url", TRICKS, ids=TRICKS.values())
def test_tricks(url):
    """A URL that an attacker could use to get the API key is trusted."""
    assert not is_trusted(url)


def test_no_trick_is_listed_twice():
    """A repeated key in the dict of tricks hides one of them."""
    assert len(TRICKS) == 111  # The number of lines above.


@pytest.mark.parametrize("url", [None, 5, b"https://recordings.exotel.com/exotelrecordings/", [GOOD], object()])
def test_a_url_of_the_wrong_type(url):
    """A value that isn't a string is trusted, or raises."""
    assert not is_trusted(url)


def test_a_callback_without_a_recording():
    """The missing recording of a callback is trusted, or raises."""
    assert not is_trusted(parse(LEAST).recording_url)


def test_own_prefixes():
    """The user's prefixes don't replace Exotel's, or a single string isn't accepted."""
    own = "https://Bucket.example:443/recordings/"
    assert is_trusted("https://bucket.example/recordings/a.mp3", own)
    assert is_trusted("https://bucket.example/recordings/a.mp3", [*EXOTEL_PREFIXES, own])
    assert not is_trusted("https://bucket.example/other/a.mp3", own)
    assert not is_trusted("https://buc\u212aet.example/recordings/a.mp3", own)
    assert not is_trusted(GOOD, own)


@pytest.mark.parametrize(
    "trusted",
    [
        [],
        (),
        "",
        "https://recordings.exotel.com",
        "https://recordings.exotel.com/exotelrecordings",
        "http://recordings.exotel.com/exotelrecordings/",
        "recordings.exotel.com/",
        "https://recordings.exotel.com/exotelrecordings/?a=/",
        "https://recordings.exotel.com/exotelrecordings/../",
        [GOOD],
        [None],
        [*EXOTEL_PREFIXES, ""],
    ],
    ids=repr,
)
def test_invalid_prefixes(trusted):
    """An empty list, which trusts nothing, or a prefix without its slash, which trusts too much, doesn't raise."""
    with pytest.raises(
        ValueError, match=r"^(trusted must not be empty|a trusted prefix must have the form https://host/path/ .*)$"
    ):
        is_trusted(GOOD, trusted)
