"""Looking at a recording by query: has it begun, does it still run, is it gone for certain.

Pure questions about answers are settled by `lifecycle.verdicts`; here are the documented times between the
looks, and what counts as proof. A 404 proves nothing by itself: a recording that is being moved to another
server answers so for up to 90 seconds. A 5xx never proves anything.
"""

from datetime import timedelta
from typing import Final

from agora_rec.clock import Clock, nth_pause
from agora_rec.errors import AgoraRecError, RecordingGone, WorkerNotFound
from agora_rec.lifecycle import facts, verdicts
from agora_rec.model import QueryAnswer, Web
from agora_rec.recording.driver import Driver
from agora_rec.recording.jobs import Job
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

    def __init__(
        self, clock: Clock, *, missed_since: float | None = None, longest: float = LOOKS[-1]
    ) -> None:
        """Begin a series.

        Args:
            clock: Where time comes from.
            missed_since: Since when (`clock.monotonic`) it should be there; None: from the first denial on.
            longest: Seconds that are between two looks at most.
        """
        self.denied: int = 0
        self.saw: bool | None = None
        """Whether the last look that was answered has found that it records; None: none was answered yet."""
        self._clock = clock
        self._longest = longest
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

    @property
    def is_missing(self) -> bool:
        """Whether it should be there, and nobody has seen it since then."""
        return self._missed_since is not None

    def pause(self) -> float:
        """Seconds to wait before the next look, or until the verdict is due without another one."""
        seconds = min(nth_pause(LOOKS, self._made), self._longest)
        self._made += 1
        if self._missed_since is None or not self._never_seen or self.denied < DENIALS:
            return seconds
        left = self._missed_since + CONFIRMED_WITHIN - self._clock.monotonic()
        return max(0.0, min(seconds, left))

    def found(self, *, records: bool) -> None:
        """The service knows it, and says that it records (status 4 or 5), or not yet, or no more."""
        self.saw = records
        self._forget_denials()

    def heed(self, seen_at: float | None) -> None:
        """It was there at that moment, which may be long ago, as somebody's answer or an event has shown."""
        if seen_at is not None and (self._missed_since is None or seen_at >= self._missed_since):
            self._forget_denials()

    def _forget_denials(self) -> None:
        """It was there: what was denied before was a failover, and so is what may be denied next."""
        self.denied = 0
        self._missed_since = self._first_denied_at = None
        self._never_seen = False

    def missing(self) -> None:
        """The service doesn't know it."""
        self.saw = False
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
    learn(driver, looks, job)


def learn(driver: Driver, looks: Looks, job: Job[QueryAnswer]) -> None:
    """See what a query that is over says about the recording."""
    _heed(driver, looks)
    try:
        answer = job.result()
    except WorkerNotFound as error:
        if error.attempts[1:]:  # the first of them had no answer that says anything
            looks.unanswered()
        looks.missing()
    except AgoraRecError:  # superseded by a stop, or no answer that says anything about the recording
        looks.unanswered()
    else:
        looks.found(records=answer.status in verdicts.CONFIRMED)


def conclude(driver: Driver, looks: Looks) -> None:
    """Give the verdict, if it is due.

    Raises:
        RecordingGone: The service has not known it for as long as a start or a failover may take.
    """
    _heed(driver, looks)
    if runs(driver) and looks.are_conclusive:
        driver.note(facts.Left(reason=GONE))
        raise RecordingGone(subject=driver.ledger.subject(OperationName.QUERY), cause=GONE)


def looks_for_start(driver: Driver) -> Looks:
    """The looks at a recording that has just begun: it is missed from the moment of its sid on.

    Where nobody has looked for a while it may have begun, and be moved to another server right now: then only
    what is denied from here on counts.
    """
    clock, age, longest = driver.keeper.clock, _since_sid(driver), longest_pause(driver)
    if age is None or not 0.0 <= age <= FIRST_LOOK:
        return Looks(clock, longest=longest)
    return Looks(clock, missed_since=clock.monotonic() - age, longest=longest)


def longest_pause(driver: Driver) -> float:
    """Seconds between two looks: less than its idle time (timing.yaml `query_interval_confirm`)."""
    mode = driver.ledger.description.mode
    idle = None if isinstance(mode, Web) else mode.max_idle_time
    return LOOKS[-1] if idle is None else min(LOOKS[-1], idle - 1.0)


def _since_sid(driver: Driver) -> float | None:
    """Seconds since its sid became known; None: nobody knows any more, so it is long ago."""
    known_since = driver.ledger.sid_known_since
    return None if known_since is None else (driver.keeper.clock.now() - known_since).total_seconds()


def first_look_in(driver: Driver) -> float:
    """Seconds until one that has begun may be looked at: 5 s from its sid; at once if that is long ago."""
    age = _since_sid(driver)
    return 0.0 if age is None else min(FIRST_LOOK, max(0.0, FIRST_LOOK - age))


def _heed(driver: Driver, looks: Looks) -> None:
    if looks.is_missing:  # mostly it isn't, and there is nothing to work out
        looks.heed(_seen_at(driver))


def _seen_at(driver: Driver) -> float | None:
    """When (`clock.monotonic`) it was there, as the last answer or the first confirmation has shown."""
    clock, confirmed_at, seen_at = driver.keeper.clock, driver.ledger.standing.confirmed_at, driver.seen_at
    if confirmed_at is None:
        return seen_at
    confirmed = clock.monotonic() - max(0.0, (clock.now() - confirmed_at).total_seconds())
    return confirmed if seen_at is None else max(confirmed, seen_at)


async def confirm(driver: Driver, looks: Looks) -> None:
    """Look until the recording is confirmed; ends also when its state says that it doesn't run any more.

    Raises:
        RecordingGone: See `conclude`.
    """
    await _pause(driver, looks, first_look_in(driver))
    while is_open(driver, looks):
        await look(driver, looks, Priority.CONFIRM)
        conclude(driver, looks)
        await _pause(driver, looks, looks.pause())
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


def is_settled(driver: Driver) -> bool:
    """Whether it was confirmed when the first look was due or later, or has been seen to go on since then.

    An event alone doesn't settle it before that. Event 40 speaks for the recorder only, and comes before the
    uploader has begun (events.yaml `typical_order`): what is wrong with the storage, the service finds later.
    The documented proof is a query after five seconds; events may be lost, late, or out of order.
    """
    confirmed_at, known_since = driver.ledger.standing.confirmed_at, driver.ledger.sid_known_since
    if confirmed_at is None or known_since is None:
        return confirmed_at is not None
    due = known_since + timedelta(seconds=FIRST_LOOK)
    if confirmed_at >= due or driver.seen_at is None:
        return confirmed_at >= due
    clock = driver.keeper.clock
    return clock.now() - timedelta(seconds=clock.monotonic() - driver.seen_at) >= due


def is_confirmed(driver: Driver, looks: Looks) -> bool:
    """Whether it is confirmed; what these looks were answered last counts for more than an event."""
    if driver.ledger.standing.confirmed_at is None or looks.saw is False:
        return False
    return looks.saw is True or is_settled(driver)


def is_open(driver: Driver, looks: Looks) -> bool:
    """Whether it runs, as far as is known, and is not confirmed."""
    return runs(driver) and not is_confirmed(driver, looks)


async def _pause(driver: Driver, looks: Looks, seconds: float) -> None:
    with driver.keeper.clock.move_on_after(seconds):
        while is_open(driver, looks):
            await driver.ledger.news()
