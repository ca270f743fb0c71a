"""Receive callbacks with Django."""

import logging
import os

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from exotel_callback import CallbackError
from exotel_callback.adapters.django import parse_request
from exotel_callback.auth import require_secret

from .models import store

SECRET = require_secret(os.environ.get("EXOTEL_SECRET"))  # without it, the server doesn't start
log = logging.getLogger("calls")


@csrf_exempt  # Exotel doesn't have your CSRF token
@require_POST
def exotel(request: HttpRequest) -> HttpResponse:
    """Store the event, and answer Exotel."""
    try:
        event = parse_request(request, secret=SECRET)
    except CallbackError as error:
        log.warning("refused: %s", error)
        return HttpResponse(status=error.status_hint)
    for issue in event.issues:
        log.warning("%s in call %s", issue.message, event.call_sid)
    store(event)
    return HttpResponse(status=200)
