"""Looking at a recording by query: has it begun, does it still run, is it gone for certain.

Pure questions about answers are settled by `lifecycle.verdicts`; here are the documented times between the
looks, and what counts as proof. A 404 proves nothing by itself: a recording that is being moved to another
server answers so for up to 90 seconds. A 5xx never proves anything.
"""

from typing import Final

from agora_rec.errors import (
    AgoraRecError,
    RecordingGone,
    WorkerNotFound,
)
from agora_rec.lifecycle import facts
from agora_rec.recording.driver import Driver
from agora_rec.transport import Interrupt
from agora_rec.vocabulary import OperationName, Priority, State

FIRST_LOOK: Final = 5.0
"""Seconds from the sid to the first query (timing.yaml `first_query_after_sid`)."""
LOOKS: Final = (5.0, 10.0, 15.0)
"""Seconds between queries that confirm a start or a 404; the last repeats (timing.yaml `confirm_start`)."""
CONFIRMED_WITHIN: Final = 90.0
"""Seconds within which a start is confirmed, and within which a failover is over (timing.yaml)."""
DENIALS: Final = 3
"""How many answered queries must deny a recording before it counts as never begun."""
WATCH_EVERY: Final = 120.0
"""Seconds between the looks at a recording that runs (timing.yaml `query_interval_watch`)."""


class Looks:
    """A series of queries that denied the recording, one after the other."""

    def __init__(self) -> None:
        self.denied = 0
        self._first_denied_at: float | None = None
        self._made = 0

    def pause(self) -> float:
        """Seconds to wait before the next look."""
        seconds = LOOKS[min(self._made, len(LOOKS) - 1)]
        self._made += 1
        return seconds

    def found(self) -> None:
        """The service knows it: what was denied before was a failover."""
        self._first_denied_at = None
        self.denied = 0

    def missing(self, at: float) -> bool:
        """The service doesn't know it; True when that has gone on for long enough to be certain."""
        self.denied += 1
        if self._first_denied_at is None:
            self._first_denied_at = at
        return self.denied >= DENIALS and at - self._first_denied_at >= CONFIRMED_WITHIN


async def look(driver: Driver, looks: Looks, priority: Priority) -> None:
    """Query once. What the service says becomes a fact; that it can't be asked becomes none.

    Raises:
        RecordingGone: Its disappearance is confirmed now.
    """
    interrupt = Interrupt()
    job = driver.query(interrupt, priority)
    try:
        await job.finished()
    finally:
        interrupt.trigger()
    try:
        job.result()
    except WorkerNotFound as error:
        if not looks.missing(driver.host.clock.monotonic()):
            return
        reason = f"the service has not known it for {CONFIRMED_WITHIN:.0f} s"
        driver.ledger.absorb(facts.Left(reason=reason))
        await driver.ledger.save_after()
        raise RecordingGone(subject=driver.ledger.subject(OperationName.QUERY), cause=reason) from error
    except AgoraRecError:
        return  # superseded by a stop, or no answer that says anything about the recording
    looks.found()


async def confirm(driver: Driver) -> None:
    """Look until the recording is confirmed; ends also when its state says that it doesn't run any more.

    Raises:
        RecordingGone: The service has not known it for as long as a failover may take.
    """
    looks = Looks()
    await _pause(driver, FIRST_LOOK)
    while is_unconfirmed(driver):
        await look(driver, looks, Priority.CONFIRM)
        await _pause(driver, looks.pause())


async def watch(driver: Driver) -> None:
    """Look every two minutes for as long as it runs, and more often while the service doesn't know it.

    Raises:
        RecordingGone: The service has not known it for as long as a failover may take.
    """
    looks = Looks()
    while runs(driver):
        if not looks.denied:
            looks = Looks()
        seconds = looks.pause() if looks.denied else WATCH_EVERY
        with driver.host.clock.move_on_after(seconds):
            while runs(driver):
                await driver.ledger.change()
        if runs(driver):
            await look(driver, looks, Priority.WATCH)


def runs(driver: Driver) -> bool:
    """Whether it records, as far as is known."""
    return driver.ledger.state is State.RECORDING


def is_unconfirmed(driver: Driver) -> bool:
    """Whether the recording has a sid, and nothing has proved yet that it records."""
    standing = driver.ledger.standing
    return standing.state is State.RECORDING and standing.confirmed_at is None


async def _pause(driver: Driver, seconds: float) -> None:
    with driver.host.clock.move_on_after(seconds):
        while is_unconfirmed(driver):
            await driver.ledger.change()
