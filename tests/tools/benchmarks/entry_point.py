"""Measure the time that the entry point adds to ``import hypothesis`` in a test run that doesn't use this library.

It starts fresh processes, in turn with and without the entry point, and prints the medians and their ratio::

    python tests/tools/benchmarks/entry_point.py --count 30
"""

import argparse
import os
import statistics
import subprocess
import sys

TIMED = "import time; start = time.perf_counter(); import hypothesis; print(time.perf_counter() - start)"


def seconds(**environment):
    done = subprocess.run(
        [sys.executable, "-c", TIMED], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=30)
    pairs = [(seconds(), seconds(HYPOTHESIS_NO_PLUGINS="1")) for _ in range(parser.parse_args().count)]
    with_it, without = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(first / second for first, second in pairs)
    print(f"with {with_it * 1e3:.0f} ms, without {without * 1e3:.0f} ms, median of paired ratios {ratio:.2f}")


if __name__ == "__main__":
    main()
