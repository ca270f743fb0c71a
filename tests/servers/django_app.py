"""Define a small Django project in one file, for a real server: ``gunicorn django_app:app``.

``daphne django_app:asgi`` serves it under ASGI.
"""

import os
from contextlib import suppress
from functools import wraps

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from one_url import status_for, store

from exotel_callback import CallbackError, Limits, dump, parse_any
from exotel_callback.adapters.django import parse_request

SECRET = "right"
BYTES = b"\xff\xfe"
SHORT = Limits(body_bytes=22)

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
    ROOT_URLCONF=__name__,
)


def view(read):
    """Return a view that calls a function to read a callback. It is exempt from CSRF checks."""

    @csrf_exempt
    @wraps(read)
    def answer(request):
        try:
            callback = read(request)
        except CallbackError as error:
            answer = {"error": type(error).__name__, "message": str(error)}
            return JsonResponse(answer, status=error.status_hint)
        return JsonResponse({"dump": dump(callback), "raw": sorted(callback.raw)}, status=status_for(callback))

    return answer


@view
def secret(request):
    return parse_request(request, secret=SECRET)


@view
def form_first(request):
    with suppress(Exception):  # A middleware may do this.
        len(request.POST)
    return parse_request(request)


@view
def body_first(request):
    len(request.body)
    return parse_request(request)


@view
def secret_of_bytes(request):
    return parse_request(request, secret=BYTES)


@view
def again(request):
    with suppress(CallbackError):
        parse_request(request, limits=SHORT)
    return parse_request(request)


@view
def strict(request):
    return parse_request(request, strict=True)


@view
def one_url(request):
    event = parse_request(request, reader=parse_any, secret=SECRET)
    store(os.environ["CALLS_DB"], event)
    return event


urlpatterns = [
    path("plain", view(parse_request)),
    path("secret", secret),
    path("form-first", form_first),
    path("body-first", body_first),
    path("bytes", secret_of_bytes),
    path("again", again),
    path("strict", strict),
    path("one-url", one_url),
]

app = get_wsgi_application()
asgi = get_asgi_application()
