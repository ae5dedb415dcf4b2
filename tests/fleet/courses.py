"""What tests of fleets share: specs, a fleet on a stage, and what must hold when one is left."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Protocol

import anyio

from agora_rec import Fleet, Result, Spec
from agora_rec.emulator import Emulator
from agora_rec.supervision import IncidentKind
from tests.support.cloud import Stage, mix, stage

SOON = 0.05
LOOK_LATER = 400.0
"""Seconds after which a loss that nobody reports is known for certain."""


class HasEmulator(Protocol):
    """A stage, or another place with a service."""

    emulator: Emulator


def a_spec(number: int = 0, **more: Any) -> Spec:
    """A recording that may run."""
    given: dict[str, Any] = {"cname": f"class-{number}", "uid": 1000 + number, "mode": mix()}
    return Spec(**(given | more))


def specs(count: int, **more: Any) -> list[Spec]:
    """Several of them."""
    return [a_spec(number, **more) for number in range(count)]


@asynccontextmanager
async def a_fleet(
    *, client: dict[str, Any] | None = None, settings: dict[str, Any] | None = None, **more: Any
) -> AsyncGenerator[tuple[Stage, Fleet]]:
    """Open a fleet on a stage; when it is left, it must have kept nothing, and left nothing running."""
    given: dict[str, Any] = {"on_exit": "stop"}
    async with stage(client=client, **(settings or {})) as on:
        fleet = Fleet(on.cloud, **(given | more))
        async with fleet:
            yield on, fleet
        require_nothing_left(fleet)
        if fleet.on_exit != "release":
            await anyio.sleep(5)
            assert not on.running


def require_nothing_left(fleet: Fleet) -> None:
    """Nothing waits, takes a place or is open still."""
    assert fleet.report().is_over
    assert (fleet.recordings, fleet.waiting) == ((), 0)
    assert taken(fleet) == 0
    assert not fleet._roster.entries
    assert not fleet._roster._by_key
    assert not fleet._feeders


def taken(fleet: Fleet) -> int:
    """How many places are taken, without those whose workers are on their way out."""
    both = (fleet._roster.places, fleet._roster.web_places)
    return sum(each.used - sum(places for _, places in each._leaving) for each in both)


def kinds(result: Result) -> list[IncidentKind]:
    """What has happened to it."""
    return [each.kind for each in result.failures]


def only(fleet: Fleet) -> Result:
    """The result of the one recording that there was."""
    (result,) = fleet.report().results
    return result


async def lose(on: HasEmulator, sid: str) -> None:
    """Have the service lose a recording for good: a fourth server is not replaced."""
    for _ in range(4):
        on.emulator.fail_over(sid, seconds=1)
        await anyio.sleep(3)


def minutes(number: float) -> timedelta:
    """A span."""
    return timedelta(minutes=number)
