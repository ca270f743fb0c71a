"""Test that the oldest versions that ``pyproject.toml`` allows are those that ``.ci/oldest.txt`` pins."""

import re
import tomllib

from helpers import ROOT


def test_the_lower_bounds_are_the_ones_that_are_tried():
    """A lower bound in ``pyproject.toml`` and its pin in ``.ci/oldest.txt`` differ; change both to the same version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + [line for lines in project["optional-dependencies"].values() for line in lines]
    bounds = dict(
        re.sub(r"\[\w+\]", "", line).split(">=") for line in wanted if not line.startswith("exotel-callback[")
    )
    pins = dict(line.split("==") for line in (ROOT / ".ci/oldest.txt").read_text().splitlines() if line[0] != "#")
    assert bounds.keys() == pins.keys()
    for name, bound in bounds.items():
        assert re.fullmatch(rf"{re.escape(bound)}(\.0)*", pins[name]), name
