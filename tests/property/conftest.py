"""How property tests are run: without time limits per example, and the same examples in CI every time."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("laptop", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("laptop"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "laptop")
