"""Whether each guard is tested: every check is taken out once, and a test must turn red.

A guard is a ``raise``, an ``except``, and an ``if`` that ends a function with None, False or nothing. Each is taken out
of a copy of the sources, against which the tests of `tables.TESTS` run. What is printed is the table in ``guards.md``,
which names the first test that fails::

    python tests/mutation/guards.py                  # all of it, on all cores
    python tests/mutation/guards.py --module _decode

It ends with 1 if no test fails for a guard that is not among `EQUAL`, those that change nothing, each with the reason.
"""

import argparse
import ast
import copy
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from tables import SOURCE, TESTS, first_failure, path_of

# (module, function, guard) as they are printed: why nothing changes without it.
EQUAL = {
    ("_names", "leg_key", "if not name.startswith(_LEG_PREFIXES): return None"): "only a shortcut",
    ("_fast", "_callback", "except KeyError"): "the plain path reads it then",
    ("_fast", "_callback", "if error.args[0] not in _NAMES: raise"): "as above, a little later",
}

NOTHING = {"return", "return None", "return False", "return ()", "return ''"}


def guards(node, place="", condition=""):
    """Yield each guard below a node: the function, what it is, its node, and the field that holds it."""
    for name, value in ast.iter_fields(node):
        for inner in value if isinstance(value, list) else [value]:
            if not isinstance(inner, ast.AST):
                continue
            is_named = isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            inside = f"{place}.{inner.name}".strip(".") if is_named else place
            test = f"if {ast.unparse(inner.test)}: " if isinstance(inner, ast.If) else ""
            if isinstance(inner, ast.Raise):
                yield inside, f"{condition}{ast.unparse(inner).partition('(')[0]}", node, name, inner
            elif isinstance(inner, ast.ExceptHandler):
                yield inside, f"except {ast.unparse(inner.type)}", node, name, inner
            elif test and not inner.orelse and ast.unparse(inner.body[-1]) in NOTHING:
                yield inside, f"{test}{ast.unparse(inner.body[-1])}", node, name, inner
            yield from guards(inner, inside, test)


def remove(node, name, guard):
    """Take a guard out."""
    if isinstance(guard, ast.ExceptHandler):
        guard.type = ast.Tuple([], ast.Load())  # which no exception is of
        return
    statements = getattr(node, name)
    statements[statements.index(guard)] = ast.Pass()


def mutants(text):
    """Yield each guard of a module: the function, what it is, and the module without it."""
    tree = ast.parse(text)
    for number, (place, label, *_) in enumerate(guards(tree)):
        changed = copy.deepcopy(tree)
        _, _, *where = list(guards(changed))[number]
        remove(*where)
        yield place, label, ast.unparse(ast.fix_missing_locations(changed))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--module", choices=TESTS, action="append")
    options = parser.parse_args()
    work = [
        (module, place, label, text)
        for module in options.module or TESTS
        for place, label, text in mutants(path_of(SOURCE, module).read_text())
    ]
    is_noticed = True
    print("| where | guard | test |\n| --- | --- | --- |")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        failures = pool.map(lambda item: first_failure(item[0], item[3]), work)
        for (module, place, label, _), failure in zip(work, failures, strict=True):
            told = f"`{failure}`" if failure else EQUAL.get((module, place, label), "NOT NOTICED")
            is_noticed &= told != "NOT NOTICED"
            print(
                f"| `{f'{module}.{place}'.strip('.')}` | `{label.replace('|', chr(92) + '|')}` | {told} |", flush=True
            )
    sys.exit(not is_noticed)


if __name__ == "__main__":
    main()
