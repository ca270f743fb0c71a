"""Whether each row of each table, and each limit, is tested: every one is deleted and altered in turn.

Tools for mutation testing change code and leave tables alone, and this library is made of tables. What is changed: the
members of enums, the items of what is written in braces, brackets or parentheses at the top of a module, numbers there,
and the defaults of attrs fields that are numbers. Each change is made to a copy of the sources, against which the tests
run that read them::

    python tests/mutation/tables.py                # all of it, on all cores
    python tests/mutation/tables.py --module _words

It ends with 1 if a change went unnoticed that is not among `EQUAL`, those that mean the same, each with the reason.
"""

import argparse
import ast
import copy
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "exotel_callback"

ADAPTERS = "test_public_api test_adapters test_write_your_own_adapter test_servers"

# The modules, each with the tests that read it; those that fail soonest come first.
TESTS = {
    "_words": "test_words test_samples test_read test_outcome test_call test_event_key test_passthru test_docs",
    "_read": "test_read test_samples test_fast test_passthru test_legs test_parse test_call_details",
    "_names": "test_legs test_samples test_fast test_call_details",
    "_legs": "test_legs test_samples test_call_details",
    "_decode": "test_decode test_samples test_multipart test_fast test_raw",
    "_raw": "test_raw test_decode test_fast test_read test_laws",
    "_options": "test_decode test_docs test_public_api test_read test_parse",
    "_errors": "test_samples test_parse test_docs test_read test_public_api test_model test_call_details",
    "_event_key": "test_event_key test_samples",
    "_explain": "test_cli test_docs",
    "_fields": "test_model test_releases test_read test_legs test_queue test_samples",
    "_hypothesis": "test_strategies",
    "_model": "test_model test_samples",
    "_multipart": "test_multipart test_samples",
    "_open": "test_model test_read test_fast",
    "_parse": "test_parse test_samples test_addresses test_fast test_docs test_call_details",
    "_queue": "test_queue test_call test_releases",
    "_send": "test_send",
    "_cli": "test_cli test_send test_convert",
    "__main__": "test_cli",
    "_outcome": "test_outcome test_samples",
    "_addresses": "test_addresses test_samples test_docs",
    "_call": "test_call",
    "_call_details": "test_call_details test_samples test_public_api",
    "_passthru": "test_passthru test_samples test_docs",
    "_fast": "test_fast",
    "_encode": "test_testing",
    "_exotel_callback_hypothesis": "test_strategies",
    "adapters._shared": ADAPTERS,
    "adapters.aiohttp": ADAPTERS,
    "adapters.aws_lambda": ADAPTERS,
    "adapters.django": ADAPTERS,
    "adapters.fastapi": ADAPTERS,
    "adapters.flask": ADAPTERS,
    "auth": "test_auth test_public_api",
    "converters": "test_queue test_call test_releases test_public_api",
    "recordings": "test_recordings test_public_api",
    "phones": "test_phones test_public_api test_imports",
    "_archive": "test_archive test_cli test_convert test_arrow",
    "arrow": "test_arrow test_public_api test_convert",
    "_convert": "test_convert test_report",
    "_report": "test_report",
    "strategies": "test_public_api test_strategies test_docs_of_the_kit test_imports",
    "testing": "test_testing test_public_api",
}

# (module, the change as it is printed): why it means the same.
EQUAL = {
    ("testing", "delete _DEFAULT_FIELDS: 'CallSid'"): "each scenario gets an identifier of its own",
    ("_encode", "alter _BOUNDARY"): "any boundary will do",
    ("_convert", "alter _CHUNK_BYTES"): "how much is read at a time does not show",
    ("_convert", "alter _CHUNK_ROWS"): "as above",
    ("_convert", "alter _GZIP_RATIO"): "in how many parts calls are merged does not show",
    ("_convert", "alter _MOST_PARTS"): "as above",
    ("_convert", "alter _PART_BYTES"): "as above",
    ("_convert", "alter _PREFIX"): "what is called so is gone in the end",
    ("arrow", "delete _TYPES[str]"): "what is not listed is text",
    ("_fast", "alter _INT_BITS"): "where the plain path begins does not show",
    ("recordings", "alter _CHARS"): "the letter that it adds is among the signs already",
    ("_raw", "delete ATOMS: str"): "the way is longer, and ends at the same value",
    ("_raw", "delete ATOMS: int"): "as above",
    ("_raw", "delete ATOMS: float"): "as above",
    ("_words", "alter _OVER"): "only the order of the numbers counts",
    ("_words", "alter PROGRESS[CallStatus.UNKNOWN] ="): "what is unknown supersedes nothing, whatever its number",
}


def path_of(package, module):
    """Return where a module is; the entry point is beside the package."""
    if module == "_exotel_callback_hypothesis":
        package = package.parent
    return package / f"{module.replace('.', '/')}.py"


def altered(value):
    """Return another constant of the same type, or None if there is none to think of."""
    if isinstance(value, bool) or value is None or value is Ellipsis:
        return None
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return f"{value}x"
    return value + b"x" if isinstance(value, bytes) else None


def spots(tree):
    """Yield each place of a table: its label, the node, the field of the node, and the index there (or None)."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from spots_of_class(node)
            continue
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if value is None or isinstance(value, ast.Subscript):  # the latter is another name of a type
            continue
        name = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
        if isinstance(value, ast.Constant):
            yield f"{name}", node, "value", None
        for inner in ast.walk(value):
            yield from spots_of_container(name, inner)


def spots_of_container(name, node):
    if isinstance(node, ast.Dict):
        for index, (key, value) in enumerate(zip(node.keys, node.values, strict=True)):
            label = f"{name}[{ast.unparse(key) if key else '**'}]"
            yield label, node, "items", index
            if isinstance(value, ast.Constant):
                yield f"{label} =", node, "values", index
    elif isinstance(node, ast.Set | ast.List | ast.Tuple):
        for index, element in enumerate(node.elts):
            yield f"{name}: {ast.unparse(element)}", node, "elts", index


def spots_of_class(cls):
    is_enum = any("Enum" in ast.unparse(base) for base in cls.bases)
    for index, node in enumerate(cls.body):
        if is_enum and isinstance(node, ast.Assign):
            yield f"{cls.name}.{ast.unparse(node.targets[0])}", cls, "body", index
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            for call in ast.walk(node.value):
                if isinstance(call, ast.Call):
                    for place, argument in enumerate(call.args):
                        if isinstance(argument, ast.Constant):
                            yield f"{cls.name}.{ast.unparse(node.target)}({ast.unparse(argument)})", call, "args", place


def mutants(text):
    """Yield each change of a module: its label, and the module with it."""
    tree = ast.parse(text)
    count = len(list(spots(tree)))
    for number in range(count):
        for how in ("delete", "alter"):
            changed = copy.deepcopy(tree)
            label, node, field, index = list(spots(changed))[number]
            if change(node, field, index, how):
                yield f"{how} {label}", ast.unparse(ast.fix_missing_locations(changed))


def change(node, field, index, how):
    """Change one place, and tell whether that was possible."""
    if how == "delete":
        nodes = {"items": "keys", "elts": "elts", "body": "body"}.get(field)
        if nodes is None:
            return False
        del getattr(node, nodes)[index]
        if field == "items":
            del node.values[index]
        return True
    if field == "body":
        node, index = node.body[index], None
    if index is None:
        values = [node.value]
        is_changed = alter(values, 0)
        node.value = values[0]
        return is_changed
    return alter(node.keys if field == "items" else getattr(node, field), index)


def alter(nodes, index):
    other = altered(nodes[index].value) if isinstance(nodes[index], ast.Constant) else None
    if other is None:
        return False
    nodes[index] = ast.Constant(other)
    return True


def first_failure(module, text):
    """Run the tests of a module against a copy of the sources in which it is another one, until one fails."""
    with tempfile.TemporaryDirectory() as folder:
        sources = Path(folder) / "src"
        shutil.copytree(ROOT / "src", sources, ignore=shutil.ignore_patterns("__pycache__"))
        path_of(sources / "exotel_callback", module).write_text(text)
        tests = [str(ROOT / "tests" / f"{name}.py") for name in TESTS[module].split()]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
            env={**os.environ, "PYTHONPATH": str(sources), "HYPOTHESIS_PROFILE": "quick"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    found = re.search(r"^(?:FAILED|ERROR) (?:tests/)?([^\[\s]+)", done.stdout, re.MULTILINE)
    return done.returncode and (found[1] if found else "conftest.py")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--module", choices=TESTS, action="append")
    parser.add_argument("--list", action="store_true", help="only list the changes")
    options = parser.parse_args()
    work = [
        (module, label, text)
        for module in options.module or TESTS
        for label, text in mutants(path_of(SOURCE, module).read_text())
    ]
    if options.list:
        for module, label, _ in work:
            print(f"{module}: {label}")
        return
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        failures = list(pool.map(lambda item: first_failure(item[0], item[2]), work))
    alive = [(module, label) for (module, label, _), failure in zip(work, failures, strict=True) if not failure]
    for module, label in alive:
        print(f"{module}: {label}: {EQUAL.get((module, label), 'NOT NOTICED')}")
    equal = sum(key in EQUAL for key in alive)
    print(f"{len(work)} changes, {len(work) - len(alive)} noticed, {equal} mean the same")
    sys.exit(any(key not in EQUAL for key in alive))


if __name__ == "__main__":
    main()
