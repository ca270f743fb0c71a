"""Define a small Flask app, for a real server: ``gunicorn flask_app:app``."""

import os
from contextlib import suppress

from flask import Flask, jsonify, request
from one_url import status_for, store

from exotel_callback import CallbackError, Limits, dump, parse_any
from exotel_callback.adapters.flask import parse_request

SECRET = "right"
BYTES = b"\xff\xfe"
SHORT = Limits(body_bytes=22)

app = Flask(__name__)


def answer(callback):
    return jsonify(dump=dump(callback), raw=sorted(callback.raw))


@app.errorhandler(CallbackError)
def refuse(error):
    return jsonify(error=type(error).__name__, message=str(error)), error.status_hint


@app.route("/plain", methods=["GET", "POST"])
def plain():
    return answer(parse_request())


@app.route("/secret", methods=["GET", "POST"])
def secret():
    return answer(parse_request(request, secret=SECRET))


@app.route("/form-first", methods=["GET", "POST"])
def form_first():
    with suppress(Exception):  # A middleware may do this.
        len(request.form)
    return answer(parse_request(request))


@app.route("/body-first", methods=["GET", "POST"])
def body_first():
    request.get_data()
    return answer(parse_request(request))


@app.route("/bytes", methods=["GET", "POST"])
def secret_of_bytes():
    return answer(parse_request(secret=BYTES))


@app.route("/again", methods=["POST"])
def again():
    with suppress(CallbackError):
        parse_request(limits=SHORT)
    return answer(parse_request())


@app.route("/strict", methods=["GET", "POST"])
def strict():
    return answer(parse_request(strict=True))


@app.route("/one-url", methods=["GET", "POST"])
def one_url():
    event = parse_request(reader=parse_any, secret=SECRET)
    store(os.environ["CALLS_DB"], event)
    return answer(event), status_for(event)
