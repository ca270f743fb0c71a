"""Test the frameworks' own multi-dicts, as their requests hold them."""

from urllib.parse import parse_qs

import pytest

from exotel_callback import parse
from helpers import FORM, PAGE, encode_form, flat_pairs

PAIRS = list(flat_pairs(PAGE))
BODY = encode_form(PAGE)[0]


def werkzeug(pairs):
    from werkzeug.datastructures import MultiDict

    return MultiDict(pairs)


def werkzeug_combined(pairs):
    from werkzeug.datastructures import CombinedMultiDict, MultiDict

    half = len(pairs) // 2
    return CombinedMultiDict([MultiDict(pairs[:half]), MultiDict(pairs[half:])])


def django(pairs):
    from django.conf import settings
    from django.http import QueryDict

    if not settings.configured:
        settings.configure()
    query = QueryDict(mutable=True)
    for name, value in pairs:
        query.appendlist(name, value)
    return query


def starlette_form(pairs):
    from starlette.datastructures import FormData

    return FormData(pairs)


def starlette_query(pairs):
    from starlette.datastructures import QueryParams

    return QueryParams(pairs)


def aiohttp(pairs):
    from multidict import MultiDict, MultiDictProxy

    return MultiDictProxy(MultiDict(pairs))


MULTI_DICTS = [werkzeug, werkzeug_combined, django, starlette_form, starlette_query, aiohttp]


@pytest.mark.parametrize("make", MULTI_DICTS)
def test_a_multi_dict(make):
    """A multi-dict is read in another way than its body, or a repeated value is lost."""
    callback = parse(make([*PAIRS, ("x", "1"), ("x", "2"), ("To", "09123456780")]))
    body = parse(BODY + b"&x=1&x=2&To=09123456780", FORM)
    assert callback == body
    assert [issue.path for issue in callback.issues] == ["To"]
    assert callback.raw == body.raw
    assert callback.raw["x"] == ("1", "2")


def test_parse_qs():
    """The dict of lists that `urllib.parse.parse_qs` returns is misread."""
    assert parse(parse_qs(BODY.decode(), keep_blank_values=True)) == parse(PAGE)


def test_an_upload_beside_a_value_of_the_same_name():
    """A file hides the value of its name, or leaves an issue, in one of the orders and frameworks."""
    from aiohttp.web import FileField
    from multidict import CIMultiDict, CIMultiDictProxy
    from starlette.datastructures import FormData, UploadFile
    from werkzeug.datastructures import CombinedMultiDict, FileStorage, MultiDict

    starlette = [(name, UploadFile(None, filename="a")) for name, _ in PAIRS]
    werkzeug = [(name, FileStorage()) for name, _ in PAIRS]
    field = [(name, FileField(name, "a", None, "", CIMultiDictProxy(CIMultiDict()))) for name, _ in PAIRS]
    for payload in (
        FormData([*starlette, *PAIRS]),
        FormData([*PAIRS, *starlette, *starlette]),
        CombinedMultiDict([MultiDict(PAIRS), MultiDict(werkzeug)]),
        CombinedMultiDict([MultiDict(werkzeug), MultiDict(PAIRS)]),
        aiohttp([*field, *PAIRS]),
        aiohttp([*PAIRS, *field]),
        [*werkzeug, *PAIRS],
        [*PAIRS, *werkzeug],
        {name: [file, value] for (name, file), (_, value) in zip(werkzeug, PAIRS, strict=True)},
    ):
        callback = parse(payload, strict=True)
        assert (callback, callback.raw, callback.extra) == (parse(PAGE), dict(PAIRS), {})
    several = [("To", "1"), ("To", FileStorage()), ("To", "2")]
    assert parse([("CallSid", "a"), ("Status", "busy"), *several]).raw["To"] == ("1", "2")
    files = parse({"CallSid": "a", "Status": "busy", "x": [FileStorage(), FileStorage()]})
    assert (files.extra, files.raw["x"]) == ({}, ("FileStorage", "FileStorage"))


def test_uploads():
    """A framework's object for an upload is read as a field."""
    from aiohttp.web import FileField
    from multidict import CIMultiDict, CIMultiDictProxy
    from starlette.datastructures import FormData, UploadFile
    from werkzeug.datastructures import CombinedMultiDict, FileStorage, MultiDict

    file_field = FileField("To", "a.txt", None, "text/plain", CIMultiDictProxy(CIMultiDict()))
    for files, name in [
        (FormData([*PAIRS, ("x", UploadFile(None, filename="a"))]), "UploadFile"),
        (CombinedMultiDict([MultiDict(PAIRS), MultiDict([("x", FileStorage())])]), "FileStorage"),
        (aiohttp([*PAIRS, ("x", file_field)]), "FileField"),
    ]:
        callback = parse(files)
        assert callback == parse(PAGE)
        assert callback.raw["x"] == name
        assert not callback.extra


def flask_request():
    import flask

    return flask.Request({"wsgi.input": None})


def django_request():
    from django.http import HttpRequest

    django([])  # Django needs settings.
    return HttpRequest()


def starlette_request():
    from starlette.requests import Request

    return Request({"type": "http", "headers": []})


def aiohttp_request():
    from aiohttp.test_utils import make_mocked_request

    return make_mocked_request("POST", "/")


def flask_response():
    import flask

    return flask.Response("CallSid=a&Status=busy")


def httpx_response():
    import httpx2

    return httpx2.Response(200)


REQUESTS = [flask_request, django_request, starlette_request, aiohttp_request, flask_response, httpx_response]


@pytest.mark.parametrize("make", REQUESTS)
def test_a_request_instead_of_its_body(make):
    """The message for a request or a response, which may be a mapping or an iterable, doesn't say what to pass."""
    with pytest.raises(TypeError, match=r"; use an adapter, or pass the body: request\.get_data\(\) in Flask"):
        parse(make())


def test_the_current_request_of_flask():
    """Flask's ``request``, a proxy that is awaitable and callable, isn't recognized as a request."""
    import flask

    context = flask.Flask("calls").test_request_context(method="POST")
    with context, pytest.raises(TypeError, match="not Request; use an adapter"):
        parse(flask.request)
