"""Whole lives at the emulator, of which a client hears by webhooks and answers; and what is made of them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from attrs import frozen

from agora_rec import CauseName, Certainty, CloudRecording, Explanation, Recording
from agora_rec.emulator import Emulator, Settings, WebhookSwitches
from tests.support.cloud import CNAME, UID, mix, notified

SAID, LIKELY, POSSIBLE = Certainty.SAID, Certainty.LIKELY, Certainty.POSSIBLE


@frozen
class Life:
    """An emulator that notifies, and a client that listens."""

    emulator: Emulator
    cloud: CloudRecording

    async def begun(self, mode: Any = None, **more: Any) -> Recording:
        """A recording that was started."""
        recording = self.cloud.recording(CNAME, UID, mode or mix(), **more)
        await recording.ensure_started()
        return recording


@asynccontextmanager
async def a_life(
    *, lost: frozenset[int] = frozenset(), client: dict[str, Any] | None = None, **settings: Any
) -> AsyncGenerator[Life]:
    """Begin one. `lost` are types of events that the console doesn't choose."""
    switches = WebhookSwitches(lost=lost)
    async with notified(switches=switches, settings=Settings(**settings), client=client) as (emulator, cloud):
        yield Life(emulator, cloud)


def found(explanation: Explanation) -> list[tuple[CauseName, Certainty]]:
    """The causes, by name."""
    return [(cause.name, cause.certainty) for cause in explanation.causes]


def names(explanation: Explanation) -> list[CauseName]:
    """Only their names."""
    return [cause.name for cause in explanation.causes]
