"""Serve a small FastAPI app with uvicorn: ``python fastapi_app.py FD``, on the listening socket FD."""

import json
import os
import socket
import sys
from contextlib import suppress
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from one_url import Event, status_for, store

from exotel_callback import CallbackError, Limits, StatusCallback, dump, parse_any
from exotel_callback.adapters.fastapi import callback, parse_request

SECRET = "right"
BYTES = b"\xff\xfe"
SHORT = Limits(body_bytes=22)

app = FastAPI()


def answer(callback, status=200):
    # JSONResponse can't encode a lone surrogate, which a hostile name may contain.
    return Response(
        json.dumps({"dump": dump(callback), "raw": sorted(callback.raw)}), status, media_type="application/json"
    )


@app.exception_handler(CallbackError)
async def refuse(_: Request, error: CallbackError):
    return JSONResponse({"error": type(error).__name__, "message": str(error)}, error.status_hint)


@app.api_route("/plain", methods=["GET", "POST"])
async def plain(request: Request):
    return answer(await parse_request(request))


@app.api_route("/secret", methods=["GET", "POST"])
async def secret(request: Request):
    return answer(await parse_request(request, secret=SECRET))


@app.api_route("/form-first", methods=["GET", "POST"])
async def form_first(request: Request):
    with suppress(Exception):  # A middleware may do this.
        await request.form()
    return answer(await parse_request(request))


@app.api_route("/body-first", methods=["GET", "POST"])
async def body_first(request: Request):
    await request.body()
    return answer(await parse_request(request))


@app.api_route("/bytes", methods=["GET", "POST"])
async def secret_of_bytes(request: Request):
    return answer(await parse_request(request, secret=BYTES))


@app.post("/again")
async def again(request: Request):
    with suppress(CallbackError):
        await parse_request(request, limits=SHORT)
    return answer(await parse_request(request))


@app.api_route("/strict", methods=["GET", "POST"])
async def strict(request: Request):
    return answer(await parse_request(request, strict=True))


@app.post("/depends")
async def depends(callback: Annotated[StatusCallback, Depends(callback(secret=SECRET))]):
    return answer(callback)


@app.api_route("/one-url", methods=["GET", "HEAD", "POST"])
def one_url(event: Annotated[Event, Depends(callback(reader=parse_any, secret=SECRET))]):
    store(os.environ["CALLS_DB"], event)
    return answer(event, status_for(event))


if __name__ == "__main__":
    # Uvicorn's option --fd treats every socket as AF_UNIX, so each answer is 40 ms late.
    uvicorn.Server(uvicorn.Config(app)).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])
