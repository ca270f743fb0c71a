"""Send 5,000 callbacks to each adapter on a real server, from 8 connections. One in ten is hostile.

Every valid callback must be parsed and counted once, no answer may be a server error, and the memory must not grow. Run
it by hand. It exits with 1 if one of these fails::

    python tests/tools/load/callbacks.py --count 5000 --seed 1
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fuzz"))

from helpers import ENCODERS, PAGE
from hostile import hostile_payload
from server_processes import OTHERS, SERVERS, running

CONNECTIONS = 8
HOSTILE = 0.1
GROWTH = 1.2


def requests(count, rng):
    """Yield the requests: a sid for a valid callback or None for a hostile one, the body, and the content type."""
    for number in range(count):
        if rng.random() >= HOSTILE:
            sid = f"{number:032}"
            yield (sid, *rng.choice(list(ENCODERS.values()))({**PAGE, "CallSid": sid}))
            continue
        payload, content_type = None, None
        while not isinstance(payload, bytes):
            payload, content_type = hostile_payload(rng)
        yield None, payload, (content_type or "").strip() or None  # A client can't send an empty content type.


def play(port, share):
    """Send the requests of one connection. Return the sids that were parsed, and the statuses."""
    parsed, statuses = Counter(), Counter()
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
        for sid, body, content_type in share:
            try:
                answer = client.post(
                    "/plain", content=body, headers={"Content-Type": content_type} if content_type else {}
                )
            except httpx2.TransportError:  # A server may close the connection without reading a body that is too large.
                statuses["closed"] += 1
                parsed[f"lost {sid}"] += bool(sid)
                continue
            statuses[answer.status_code] += 1
            if sid:
                parsed[answer.json()["dump"]["call_sid"] if answer.status_code == 200 else f"lost {sid}"] += 1
    return parsed, statuses


def memory(log):
    """Return the resident memory, in MiB, of the processes that write to a log."""
    total = 0
    for output in Path("/proc").glob("[0-9]*/fd/1"):
        try:
            if output.readlink() == log:
                total += int((output.parents[1] / "statm").read_text().split()[1]) * 4096
        except OSError:  # The process has terminated, or isn't ours.
            continue
    return total / 2**20


def load(name, count, seed):
    """Send the requests to one adapter, and return the checks that fail."""
    rng = random.Random(seed)
    sent = list(requests(count, rng))
    with tempfile.TemporaryDirectory() as folder, running(name, Path(folder).resolve() / "log") as server:
        log = Path(folder).resolve() / "log"
        play(server.port, sent[: count // 10])  # Memory of modules that are loaded once doesn't count as growth.
        before, start = memory(log), time.perf_counter()
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            results = list(pool.map(lambda place: play(server.port, sent[place::CONNECTIONS]), range(CONNECTIONS)))
        seconds, after = time.perf_counter() - start, memory(log)
    parsed = sum((parsed for parsed, _ in results), Counter())
    statuses = sum((statuses for _, statuses in results), Counter())
    print(f"{name}: {count} in {seconds:.1f} s, {dict(statuses.most_common())}, {before:.0f} to {after:.0f} MiB")
    good = Counter(sid for sid, _, _ in sent if sid)
    faults = []
    if +parsed != good:
        faults.append(f"{len(good)} good ones were sent, {len(parsed & good)} of them counted once")
    if any(status != "closed" and status >= 500 for status in statuses):
        faults.append("there are errors of the server")
    if after > GROWTH * before:
        faults.append("memory grew")
    return [f"{name}: {fault}" for fault in faults]


def main():
    """Send the requests to one adapter after another."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=5_000)
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    options.add_argument("adapters", nargs="*", default=[*SERVERS, *OTHERS])
    arguments = options.parse_args()
    faults = [fault for name in arguments.adapters for fault in load(name, arguments.count, arguments.seed)]
    print("\n".join(faults) or f"all of it holds (seed {arguments.seed})")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
