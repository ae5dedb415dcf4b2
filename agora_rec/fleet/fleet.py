"""`Fleet`: many recordings of one client, from the queue to their results.

It knows what it was asked for and what it has been told; each spec goes its own way in `entry.py`, and what
runs is looked after by one task of `agora_rec.supervision`. Nothing of a fleet outlives its block but what
the client does for recordings that are being stopped.
"""

import logging
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Coroutine, Iterable
from datetime import timedelta
from enum import StrEnum, unique
from math import inf, isfinite
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeVarTuple

import anyio
from anyio.abc import TaskGroup

from agora_rec.client import CloudRecording
from agora_rec.clock import Clock
from agora_rec.errors import FleetClosed, InvalidRequest, Violation
from agora_rec.errors.text import shown
from agora_rec.fleet.admission import Admission
from agora_rec.fleet.adoption import Adoption
from agora_rec.fleet.entry import Entry
from agora_rec.fleet.feeding import Feeder
from agora_rec.fleet.result import Report, Result, ResultState
from agora_rec.fleet.spec import Replacement, Spec, check, wrong_flag, wrong_policy
from agora_rec.recording import Description, Recording
from agora_rec.supervision import Incident, Supervisor
from agora_rec.vocabulary import ModeName

Ts = TypeVarTuple("Ts")
log: Final = logging.getLogger("agora_rec")
INCIDENT: Final = "fleet: %s: %s"
"""The log's message for what has happened to one recording: its channel, and what."""

LIMIT: Final = 50
"""How many recordings an account may have at once to begin with (timing.yaml `limits.pcw`)."""
WEB_LIMIT: Final = 200
"""The same for web pages, which are counted apart."""
QUEUE: Final = 10_000
"""How many may wait, if nobody says otherwise."""
START_WITHIN: Final = 600.0
"""Seconds for which a start is tried again that fails for want of an answer."""
UPLOAD_TIMEOUT: Final = 1200.0
"""Seconds that files normally take (timing.yaml `upload_normal`)."""
EXIT_TIMEOUT: Final = 30.0
"""Seconds for which news of files is waited for when a fleet is left that stops all: a process that is told
to go has about as much."""
RESULTS_KEPT: Final = 10_000
"""How many results that are over a report has, if nobody says otherwise."""


GIVEN_UP_KEPT: Final = 10_000
"""How many recordings are remembered that were given up, so that nobody adopts them again."""
SETTLED_AFTER: Final = 300.0
"""Seconds after which an end in order stays one: a failover (90 s) and what is notified of it have had their
time."""
_SETTLED: Final = frozenset(
    {
        ResultState.UPLOADED,
        ResultState.BACKUPED,
        ResultState.NO_DATA,
        ResultState.NOT_STARTED,
        ResultState.WITHDRAWN,
    }
)


@unique
class OnExit(StrEnum):
    """What happens to the recordings of a fleet when its block ends."""

    WAIT = "wait"
    """They go on until they end by themselves, or their time is over, and the block waits for that. If it
    ends by an exception or is cancelled, they are stopped."""
    STOP = "stop"
    """They are stopped; for where their files are the block waits a little."""
    RELEASE = "release"
    """They go on, and the store has them: another process looks after them."""


class Fleet:
    """Many recordings: begun as the account's limits allow, looked after, stopped in time, accounted for.

    An async context manager, inside of its client's. One task looks after all recordings; one that idles has
    none of its own. What goes wrong with one recording disturbs no other: it stands in its result.

    Args:
        cloud: The client, open.
        on_exit: What happens to the recordings when the block ends: "wait", "stop" or "release".
        limit: How many recordings may run at once, 1 or more; the account's limit is 50 to begin with. If the
            service says that there is no room (406), nobody is begun until there may be some.
        web_limit: The same for `Web`, which the service counts apart; 200 to begin with.
        queue: How many may wait for a place in `start`; `record` takes its specs one by one and needs none.
        adopt: Whether recordings are taken over that the store shows as unfinished and that nobody looks
            after: those of a process that has died, or that has released them. Looked for when the block
            begins, and every minute.
        replacement: What is done when the service loses a recording; None: nothing, but for specs that say
            otherwise.
        start_within: Seconds for which a start is tried again that nobody answers, or that is refused for
            reasons that pass (no connection, 5xx, 429).
        upload_timeout: Seconds after the end of a recording after which its result closes as
            `UPLOAD_UNKNOWN`, if notifications are to tell of its files; without them it takes a minute.
        exit_timeout: Seconds for which leaving a fleet that stops all waits for news of files.
        results: How many results that are over the report keeps; of older ones only their number.

    Raises:
        InvalidRequest: Arguments are wrong; names all of them.
    """

    def __init__(
        self,
        cloud: CloudRecording,
        *,
        on_exit: OnExit | Literal["wait", "stop", "release"],
        limit: int = LIMIT,
        web_limit: int = WEB_LIMIT,
        queue: int = QUEUE,
        adopt: bool = False,
        replacement: Replacement | None = None,
        start_within: float = START_WITHIN,
        upload_timeout: float = UPLOAD_TIMEOUT,
        exit_timeout: float = EXIT_TIMEOUT,
        results: int = RESULTS_KEPT,
    ) -> None:
        counts = {
            "limit": (limit, 1),
            "web_limit": (web_limit, 1),
            "queue": (queue, 0),
            "results": (results, 0),
        }
        spans = {
            "start_within": start_within,
            "upload_timeout": upload_timeout,
            "exit_timeout": exit_timeout,
        }
        wrong = [
            Violation(name, shown(repr(value), 40), f"a whole number, {least} or more")
            for name, (value, least) in counts.items()
            if type(value) is not int or value < least
        ]
        wrong += [
            Violation(name, shown(repr(value), 40), "seconds, 0 or more")
            for name, value in spans.items()
            if not _is_span(value)
        ]
        if on_exit not in tuple(OnExit):
            wrong.append(Violation("on_exit", shown(repr(on_exit), 40), "one of wait, stop, release"))
        elif on_exit == OnExit.RELEASE and not cloud.is_store_shared:
            rule = "wait or stop: the client has no store (`store=`) from which another process could go on"
            wrong.append(Violation("on_exit", "release", rule))
        wrong += [*wrong_flag("adopt", adopt), *wrong_policy(replacement)]
        if wrong:
            raise InvalidRequest(tuple(wrong))
        self.cloud = cloud
        self.clock: Clock = cloud.clock
        self.on_exit: OnExit = OnExit(on_exit)
        self.replacement = replacement
        self.start_within: timedelta = timedelta(seconds=start_within)
        self.is_draining: bool = False
        """Whether nothing is begun any more."""
        self._upload_timeout = timedelta(seconds=upload_timeout)
        self._exit_timeout = exit_timeout
        self._adoption = Adoption(self) if adopt else None
        self._places = Admission(limit, queue, self.clock)
        self._web_places = Admission(web_limit, queue, self.clock)
        self._entries: dict[int, Entry] = {}
        self._by_key: dict[str, Entry] = {}
        self._over: deque[Entry] = deque()
        self._settling: deque[tuple[float, Entry]] = deque()
        self._feeders: list[Feeder] = []
        self._given_up: dict[str, None] = {}
        self._kept = results
        self._forgotten: Counter[ResultState] = Counter()
        self._calls_forgotten = 0
        self._count = 0
        self._group: TaskGroup | None = None
        self.is_left: bool = False
        """Whether nothing of it goes on any more."""
        self._supervisor: Supervisor | None = None
        self._changed: anyio.Event | None = None

    def __repr__(self) -> str:
        return (
            f"<Fleet {self.on_exit.value} recordings={len(self.recordings)} waiting={self.waiting}"
            f" limit={self._places.limit}>"
        )

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """The recordings that record now, or are about to; those that were replaced are not among them."""
        members = (member for entry in self._entries.values() for member in entry.members)
        return tuple(each.recording for each in members if each.recording is not None and not each.is_over)

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return self._places.waiting + self._web_places.waiting

    async def start(self, spec: Spec) -> Recording:
        """Have one more recording: waits for its place, starts it, and looks after it from then on.

        If it has a key and the fleet has that one already, that one is given. Cancelled while it waits for
        its place, nothing is begun; later, the start goes on, and the fleet looks after what comes of it.

        Returns:
            The recording, as soon as its sid is known; one that takes its place later is in `recordings`.

        Raises:
            InvalidRequest: Every wrong field of the spec, before anything is sent; or the live recording of
                its key is another one.
            QueueFull: As many wait for a place as may.
            FleetClosed: The fleet begins nothing any more.
            StartUnconfirmed: Its start was sent and not answered; the fleet looks after it.
            ApiError, TransportError: It was refused, or not answered for too long.
            Exception: Whatever the store, or the provider of secrets, raises.
        """
        if self._group is None:
            raise RuntimeError(_NOT_OPEN)
        entry = self.joined(spec)
        if entry is None:
            entry = self.enter(spec)
            await entry.take_places(is_bounded=True)
            self.spawn(entry.begin)
        await entry.until_begun()
        if entry.error is not None:
            raise entry.error
        return entry.first

    async def record(
        self, specs: Iterable[Spec] | AsyncIterable[Spec], *, resume: bool = False
    ) -> AsyncGenerator[Result]:
        """Record all of them, and give each one's result when it is over: `async for result in ...`.

        Specs are taken one by one, each when the one before has its place; so there may be any number of
        them. What goes wrong with one, a wrong spec included, is its result. Leaving early takes no more
        specs; what has begun goes on in the fleet.

        Args:
            specs: What is to be recorded.
            resume: Whether what was begun before under the key of a spec, by this process or another one, is
                not begun anew: what has ended gives its result as the store has it, what goes on is followed.

        Raises:
            RuntimeError: The fleet isn't open.
            FleetClosed: It was left.
            Exception: Whatever the specs raise while they are gone through, when all results were given.
        """
        feeder = Feeder(self, specs, resume=resume)
        self.spawn(feeder.run)
        self._feeders.append(feeder)
        try:
            async for result in feeder:
                yield result
        finally:
            feeder.close()
            self._feeders.remove(feeder)

    def report(self) -> Report:
        """Say what has become of each, as far as is known now."""
        calls = self._calls_forgotten
        entries = sorted((*self._over, *self._entries.values()), key=lambda entry: entry.number)
        results = [entry.result or entry.so_far() for entry in entries]
        return Report(
            results=tuple(results),
            forgotten=dict(+self._forgotten),
            calls=calls + sum(result.calls for result in results),
        )

    async def stop(self, key: str) -> Result | None:
        """Stop what goes on under a key: all of its recorders, and whatever would take their place.

        Waits until the service has acknowledged it; a stop that fails is sent again until it is answered.

        Returns:
            What has become of it by now; None if this fleet has nothing that goes on under that key.
        """
        entry = self._by_key.get(key)
        if entry is None:
            return None
        await self._stop((entry,))
        return entry.result or entry.so_far()

    async def stop_all(self) -> Report:
        """Stop all that run, send away all that wait, and wait until the service has acknowledged it.

        A stop that fails is sent again until it is answered. `record` takes no more specs, and ends with the
        results of those that it took. The fleet goes on: more can be started then.
        """
        self._close_feeders()
        await self._stop(tuple(self._entries.values()))
        return self.report()

    def drain(self) -> None:
        """Begin nothing any more, send away all that wait, and begin to do what is done on leaving.

        With "stop" all recordings are stopped; with "release" and "wait" they go on until the block ends.
        Returns at once; `record` ends with the results of what it has begun.
        """
        self.is_draining = True
        self._close_feeders()
        self._places.close()
        self._web_places.close()
        if self.on_exit is OnExit.STOP:
            for entry in tuple(self._entries.values()):
                entry.stop()

    def _close_feeders(self) -> None:
        for feeder in self._feeders:
            feeder.close()

    async def __aenter__(self) -> Self:
        """Begin to look after recordings."""
        self.cloud.require_open()
        if self._group is not None:
            raise RuntimeError("a fleet is opened once; make another one")
        found = None if self._adoption is None else await self._adoption.search()
        group = anyio.create_task_group()
        await group.__aenter__()
        self._group = group
        self._supervisor = Supervisor(
            self.cloud, group, qps=_rate_of(self.cloud.budget), upload_timeout=self._upload_timeout
        )
        group.start_soon(self._supervisor.run)
        if self._adoption is not None and found is not None:
            self._adoption.adopt(found)  # what runs already takes its places before others do
            group.start_soon(self._adoption.run)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Do what `on_exit` says, and end."""
        on_exit = self.on_exit
        if on_exit is OnExit.WAIT and error is not None:
            on_exit = OnExit.STOP
        self.drain()
        is_done = False
        try:
            await self._leave(on_exit)
            is_done = True
        finally:
            self.is_left = True
            try:
                self._tasks.cancel_scope.cancel()
                await self._tasks.__aexit__(None, None, None)
            finally:
                await self._part(on_exit, is_done=is_done)

    async def _leave(self, on_exit: OnExit) -> None:
        if on_exit is OnExit.RELEASE:
            return
        entries = tuple(self._entries.values())
        if on_exit is OnExit.STOP:
            await self._stop(entries)
        with self.clock.move_on_after(self._exit_timeout if on_exit is OnExit.STOP else None):
            while self._entries:
                await self._news()

    async def _part(self, on_exit: OnExit, *, is_done: bool) -> None:
        """Let go of what is left, when no task of the fleet runs any more."""
        entries = tuple(self._entries.values())
        if on_exit is OnExit.RELEASE:
            with anyio.CancelScope(shield=True):
                for entry in entries:
                    await entry.release()
            return
        for entry in entries:
            if not is_done:  # cancelled: the client sees the stops through
                entry.stop_behind()
            entry.give_up()

    async def _stop(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            entry.stop()
        while any(entry.may_run for entry in entries):
            await self._news()

    async def _news(self) -> None:
        if self._changed is None:
            self._changed = anyio.Event()
        await self._changed.wait()

    @property
    def supervisor(self) -> Supervisor:
        """Who looks after those that run."""
        if self._supervisor is None:
            raise RuntimeError(_NOT_OPEN)
        return self._supervisor

    def spawn(self, work: Callable[[*Ts], Coroutine[Any, Any, object]], *args: *Ts) -> None:
        """Do something for a recording, in a task that ends with the fleet.

        Raises:
            FleetClosed: It was left.
        """
        tasks = self._tasks
        if self.is_left:
            raise FleetClosed
        tasks.start_soon(work, *args)

    @property
    def _tasks(self) -> TaskGroup:
        if self._group is None:
            raise RuntimeError(_NOT_OPEN)
        return self._group

    def find(self, spec: Spec) -> Entry | None:
        """What goes on under the key of a spec; None: nothing, or it has none."""
        if type(spec) is not Spec or not isinstance(spec.key, str):  # it isn't checked yet
            return None
        return self._by_key.get(spec.key)

    def joined(self, spec: Spec) -> Entry | None:
        """What goes on under the key of a spec, asked for now if it was only adopted; None: nothing.

        Raises:
            InvalidRequest: It is another recording than the spec says.
        """
        entry = self.find(spec)
        if entry is not None:
            entry.require_same(spec)
            entry.ask_for(spec, self._policy_of(spec))
        return entry

    @property
    def known_ids(self) -> set[str]:
        """The ids of the recordings that it has, or has given up."""
        entries = self._entries.values()
        return {each.id for entry in entries for each in entry.recordings}.union(self._given_up)

    @property
    def known_keys(self) -> set[str]:
        """The keys of what records, or is about to, those of twins included."""
        return {key for entry in self._entries.values() if entry.may_run for key in entry.keys}

    def enter(self, spec: Spec, *, is_checked: bool = False) -> Entry:
        """Make a place in the books for one more.

        Args:
            spec: What is to be recorded.
            is_checked: Whether it is known to be good: it runs already.

        Raises:
            InvalidRequest: Every wrong field.
        """
        if not is_checked:
            check(spec, replacement=self._policy_of(spec), now=self.clock.now())
            self._require_limit(spec)
        entry = Entry(self, self._count, spec, self._admission_of(spec), self._policy_of(spec))
        self._count += 1
        self._entries[entry.number] = entry
        if spec.key is not None:
            self._by_key[spec.key] = entry
        return entry

    def _policy_of(self, spec: Spec) -> Replacement | None:
        own = getattr(spec, "replacement", None)  # it may not be checked yet
        return self.replacement if own is None else own

    def _admission_of(self, spec: Spec) -> Admission:
        return self._web_places if spec.mode.name is ModeName.WEB else self._places

    def _require_limit(self, spec: Spec) -> None:
        limit = self._admission_of(spec).limit
        if len(spec.recorders) > limit:
            rule = f"at most {limit - 1}: together they need more places than there are"
            raise InvalidRequest((Violation("twins", str(len(spec.twins)), rule),))

    async def made(self, description: Description) -> Recording:
        """The recording of a description: the live one of its key, or a new one."""
        if description.key is None:
            return self.cloud.made_of(description)
        return await self.cloud.claimed(description)

    def closed(self, entry: Entry) -> None:
        """One of them is over."""
        del self._entries[entry.number]
        if entry.spec.key is not None and self._by_key.get(entry.spec.key) is entry:
            del self._by_key[entry.spec.key]
        for recording in entry.recordings:
            if recording.state.is_unfinished:
                self._given_up[recording.id] = None
        while len(self._given_up) > GIVEN_UP_KEPT:
            del self._given_up[next(iter(self._given_up))]
        self._over.append(entry)
        self._settling.append((self.clock.monotonic(), entry))
        while self._settling and self._settling[0][0] < self.clock.monotonic() - SETTLED_AFTER:
            self._slim(self._settling.popleft()[1])
        while len(self._over) > self._kept:
            self._forget(self._over.popleft())
        self.pulse()

    def reopened(self, entry: Entry) -> None:
        """One that was over is not."""
        self._entries[entry.number] = entry
        counted, entry.counted = entry.counted, None
        if counted is None:
            self._over.remove(entry)
        else:  # it had made room for others
            self._forgotten[counted.state] -= 1
            self._calls_forgotten -= counted.calls

    def _slim(self, entry: Entry) -> None:
        if entry.result is not None and entry.result.state in _SETTLED:
            entry.forget_recordings()

    def _forget(self, entry: Entry) -> None:
        entry.counted = result = entry.result or entry.so_far()
        self._forgotten[result.state] += 1
        self._calls_forgotten += result.calls

    def pulse(self) -> None:
        """Something has changed: let those see who wait."""
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.set()

    def tell(self, spec: Spec, incident: Incident, recording: Recording | None) -> None:
        """Log what has happened to one of them."""
        fields = {} if recording is None else recording.driver.ledger.log_fields
        log.warning(INCIDENT, shown(spec.cname, 80), incident, extra=fields)


_NOT_OPEN: Final = "the fleet is not open: use 'async with Fleet(...) as fleet'"


def _is_span(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value >= 0


def _rate_of(budget: object) -> float:
    """Calls per second that this process may make, as its budget says; infinity: it doesn't."""
    qps = getattr(budget, "qps", inf)
    return float(qps) / float(getattr(budget, "workers", 1))
