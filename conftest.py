"""What the tests and the examples in the documents share; what only tests need is in tests/conftest.py."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.support.canary"]

# `ci` bounds every run; `nox -s simulate` takes the other one. The time limit is the test's.
settings.register_profile("ci", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", settings.get_profile("ci"), max_examples=5000)
settings.load_profile("ci")
