"""Looking at a recording by query: has it begun, does it still run, is it gone for certain.

Pure questions about answers are settled by `lifecycle.verdicts`; here are the documented times between the
looks, and what counts as proof. A 404 proves nothing by itself: a recording that is being moved to another
server answers so for up to 90 seconds. A 5xx never proves anything.
"""

from typing import Final

from agora_rec.clock import Clock
from agora_rec.errors import AgoraRecError, RecordingGone, WorkerNotFound
from agora_rec.lifecycle import facts
from agora_rec.recording.driver import Driver
from agora_rec.recording.lookout import Lookout
from agora_rec.vocabulary import OperationName, Priority, State

FIRST_LOOK: Final = 5.0
"""Seconds from the sid to the first query (timing.yaml `first_query_after_sid`)."""
LOOKS: Final = (5.0, 10.0, 15.0)
"""Seconds between queries that confirm a start or a 404; the last repeats (timing.yaml `confirm_start`)."""
CONFIRMED_WITHIN: Final = 90.0
"""Seconds within which a start is confirmed, and within which a failover is over (timing.yaml)."""
GONE: Final = f"the service has not known it for {CONFIRMED_WITHIN:.0f} s"
"""Why a recording has left whose disappearance is confirmed, among its `reasons`."""
DENIALS: Final = 3
"""How many answered queries must deny a recording before it counts as never begun."""
WATCH_EVERY: Final = 120.0
"""Seconds between the looks at a recording that runs (timing.yaml `query_interval_watch`)."""
OTHERS_WATCH: Final = 30.0
"""Seconds after which whoever waits sees whether the worker that looks is still there."""


class Looks:
    """A series of looks at one recording: how often it was denied of late, and since when nobody knows it.

    A recording that was seen before, by anybody's call, may be on its way to another server, so only an
    answer after that time proves that it is gone. One that has never been seen, though every look was
    answered, is missed from its sid on, and the documented end of its time to begin is proof enough.
    """

    def __init__(self, clock: Clock, *, missed_since: float | None = None) -> None:
        self.denied: int = 0
        self._clock = clock
        self._missed_since = missed_since
        self._denied_at = 0.0
        self._first_denied_at: float | None = None
        self._never_seen = missed_since is not None
        self._made = 0

    @property
    def are_conclusive(self) -> bool:
        """Whether it was denied often enough, and for longer than a start or a failover takes."""
        if self._missed_since is None or self.denied < DENIALS:
            return False
        until = self._clock.monotonic() if self._never_seen else self._denied_at
        return until - self._missed_since >= CONFIRMED_WITHIN

    def pause(self) -> float:
        """Seconds to wait before the next look, or until the verdict is due without another one."""
        seconds = LOOKS[min(self._made, len(LOOKS) - 1)]
        self._made += 1
        if self._missed_since is None or not self._never_seen or self.denied < DENIALS:
            return seconds
        left = self._missed_since + CONFIRMED_WITHIN - self._clock.monotonic()
        return max(0.0, min(seconds, left))

    def found(self) -> None:
        """The service knows it: what was denied before was a failover, and so is what may be denied next."""
        self.denied = 0
        self._missed_since = self._first_denied_at = None
        self._never_seen = False

    def heed(self, seen_at: float | None) -> None:
        """Somebody's call was answered for it at that moment, which may be long ago."""
        if seen_at is not None and (self._missed_since is None or seen_at >= self._missed_since):
            self.found()

    def missing(self) -> None:
        """The service doesn't know it."""
        self.denied += 1
        self._denied_at = self._clock.monotonic()
        if self._first_denied_at is None:
            self._first_denied_at = self._denied_at
        if self._missed_since is None:
            self._missed_since = self._denied_at

    def unanswered(self) -> None:
        """A look brought no answer: it may have been there just then, so what is denied may be a failover."""
        if self._never_seen:
            self._missed_since, self._never_seen = self._first_denied_at, False


async def look(driver: Driver, looks: Looks, priority: Priority, lookout: Lookout | None = None) -> None:
    """Query once. What the service says becomes a fact; that it can't be asked becomes none."""
    job = driver.query(priority, lookout)
    await job.finished()
    looks.heed(driver.seen_at)
    try:
        job.result()
    except WorkerNotFound:
        looks.missing()
    except AgoraRecError:  # superseded by a stop, or no answer that says anything about the recording
        looks.unanswered()
    else:
        looks.found()


def conclude(driver: Driver, looks: Looks) -> None:
    """Give the verdict, if it is due.

    Raises:
        RecordingGone: The service has not known it for as long as a start or a failover may take.
    """
    looks.heed(driver.seen_at)
    if runs(driver) and looks.are_conclusive:
        driver.note(facts.Left(reason=GONE))
        raise RecordingGone(subject=driver.ledger.subject(OperationName.QUERY), cause=GONE)


def looks_for_start(driver: Driver) -> Looks:
    """The looks at a recording that has just begun: it is missed from the moment of its sid on.

    Where nobody has looked for a while it may have begun, and be moved to another server right now: then only
    what is denied from here on counts.
    """
    clock, known_since = driver.keeper.clock, driver.ledger.sid_known_since
    age = None if known_since is None else (clock.now() - known_since).total_seconds()
    if age is None or not 0.0 <= age <= FIRST_LOOK:
        return Looks(clock)
    return Looks(clock, missed_since=clock.monotonic() - age)


async def confirm(driver: Driver, looks: Looks) -> None:
    """Look until the recording is confirmed; ends also when its state says that it doesn't run any more.

    Raises:
        RecordingGone: See `conclude`.
    """
    await _pause(driver, FIRST_LOOK)
    while is_unconfirmed(driver):
        await look(driver, looks, Priority.CONFIRM)
        conclude(driver, looks)
        await _pause(driver, looks.pause())
        conclude(driver, looks)


async def watch(driver: Driver) -> None:
    """Look every two minutes for as long as it runs, more often while the service doesn't know it.

    And at once when a notification says that it may be in trouble.

    Raises:
        RecordingGone: See `conclude`.
    """
    looks, lookout = Looks(driver.keeper.clock), Lookout(driver.ledger)
    is_ours = True
    while runs(driver):
        suspicions = driver.suspicions
        if not looks.denied:
            looks = Looks(driver.keeper.clock)
        seconds = looks.pause() if looks.denied else WATCH_EVERY if is_ours else OTHERS_WATCH
        with driver.keeper.clock.move_on_after(seconds):
            while runs(driver) and driver.suspicions == suspicions:
                await driver.ledger.news()
        is_ours = await lookout.take()
        if not is_ours:
            looks = Looks(driver.keeper.clock)  # another worker looks: what he learns is in the store
        elif runs(driver):
            await look(driver, looks, Priority.WATCH, lookout)
            conclude(driver, looks)
    await lookout.give_back()


def runs(driver: Driver) -> bool:
    """Whether it records, as far as is known."""
    return driver.ledger.state is State.RECORDING


def is_unconfirmed(driver: Driver) -> bool:
    """Whether the recording has a sid, and nothing has proved yet that it records."""
    standing = driver.ledger.standing
    return standing.state is State.RECORDING and standing.confirmed_at is None


async def _pause(driver: Driver, seconds: float) -> None:
    with driver.keeper.clock.move_on_after(seconds):
        while is_unconfirmed(driver):
            await driver.ledger.news()
