"""The oldest versions that are allowed are those that the checks try."""

import re
import tomllib

from helpers import ROOT


def test_the_lower_bounds_are_the_ones_that_are_tried():
    """Each is written ``>=`` and nothing else, in pyproject.toml and, as a pin, in .ci/oldest.txt."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + [
        line for name in extras if name not in {"bench", "docs", "lint"} for line in extras[name]
    ]
    bounds = dict(line.split(">=") for line in wanted if not line.startswith("exotel-callback["))
    pins = dict(line.split("==") for line in (ROOT / ".ci/oldest.txt").read_text().splitlines() if line[0] != "#")
    assert bounds.keys() == pins.keys()
    for name, bound in bounds.items():
        assert re.fullmatch(rf"{re.escape(bound)}(\.0)*", pins[name]), name
