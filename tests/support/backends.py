"""Event loops for tests: the one with virtual time."""

from typing import Any

import pytest
from trio.testing import MockClock


@pytest.fixture(name="anyio_backend")
def virtual_time() -> tuple[str, dict[str, Any]]:
    """Trio with a clock that jumps ahead whenever all tasks wait: hours take milliseconds.

    A module opts in with `anyio_backend = virtual_time`.
    """
    return "trio", {"clock": MockClock(autojump_threshold=0)}
