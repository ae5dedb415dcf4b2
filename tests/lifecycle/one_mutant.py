"""A pytest plugin that runs the tests on a wrong table, the one that `LIFECYCLE_MUTANT` names.

It imports nothing of the library before pytest has loaded the plugins that it must rewrite.
"""

import os
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop() -> Generator[None, object, object]:
    """Install the mutant while the tests run."""
    from tests.lifecycle.mutants import installed, mutants  # noqa: PLC0415 - see above

    name = os.environ["LIFECYCLE_MUTANT"]
    with installed(next(mutant for mutant in mutants() if str(mutant) == name)):
        return (yield)
