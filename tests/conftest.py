"""Hypothesis for the whole suite: no deadline on a shared machine; in CI the same cases each time.

``fast`` is the inner loop's profile: a quarter of the examples that the whole run plays.
"""

import gc
import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "shoufa",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("fast", settings.get_profile("shoufa"), max_examples=25)
settings.load_profile("shoufa")


def pytest_collection_finish() -> None:
    """What was imported stays: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
