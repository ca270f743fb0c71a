"""Serve Sanic on the port that is the first argument."""

import sys

import sanic

from whole_requests import answer_whole

app = sanic.Sanic("calls", configure_logging=False)


async def calls(request):
    content_type = request.headers.get("content-type")
    status, text = answer_whole(request.method, request.query_string, content_type, request.body)
    return sanic.text(text, status)


app.add_route(calls, "/calls", methods=["GET", "POST"])

if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]), single_process=True, motd=False)
