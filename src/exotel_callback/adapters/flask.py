"""For Flask: ``callback = parse_request(secret=...)`` in a view."""

from io import BytesIO
from typing import TYPE_CHECKING, Unpack

import flask
from werkzeug.exceptions import RequestEntityTooLarge

from exotel_callback._errors import DecodeError
from exotel_callback._model.callback import StatusCallback

from ._shared import LOST, UNREADABLE, Options, Settings, least_of, query_values, read_at_most, too_large

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

__all__ = ["parse_request"]


def parse_request(request: "Request | None" = None, **options: Unpack[Options]) -> StatusCallback:
    """Parse the StatusCallback that a request carries. The body is kept, so that it can be read again.

    :param request: A request of Flask or Werkzeug; left out, the current one.
    :param options: ``secret``, ``secret_parameter``, ``strict``, ``timezone`` and ``limits``.
    :raises AuthenticationError: The secret is wrong or missing; before anything is read.
    :raises CallbackError: As `exotel_callback.parse`. Answer with its ``status_hint``.
    :raises ValueError: ``secret`` is given and empty, or ``secret_parameter`` is empty.
    :raises TypeError: An option is not what it should be.
    """
    settings = Settings(**options)
    request = flask.request if request is None else request
    length = request.content_length
    settings.admit(query_values(request.query_string, settings.secret_parameter), length)
    known = vars(request).keys()
    # The beginning may be missing.
    if length is None and "stream" in known and known.isdisjoint({"form", "_cached_data"}):
        raise DecodeError(LOST)
    try:
        if length is None:  # then only so much is read
            vars(request)["stream"] = BytesIO(read_at_most(request.stream.read, settings.options.limits.body_bytes + 1))
        body = request.get_data()
        pairs = () if body else request.form.items(multi=True)
    except RequestEntityTooLarge:
        problem = too_large()
    except Exception:  # noqa: BLE001 - see _shared
        problem = DecodeError(UNREADABLE)
    else:
        least = least_of(length, request.headers.get("Transfer-Encoding"))
        if body:
            return settings.parse_body(body, request.content_type, least)
        return settings.parse_form(pairs, least)
    raise problem
