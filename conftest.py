"""What the tests and the examples in the documents share; what only tests need is in tests/conftest.py."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from tests.support.secrets import ACCESS_KEY, SECRET_KEY
from tests.support.served import served_emulator
from tests.support.valkey import served_valkey

collect_ignore = ["docs/examples/testing_app"]  # a suite of its own, with a configuration of its own
pytest_plugins = ["tests.support.canary", "tests.support.tracing", "pytester"]

# A bound for every run; `--hypothesis-profile=long` looks further. The time limit is the test's.
settings.register_profile("ci", max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", settings.get_profile("ci"), max_examples=5000)
settings.load_profile("ci")

pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser()],
    patterns=["README.md", "*.md"],
    fixtures=["service_of_examples"],
).pytest()


@pytest.fixture(scope="module")
def service_of_examples() -> Iterator[None]:
    """What the documents presume: a service at AGORA_BASE_URL, Redis at REDIS_URL, and credentials."""
    with (
        served_emulator() as (emulator, url),
        served_valkey() as valkey,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("REDIS_URL", valkey.url)
        environment.setenv("AGORA_BASE_URL", url)
        environment.setenv("AGORA_APP_ID", emulator.app_id)
        environment.setenv("AGORA_CUSTOMER_ID", emulator.customer_id)
        environment.setenv("AGORA_CUSTOMER_SECRET", emulator.customer_secret)
        environment.setenv("AGORA_STORAGE_ACCESS_KEY", ACCESS_KEY)
        environment.setenv("AGORA_STORAGE_SECRET_KEY", SECRET_KEY)
        yield
