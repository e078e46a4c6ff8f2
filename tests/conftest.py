"""Hypothesis for the whole suite: no deadline on a shared machine; in CI the same cases each time."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "shoufa",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("shoufa")
