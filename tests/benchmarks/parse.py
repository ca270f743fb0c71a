"""What parsing takes, as multiples of what the decoder alone takes, with and without the fast path.

In one process, in turn, every payload another one; the medians of paired rounds::

    python tests/benchmarks/parse.py --rounds 15
"""

import argparse
import json
import statistics
import sys
import time
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from exotel_callback import Limits, parse
from exotel_callback._multipart import read_parts
from helpers import ENCODERS, PAGE

COUNT = 1_000
PLAIN = Limits()  # not the default limits themselves, so the plain path reads


def seconds(function, payloads):
    start = time.perf_counter()
    for payload in payloads:
        function(payload)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    payloads = [{**PAGE, "CallSid": f"{number:032}", "CustomField": f"order_{number}"} for number in range(COUNT)]
    bodies = {name: [encode(payload)[0] for payload in payloads] for name, encode in ENCODERS.items()}
    types = {name: encode(PAGE)[1] for name, encode in ENCODERS.items()}
    boundary = types["multipart"].partition("boundary=")[2].encode()
    rows = {
        "JSON / json.loads": (bodies["json"], types["json"], json.loads, bodies["json"]),
        "dict / json.loads": (payloads, None, json.loads, bodies["json"]),
        "urlencoded / parse_qsl": (bodies["form"], types["form"], parse_qsl, bodies["form"]),
        "multipart / multipart": (
            bodies["multipart"],
            types["multipart"],
            lambda body: read_parts(body, boundary),
            bodies["multipart"],
        ),
    }
    print(f"{'':24}{'fast path':>12}{'plain path':>12}")
    for name, (sent, content_type, decode, decoded) in rows.items():
        ratios = {}
        for path, options in (("fast", {}), ("plain", {"limits": PLAIN})):
            ours = partial(parse, content_type=content_type, **options)
            times = [(seconds(ours, sent), seconds(decode, decoded)) for _ in range(rounds)]
            ratios[path] = statistics.median(first / second for first, second in times)
        print(f"{name:24}{ratios['fast']:12.2f}{ratios['plain']:12.2f}")


if __name__ == "__main__":
    main()
