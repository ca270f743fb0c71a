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
from typing import Any, Unpack
from urllib.parse import parse_qs, unquote_plus

from exotel_callback._errors import DecodeError
from exotel_callback._model import StatusCallback

from ._shared import Options, Settings

__all__ = ["parse_event"]


def parse_event(event: Mapping[str, Any], **options: Unpack[Options]) -> StatusCallback:
    """Parse the StatusCallback that an event carries.

    :param event: The handler's event, in payload version 1.0 or 2.0, or that of a load balancer.
    :param options: ``secret``, ``secret_parameter``, ``strict``, ``timezone`` and ``limits``.
    :raises AuthenticationError: The secret is wrong or missing; before anything is read.
    :raises CallbackError: As `exotel_callback.parse`. Answer with its ``status_hint``.
    :raises ValueError: ``secret`` is given and empty.
    """
    settings = Settings(**options)
    body = event.get("body") or ""
    is_base64 = bool(event.get("isBase64Encoded"))
    # Four characters are three bytes, so what is too large need not be decoded.
    settings.admit(_query_values(event, settings.secret_parameter), len(body) * 3 // 4 - 2 if is_base64 else None)
    return settings.parse(_decoded(body) if is_base64 else body, _header(event, "content-type"))


def _decoded(body: str) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        pass
    message = "the event's body is not base64"
    raise DecodeError(message)


def _query_values(event: Mapping[str, Any], name: str) -> list[str]:
    if "rawQueryString" in event:
        return parse_qs(event["rawQueryString"], keep_blank_values=True).get(name, [])
    values = _several(event, "multiValueQueryStringParameters", "queryStringParameters").get(name, [])
    is_balancer = "elb" in (event.get("requestContext") or {})
    return [unquote_plus(value) for value in values] if is_balancer else values


def _header(event: Mapping[str, Any], name: str) -> str | None:
    headers = _several(event, "multiValueHeaders", "headers")
    return next((values[0] for key, values in headers.items() if key.lower() == name and values), None)


def _several(event: Mapping[str, Any], several: str, single: str) -> dict[str, list[str]]:
    """Return what an event has several values of a name of, or one."""
    values: dict[str, list[str]] | None = event.get(several)
    ones: dict[str, str] = event.get(single) or {}
    return values or {name: [value] for name, value in ones.items()}
