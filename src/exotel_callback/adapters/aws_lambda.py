"""Parse a callback in an AWS Lambda handler: ``callback = parse_event(event, secret=...)``.

The handler can be behind an API Gateway, a function URL or a load balancer.

Facts
-----
- Version 1.0 (REST API, and a load balancer) has ``multiValueHeaders`` and ``multiValueQueryStringParameters``, or the
  same members with one value each. Version 2.0 (HTTP API, function URL) has lower-case ``headers`` and
  ``rawQueryString``.
- If AWS treats a body as binary, for example multipart, the body is in base64 and ``isBase64Encoded`` is true.
- A load balancer doesn't unescape query parameters.

Sources: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html,
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html.
"""

import base64
from collections.abc import Mapping
from typing import Any, Unpack, cast, overload

from exotel_callback._errors import DecodeError
from exotel_callback._model.callback import StatusCallback
from exotel_callback._parse import parse

from ._shared import READS_QUERY, Event, Options, Reader, Settings

__all__ = ["parse_event"]


@overload
def parse_event(event: Mapping[str, Any], **options: Unpack[Options]) -> StatusCallback: ...
@overload
def parse_event(event: Mapping[str, Any], *, reader: Reader[Event], **options: Unpack[Options]) -> Event: ...
def parse_event(event: Mapping[str, Any], *, reader: Reader[Any] = parse, **options: Unpack[Options]) -> Any:
    """Parse the StatusCallback, or another event, in an event.

    :param event: The handler's event, in payload version 1.0 or 2.0, or from a load balancer.
    :param reader: The function that parses the request, as in `Reader`.
    :param options: The other arguments, as in `Options`.
    :return: The event that `reader` returns.
    :raises CallbackError: The secret is wrong, or the request can't be parsed. Answer with its ``status_hint``.
    :raises TypeError: `event` isn't a mapping.
    """
    settings = Settings(reader, **options)
    if not isinstance(cast("object", event), Mapping):
        raise TypeError(f"parse_event() takes the event that AWS passes to a handler, not {type(event).__name__}")
    body = event.get("body") or ""
    is_base64 = event.get("isBase64Encoded") is True
    # Four characters of base64 are three bytes, so a body that is too large doesn't have to be decoded.
    length = len(body) * 3 // 4 - 2 if is_base64 and isinstance(body, str) else None
    query = _query(event)
    settings.admit(query, length)
    if _method(event) in READS_QUERY:
        return settings.parse_query(query)
    if not isinstance(body, str):
        raise DecodeError(f"the event's body must be a string, not {type(body).__name__}")
    return settings.parse(_decoded(body) if is_base64 else body, _content_type(event))


def _decoded(body: str) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        pass
    raise DecodeError("the event's body is not valid base64")


def _query(event: Mapping[str, Any]) -> str | dict[str, list[str]]:
    """Return the query of the request, or the values of each parameter if AWS has unescaped them."""
    query = event.get("rawQueryString")
    if isinstance(query, str):
        return query
    values = _all_values(event, "multiValueQueryStringParameters", "queryStringParameters")
    if "elb" not in _mapping(event, "requestContext"):
        return values
    # Two names that are escaped differently can be one parameter, which is then repeated.
    return "&".join(f"{name}={value}" for name, several in values.items() for value in several)


def _method(event: Mapping[str, Any]) -> object:
    return event.get("httpMethod") or _mapping(_mapping(event, "requestContext"), "http").get("method")


def _content_type(event: Mapping[str, Any]) -> str | None:
    headers = _all_values(event, "multiValueHeaders", "headers")
    return next((values[0] for name, values in headers.items() if name.lower() == "content-type" and values), None)


def _all_values(event: Mapping[str, Any], multiple: str, single: str) -> dict[str, list[str]]:
    """Return the values of each name, from the member with multiple values or else the one with single values.

    A name or a value that isn't a string is ignored.
    """
    values = _mapping(event, multiple) or {name: [value] for name, value in _mapping(event, single).items()}
    return {
        name: values[name]
        for name in values
        if isinstance(name, str)
        and isinstance(values[name], list)
        and all(isinstance(value, str) for value in values[name])
    }


def _mapping(event: Mapping[str, Any], name: str) -> Mapping[Any, Any]:
    return event[name] if isinstance(event.get(name), Mapping) else {}
