"""Mistakes that fleets could make are found in seeds of fleets."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final
from unittest.mock import PropertyMock, patch

import pytest

from agora_rec.fleet import feeding
from agora_rec.recording.watching import Looks
from agora_rec.supervision import duties
from tests.simulation.running import Kind, run_seed


def _one_denial_is_enough() -> AbstractContextManager[Any]:
    """A 404 is taken for the end: it may be a failover."""
    return patch.object(Looks, "are_conclusive", PropertyMock(side_effect=lambda: True))


def _files_are_awaited_for_ever() -> AbstractContextManager[Any]:
    """What nobody tells of is waited for until the end of all days."""
    return patch.object(duties, "hope", lambda *_, **__: datetime.max.replace(tzinfo=UTC))


def _begun_before_is_not_looked_for() -> AbstractContextManager[Any]:
    """What another process began is begun anew."""

    async def nothing(*_: object) -> None:
        return None

    return patch.object(feeding, "begun_before", nothing)


MISTAKES: Final[Mapping[str, tuple[Callable[[], AbstractContextManager[Any]], int]]] = MappingProxyType(
    {
        "one denial is enough": (_one_denial_is_enough, 40),
        "files are awaited for ever": (_files_are_awaited_for_ever, 20),
        "what was begun before is not looked for": (_begun_before_is_not_looked_for, 60),
    }
)
"""Each with the number of seeds among which it must be found."""


@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_found(name: str) -> None:
    plant, seeds = MISTAKES[name]
    with plant():
        assert any(run_seed(seed, Kind.FLEETS).violations for seed in range(seeds))
