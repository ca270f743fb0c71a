"""Fuzz one target with atheris, guided by coverage, starting with the samples.

The targets and their invariants are in ``targets.py``, and the inputs and mutators in ``inputs.py``. atheris isn't a
dependency of the tests::

    pip install atheris -e ".[cli]"
    python tests/tools/fuzz/guided.py parse -max_total_time=600 corpus

The fuzzer adds the samples to the folder ``corpus``, and each input that reaches new code. It writes a failing input to
``crash-…``. To try it again, run ``python tests/tools/fuzz/guided.py parse crash-…``.
"""

import hashlib
import importlib
import pkgutil
import random
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import atheris

TESTS = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TESTS), str(TESTS / "tools" / "fuzz")]

with atheris.instrument_imports(include=["exotel_callback"]):
    import exotel_callback

    # Some modules are imported where they are needed. Later imports would not be measured.
    for _module in pkgutil.walk_packages(exotel_callback.__path__, "exotel_callback.", onerror=lambda _: None):
        with suppress(ImportError):
            if not _module.name.endswith("__main__"):
                importlib.import_module(_module.name)
    from targets import TARGETS, check_messages

MAX_BYTES = 2_048
REPORTED = 10_000


def main():
    """Fuzz the target that the first argument names, with the options and folders of libFuzzer."""
    if sys.argv[1:2] == [] or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: guided.py {'|'.join(TARGETS)} [-option=value ...] [corpus]")
    name = sys.argv.pop(1)
    target = TARGETS[name]
    counts = Counter()

    def check(data):
        result = target.check(data)
        check_messages(result, data)
        counts["refused" if isinstance(result, exotel_callback.CallbackError) else "values"] += 1
        if counts.total() % REPORTED == 0:
            print(name, dict(counts), file=sys.stderr)

    def mutate(data, max_size, seed):
        return target.mutate(data, random.Random(seed), lambda part: atheris.Mutate(part, max_size))[:max_size]

    corpus = next((Path(argument) for argument in sys.argv[1:] if Path(argument).is_dir()), None)
    for data in target.samples() if corpus else ():
        (corpus / hashlib.sha256(data).hexdigest()).write_bytes(data)
    atheris.Setup([*sys.argv, f"-max_len={MAX_BYTES}", "-len_control=0"], check, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
