"""Hypothesis profiles: quick by default, thorough and few in the gate, exhaustive and mutants by hand.

Choose with ``HYPOTHESIS_PROFILE=thorough pytest`` or ``HYPOTHESIS_PROFILE=exhaustive pytest tests/test_laws.py``.
"""

import os

from hypothesis import HealthCheck, Phase, settings

_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}

settings.register_profile("few", max_examples=10, **_COMMON)  # for old dependencies and other Pythons
settings.register_profile("quick", max_examples=50, **_COMMON)
settings.register_profile("thorough", max_examples=500, **_COMMON)
settings.register_profile("exhaustive", max_examples=100_000, **_COMMON)
# For mutation testing: draw the same examples for every change, and do not shrink a failure.
settings.register_profile(
    "mutants", max_examples=25, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate], **_COMMON
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
