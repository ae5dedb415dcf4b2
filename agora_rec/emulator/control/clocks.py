"""The emulator's clock as the control API shows and moves it."""

from typing import Final

from agora_rec.clock import Clock, SystemClock
from agora_rec.emulator.dial import SteppedClock
from agora_rec.emulator.wire import JsonObject

SECONDS_MAX: Final = 86_400.0
"""The most that it is moved by at once: a day. Whoever sleeps on it wakes at each of their moments."""


def describe(clock: Clock) -> JsonObject:
    """Which kind of clock it is."""
    if isinstance(clock, SteppedClock):
        dial = "stepped" if not clock.speed else "real" if clock.speed == 1 else "accelerated"
        return {"dial": dial, "speed": clock.speed, "movable": True}
    # Any other belongs to the program that the emulator runs in; what it does is not known here.
    return {"dial": "real" if type(clock) is SystemClock else "own", "speed": None, "movable": False}


async def advance(clock: SteppedClock, seconds: float) -> None:
    """Move it, and come back when all who were woken have come along."""
    clock.advance(seconds)
    await clock.sleep(0)
