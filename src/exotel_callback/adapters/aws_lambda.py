"""For AWS Lambda: ``callback = parse_event(event, secret=...)`` behind an API Gateway, function URL or load balancer.

Facts
-----
- Version 1.0 (REST API, and a load balancer) has ``multiValueHeaders`` and ``multiValueQueryStringParameters``, or the
  same with one value each; version 2.0 (HTTP API, function URL) has lower-case ``headers`` and ``rawQueryString``.
- A body that is no text to AWS, such as multipart, comes in base64, with ``isBase64Encoded``.
- A load balancer does not unescape query parameters.

Sources: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html,
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html.
"""

import base64
from collections.abc import Mapping
from typing import Any, Unpack, cast
from urllib.parse import unquote_plus

from exotel_callback._errors import DecodeError
from exotel_callback._model.callback import StatusCallback

from ._shared import Options, Settings, query_values

__all__ = ["parse_event"]


def parse_event(event: Mapping[str, Any], **options: Unpack[Options]) -> StatusCallback:
    """Parse the StatusCallback that an event carries.

    :param event: The handler's event, in payload version 1.0 or 2.0, or that of a load balancer.
    :param options: ``secret``, ``secret_parameter``, ``strict``, ``timezone`` and ``limits``.
    :raises AuthenticationError: The secret is wrong or missing; before anything is read.
    :raises CallbackError: As `exotel_callback.parse`. Answer with its ``status_hint``.
    :raises ValueError: ``secret`` is given and empty, or ``secret_parameter`` is empty.
    :raises TypeError: An option is not what it should be, or `event` is no mapping.
    """
    settings = Settings(**options)
    if not isinstance(cast("object", event), Mapping):
        raise TypeError(f"parse_event() takes the event that AWS passes to a handler, not {type(event).__name__}")
    body = event.get("body") or ""
    is_base64 = event.get("isBase64Encoded") is True
    # Four characters are three bytes, so what is too large need not be decoded.
    length = len(body) * 3 // 4 - 2 if is_base64 and isinstance(body, str) else None
    settings.admit(_secrets(event, settings.secret_parameter), length)
    if not isinstance(body, str):
        raise DecodeError(f"the event's body must be a string, not {type(body).__name__}")
    return settings.parse(_decoded(body) if is_base64 else body, _content_type(event))


def _decoded(body: str) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        pass
    raise DecodeError("the event's body is not valid base64")


def _secrets(event: Mapping[str, Any], parameter: str) -> list[str]:
    query = event.get("rawQueryString")
    if isinstance(query, str):
        return query_values(query, parameter)
    values = _several(event, "multiValueQueryStringParameters", "queryStringParameters")
    if "elb" in _mapping(event, "requestContext"):
        values = {unquote_plus(name): [unquote_plus(value) for value in among] for name, among in values.items()}
    return values.get(parameter, [])


def _content_type(event: Mapping[str, Any]) -> str | None:
    headers = _several(event, "multiValueHeaders", "headers")
    return next((values[0] for name, values in headers.items() if name.lower() == "content-type" and values), None)


def _several(event: Mapping[str, Any], several: str, single: str) -> dict[str, list[str]]:
    """Return each name's values, from the member that holds several or else the one with one each; only texts count."""
    values = _mapping(event, several) or {name: [value] for name, value in _mapping(event, single).items()}
    return {
        name: values[name]
        for name in values
        if isinstance(name, str)
        and isinstance(values[name], list)
        and all(isinstance(value, str) for value in values[name])
    }


def _mapping(event: Mapping[str, Any], name: str) -> Mapping[Any, Any]:
    return event[name] if isinstance(event.get(name), Mapping) else {}
