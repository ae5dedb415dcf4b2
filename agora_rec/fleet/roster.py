"""The books of a fleet: what it was asked for, what goes on, what is over, and who has which place.

What users hold is in `fleet.py`; how one of them goes its way, in `entry.py`. Nothing here waits, but for the
news that something has changed.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterable
from datetime import timedelta
from math import inf
from typing import Any, Final, TypeVarTuple

import anyio
from anyio.abc import TaskGroup

from agora_rec.client import CloudRecording
from agora_rec.clock import Clock
from agora_rec.errors import FleetClosed, InvalidRequest, Violation
from agora_rec.errors.text import shown
from agora_rec.fleet.admission import Admission
from agora_rec.fleet.entry import Entry
from agora_rec.fleet.result import Report, ResultState
from agora_rec.fleet.spec import Replacement, Spec, check, require_same
from agora_rec.recording import Description, Recording
from agora_rec.supervision import Incident, Supervisor
from agora_rec.vocabulary import ModeName

Ts = TypeVarTuple("Ts")
log: Final = logging.getLogger("agora_rec")

INCIDENT: Final = "fleet: %s: %s"
"""The log's message for what has happened to one recording: its channel, and what."""
NOT_OPEN: Final = "the fleet is not open: use 'async with Fleet(...) as fleet'"
"""What is wrong when it is used outside of its block."""
LOOK_EVERY: Final = 0.5
"""Seconds after which is looked again whether all have stopped."""
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


class Roster:
    """What a fleet is made of, for all that belongs to it.

    Args:
        cloud: The client.
        places: Who may begin.
        web_places: The same for web pages, which are counted apart.
        replacement: What is done when the service loses a recording, for specs that don't say.
        start_within: For how long a start is tried again that fails for reasons that pass.
        upload_timeout: For how long news of files is waited for.
        results: How many results that are over are kept.
    """

    def __init__(
        self,
        cloud: CloudRecording,
        *,
        places: Admission,
        web_places: Admission,
        replacement: Replacement | None,
        start_within: timedelta,
        upload_timeout: timedelta,
        results: int,
    ) -> None:
        self.cloud: CloudRecording = cloud
        self.clock: Clock = cloud.clock
        self.start_within: timedelta = start_within
        self.places: Admission = places
        self.web_places: Admission = web_places
        self.entries: dict[int, Entry] = {}
        """What goes on, by number."""
        self.over: deque[Entry] = deque()
        """What is over and in the report."""
        self.is_draining: bool = False
        """Whether nothing is begun any more."""
        self.is_left: bool = False
        """Whether no task of it runs any more."""
        self._replacement = replacement
        self._upload_timeout = upload_timeout
        self._by_key: dict[str, Entry] = {}
        self._settling: deque[tuple[float, Entry]] = deque()
        self._given_up: dict[str, None] = {}
        self._kept = results
        self._forgotten: Counter[ResultState] = Counter()
        self._calls_forgotten = 0
        self._count = 0
        self._tasks: TaskGroup | None = None
        self._supervisor: Supervisor | None = None
        self._changed: anyio.Event | None = None

    def open(self, tasks: TaskGroup) -> None:
        """Begin to look after recordings, with these tasks."""
        self._tasks = tasks
        self._supervisor = Supervisor(
            self.cloud, tasks, qps=_rate_of(self.cloud.budget), upload_timeout=self._upload_timeout
        )
        tasks.start_soon(self._supervisor.run)

    @property
    def supervisor(self) -> Supervisor:
        """Who looks after those that run."""
        if self._supervisor is None:
            raise RuntimeError(NOT_OPEN)
        return self._supervisor

    def spawn(self, work: Callable[[*Ts], Coroutine[Any, Any, object]], *args: *Ts) -> None:
        """Do something for a recording, in a task that ends with the fleet.

        Raises:
            FleetClosed: It was left.
        """
        tasks = self.tasks
        if self.is_left:
            raise FleetClosed
        tasks.start_soon(work, *args)

    @property
    def tasks(self) -> TaskGroup:
        """Where the fleet's work is done."""
        if self._tasks is None:
            raise RuntimeError(NOT_OPEN)
        return self._tasks

    def find_by_key(self, key: str) -> Entry | None:
        """What goes on under a key; None: nothing."""
        return self._by_key.get(key)

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
            require_same(spec, entry.spec)
            entry.ask_for(spec, self._policy_of(spec))
        return entry

    @property
    def known_ids(self) -> set[str]:
        """The ids of the recordings that it has, or has given up."""
        entries = self.entries.values()
        return {each.id for entry in entries for each in entry.recordings}.union(self._given_up)

    @property
    def known_keys(self) -> set[str]:
        """The keys of what records, or is about to, those of twins included."""
        return {key for entry in self.entries.values() if entry.may_run for key in entry.keys}

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
        self.entries[entry.number] = entry
        if spec.key is not None:
            self._by_key[spec.key] = entry
        return entry

    def _policy_of(self, spec: Spec) -> Replacement | None:
        own = getattr(spec, "replacement", None)  # it may not be checked yet
        return self._replacement if own is None else own

    def _admission_of(self, spec: Spec) -> Admission:
        return self.web_places if spec.mode.name is ModeName.WEB else self.places

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
        del self.entries[entry.number]
        if entry.spec.key is not None and self._by_key.get(entry.spec.key) is entry:
            del self._by_key[entry.spec.key]
        for recording in entry.recordings:
            if recording.state.is_unfinished:
                self._given_up[recording.id] = None
        while len(self._given_up) > GIVEN_UP_KEPT:
            del self._given_up[next(iter(self._given_up))]
        self.over.append(entry)
        self._settling.append((self.clock.monotonic(), entry))
        while self._settling and self._settling[0][0] < self.clock.monotonic() - SETTLED_AFTER:
            self._slim(self._settling.popleft()[1])
        while len(self.over) > self._kept:
            self._forget(self.over.popleft())
        self.pulse()

    def reopened(self, entry: Entry) -> None:
        """One that was over is not."""
        self.entries[entry.number] = entry
        counted, entry.counted = entry.counted, None
        if counted is None:
            self.over.remove(entry)
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

    def report(self) -> Report:
        """Say what has become of each, as far as is known now."""
        calls = self._calls_forgotten
        entries = sorted((*self.over, *self.entries.values()), key=lambda entry: entry.number)
        results = [entry.result or entry.so_far() for entry in entries]
        return Report(
            results=tuple(results),
            forgotten=dict(+self._forgotten),
            calls=calls + sum(result.calls for result in results),
        )

    async def stop(self, entries: Iterable[Entry]) -> None:
        """Have these stopped, and wait until nothing of them may run."""
        for entry in entries:
            entry.stop()
        while any(entry.may_run for entry in entries):
            with self.clock.move_on_after(LOOK_EVERY):  # the end of a stop is no news by itself
                await self.news()

    async def news(self) -> None:
        """Wait until something may have changed."""
        if self._changed is None:
            self._changed = anyio.Event()
        await self._changed.wait()


def _rate_of(budget: object) -> float:
    """Calls per second that this process may make, as its budget says; infinity: it doesn't."""
    qps = getattr(budget, "qps", inf)
    return float(qps) / float(getattr(budget, "workers", 1))
