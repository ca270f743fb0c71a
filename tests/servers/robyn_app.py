"""Serve Robyn on the port that is the first argument. Robyn reads the arguments too, so it is removed."""

import sys

from robyn import Request, Response, Robyn

from helpers import ROOT
from pages import python_blocks
from whole_requests import answer_whole

port = int(sys.argv.pop())
app = Robyn(__file__)


page = ROOT / "docs" / "how-to" / "write-your-own-adapter.md"
shown = {}
exec(next(block for block in python_blocks(page) if "def query_of(" in block), shown)


def calls(request: Request):
    body = request.body.encode() if isinstance(request.body, str) else request.body
    query = shown["query_of"](request.query_params.to_dict())
    status, text = answer_whole(request.method, query, request.headers.get("content-type"), body)
    return Response(status, {}, text)


app.get("/calls")(calls)
app.post("/calls")(calls)

if __name__ == "__main__":
    app.start(host="127.0.0.1", port=port)
