"""Hypothesis profiles: quick by default, thorough, few and repeatable in the gate, exhaustive by hand.

Choose with ``HYPOTHESIS_PROFILE=thorough pytest`` or ``HYPOTHESIS_PROFILE=exhaustive pytest tests/unit/test_laws.py``.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}

settings.register_profile("few", max_examples=10, **_COMMON)  # For old dependencies and other Python versions.
settings.register_profile("quick", max_examples=50, **_COMMON)
settings.register_profile("thorough", max_examples=150, **_COMMON)
settings.register_profile("exhaustive", max_examples=100_000, **_COMMON)
# For coverage and mutation testing. It draws the same examples each time, and doesn't shrink a failure.
settings.register_profile(
    "repeatable", max_examples=25, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate], **_COMMON
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(autouse=True, scope="session")
def _plain_environment():
    """Remove the environment variables that change what a process prints or measures.

    A CI service or a shell sets colours in every program. Coverage measures the processes that tests start, which takes
    time and memory, loads modules, and writes files. Where it is needed, a test passes `helpers.MEASURED`.
    """
    names = ["FORCE_COLOR", "NO_COLOR", "PYTHON_COLORS", *(name for name in os.environ if name.startswith("COVERAGE"))]
    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.delenv(name, raising=False)
        yield
