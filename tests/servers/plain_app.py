"""Serve the adapters for Starlette, ASGI, WSGI and Lambda, each as an application that answers every path."""

import base64
import json

from starlette.requests import Request
from starlette.responses import Response

from exotel_callback import CallbackError, dump
from exotel_callback.adapters import asgi, aws_lambda, starlette, wsgi


def answer(callback):
    return 200, json.dumps({"dump": dump(callback)}).encode()


def refusal(error):
    return error.status_hint, json.dumps({"error": type(error).__name__}).encode()


async def starlette_app(scope, receive, send):
    if scope["type"] == "http":
        try:
            status, content = answer(await starlette.parse_request(Request(scope, receive)))
        except CallbackError as error:
            status, content = refusal(error)
        await Response(content, status, media_type="application/json")(scope, receive, send)


async def asgi_app(scope, receive, send):
    if scope["type"] == "http":
        try:
            status, content = answer(await asgi.parse_request(scope, receive))
        except CallbackError as error:
            status, content = refusal(error)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": content})


def respond(parse, start_response):
    try:
        status, content = answer(parse())
    except CallbackError as error:
        status, content = refusal(error)
    start_response(f"{status} _", [("Content-Type", "application/json")])
    return [content]


def wsgi_app(environ, start_response):
    return respond(lambda: wsgi.parse_request(environ), start_response)


def lambda_app(environ, start_response):
    """Read a request as API Gateway hands it to Lambda."""
    event = {
        "version": "2.0",
        "requestContext": {"http": {"method": environ["REQUEST_METHOD"]}},
        "headers": {"content-type": environ["CONTENT_TYPE"]} if "CONTENT_TYPE" in environ else {},
        "body": base64.b64encode(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))).decode(),
        "isBase64Encoded": True,
    }
    return respond(lambda: aws_lambda.parse_event(event), start_response)
