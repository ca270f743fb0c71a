"""Answer requests as a Google Cloud Function."""

import json

from exotel_callback import CallbackError, dump, parse_any
from exotel_callback.adapters import flask


def calls(request):
    try:
        event = flask.parse_request(request, reader=parse_any, secret="right")
    except CallbackError as error:
        return str(error), error.status_hint
    return json.dumps({"dump": dump(event), "raw": sorted(event.raw)})
