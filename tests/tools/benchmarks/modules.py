"""Count the modules whose functions parse a body, and how often the interpreter switches between them.

A profiler hook sees each call and return of a Python function of the package, including generated code. A switch is a
call or a return from a function of one module to a function of another::

    python tests/tools/benchmarks/modules.py
"""

import json
import sys
from collections import Counter

from exotel_callback import parse
from measure import ENCODERS, PAGE

PACKAGE = "exotel_callback"


def modules_of(function, *given):
    """Return how often each module of the package is entered, and how often one module follows another."""
    entered, switches, stack = Counter(), 0, [""]

    def see(frame, event, _):
        nonlocal switches
        module = frame.f_globals.get("__name__", "")
        # Generated code has no module, so it counts for the module that generates it.
        if frame.f_code.co_filename == "<string>":
            module = f"{PACKAGE}._fields.quick"
        if not module.startswith(PACKAGE):
            return
        if event == "call":
            if module != stack[-1]:
                switches += 1
                entered[module] += 1
            stack.append(module)
        elif event == "return" and len(stack) > 1:
            stack.pop()
            switches += stack[-1] not in {module, ""}

    function(*given)  # Import and cache everything first.
    sys.setprofile(see)
    try:
        function(*given)
    finally:
        sys.setprofile(None)
    return entered, switches


def main():
    bodies = {
        "an ordinary JSON body": ENCODERS["json"](PAGE),
        "a JSON body with an unknown value": (
            json.dumps({**PAGE, "Direction": "sideways"}).encode(),
            "application/json",
        ),
        "an ordinary form": ENCODERS["form"](PAGE),
        "an ordinary multipart body": ENCODERS["multipart"](PAGE),
    }
    for name, body in bodies.items():
        entered, switches = modules_of(parse, *body)
        print(f"{name}: {len(entered)} modules, entered {entered.total()} times, {switches} switches with the returns")
        for module, times in entered.most_common():
            print(f"    {times:3} {module}")


if __name__ == "__main__":
    main()
