"""Answer a request of a framework that reads it before the handler runs, as the page on other frameworks shows."""

import json
from io import BytesIO

from exotel_callback import CallbackError, dump, parse_any
from exotel_callback.adapters import wsgi


def answer_whole(method, query, content_type, body):
    """Return the status and the text of the answer."""
    environ = {
        "REQUEST_METHOD": method,
        "QUERY_STRING": query,
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    }
    try:
        event = wsgi.parse_request(environ, reader=parse_any, secret="right")
    except CallbackError as error:
        return error.status_hint, str(error)
    return 200, json.dumps({"dump": dump(event), "raw": sorted(event.raw)})
