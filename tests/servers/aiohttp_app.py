"""Serve a small aiohttp app with its own server: ``python aiohttp_app.py FD``, on the listening socket FD.

``client_max_size`` stays at its default of 1 MiB, as in most apps. It is above the limit of the library, so the
adapter refuses a body that is too large, and not aiohttp.
"""

import asyncio
import os
import socket
import sys
from contextlib import suppress

from aiohttp import web
from one_url import status_for, store

from exotel_callback import CallbackError, Limits, dump, parse_any
from exotel_callback.adapters.aiohttp import parse_request

SECRET = "right"
BYTES = b"\xff\xfe"
SHORT = Limits(body_bytes=22)

routes = web.RouteTableDef()


def answer(callback, status=200):
    return web.json_response({"dump": dump(callback), "raw": sorted(callback.raw)}, status=status)


@web.middleware
async def refuse(request, handler):
    try:
        return await handler(request)
    except CallbackError as error:
        answer = {"error": type(error).__name__, "message": str(error)}
        return web.json_response(answer, status=error.status_hint)


@routes.route("*", "/plain")
async def plain(request):
    return answer(await parse_request(request))


@routes.route("*", "/secret")
async def secret(request):
    return answer(await parse_request(request, secret=SECRET))


@routes.route("*", "/form-first")
async def form_first(request):
    with suppress(Exception):  # A middleware may do this.
        await request.post()
    return answer(await parse_request(request))


@routes.route("*", "/body-first")
async def body_first(request):
    await request.read()
    return answer(await parse_request(request))


@routes.route("*", "/bytes")
async def secret_of_bytes(request):
    return answer(await parse_request(request, secret=BYTES))


@routes.post("/again")
async def again(request):
    with suppress(CallbackError):
        await parse_request(request, limits=SHORT)
    return answer(await parse_request(request))


@routes.route("*", "/strict")
async def strict(request):
    return answer(await parse_request(request, strict=True))


@routes.route("*", "/one-url")
async def one_url(request):
    event = await parse_request(request, reader=parse_any, secret=SECRET)
    await asyncio.to_thread(store, os.environ["CALLS_DB"], event)
    return answer(event, status_for(event))


if __name__ == "__main__":
    app = web.Application(middlewares=[refuse])
    app.add_routes(routes)
    web.run_app(app, sock=socket.socket(fileno=int(sys.argv[1])))
