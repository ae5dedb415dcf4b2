"""`Fleet`: many recordings of one client, from the queue to their results.

It knows what it was asked for and what it has been told; each spec goes its own way in `entry.py`, and what
runs is looked after by one task of `agora_rec.supervision`. Nothing of a fleet outlives its block but what
the client does for recordings that are being stopped.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from datetime import timedelta
from enum import StrEnum, unique
from types import TracebackType
from typing import Final, Literal, Self

import anyio

from agora_rec.client import CloudRecording
from agora_rec.errors import InvalidRequest, Violation
from agora_rec.errors.text import shown
from agora_rec.fleet.admission import Admission
from agora_rec.fleet.adoption import Adoption
from agora_rec.fleet.feeding import Feeder
from agora_rec.fleet.result import Report, Result
from agora_rec.fleet.roster import Roster
from agora_rec.fleet.spec import Replacement, Spec, wrong_flag, wrong_policy
from agora_rec.recording import Recording
from agora_rec.transport.spans import wrong_span

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
        for name, value in spans.items():
            wrong += wrong_span(name, value)
        if on_exit not in tuple(OnExit):
            wrong.append(Violation("on_exit", shown(repr(on_exit), 40), "one of wait, stop, release"))
        elif on_exit == OnExit.RELEASE and not cloud.is_store_shared:
            rule = "wait or stop: the client has no store (`store=`) from which another process could go on"
            wrong.append(Violation("on_exit", "release", rule))
        wrong += [*wrong_flag("adopt", adopt), *wrong_policy(replacement)]
        if wrong:
            raise InvalidRequest(tuple(wrong))
        self.cloud: CloudRecording = cloud
        self.on_exit: OnExit = OnExit(on_exit)
        self._clock = cloud.clock
        self._exit_timeout = exit_timeout
        self._roster = Roster(
            cloud,
            places=Admission(limit, queue, cloud.clock),
            web_places=Admission(web_limit, queue, cloud.clock),
            replacement=replacement,
            start_within=timedelta(seconds=start_within),
            upload_timeout=timedelta(seconds=upload_timeout),
            results=results,
        )
        self._adoption = Adoption(self._roster) if adopt else None
        self._feeders: list[Feeder] = []
        self._is_opened = False

    def __repr__(self) -> str:
        return (
            f"<Fleet {self.on_exit.value} recordings={len(self.recordings)} waiting={self.waiting}"
            f" limit={self._roster.places.limit}>"
        )

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """The recordings that record now, or are about to; those that were replaced are not among them."""
        members = (member for entry in self._roster.entries.values() for member in entry.members)
        return tuple(each.recording for each in members if each.recording is not None and not each.is_over)

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return self._roster.places.waiting + self._roster.web_places.waiting

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
        _ = self._roster.tasks  # there are none outside of the block
        entry = self._roster.joined(spec)
        if entry is None:
            entry = self._roster.enter(spec)
            await entry.take_places(is_bounded=True)
            self._roster.spawn(entry.begin)
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
        feeder = Feeder(self._roster, specs, resume=resume)
        self._roster.spawn(feeder.run)
        self._feeders.append(feeder)
        try:
            async for result in feeder:
                yield result
        finally:
            feeder.close()
            self._feeders.remove(feeder)

    @property
    def is_draining(self) -> bool:
        """Whether nothing is begun any more."""
        return self._roster.is_draining

    def report(self) -> Report:
        """Say what has become of each, as far as is known now."""
        return self._roster.report()

    async def stop(self, key: str) -> Result | None:
        """Stop what goes on under a key: all of its recorders, and whatever would take their place.

        Waits until the service has acknowledged it; a stop that fails is sent again until it is answered.

        Returns:
            What has become of it by now; None if this fleet has nothing that goes on under that key.
        """
        entry = self._roster.find_by_key(key)
        if entry is None:
            return None
        await self._roster.stop((entry,))
        return entry.result or entry.so_far()

    async def stop_all(self) -> Report:
        """Stop all that run, send away all that wait, and wait until the service has acknowledged it.

        A stop that fails is sent again until it is answered. `record` takes no more specs, and ends with the
        results of those that it took. The fleet goes on: more can be started then.
        """
        self._close_feeders()
        await self._roster.stop(tuple(self._roster.entries.values()))
        return self.report()

    def drain(self) -> None:
        """Begin nothing any more, send away all that wait, and begin to do what is done on leaving.

        With "stop" all recordings are stopped; with "release" and "wait" they go on until the block ends.
        Returns at once; `record` ends with the results of what it has begun.
        """
        self._roster.is_draining = True
        self._close_feeders()
        self._roster.places.close()
        self._roster.web_places.close()
        if self.on_exit is OnExit.STOP:
            for entry in tuple(self._roster.entries.values()):
                entry.stop()

    def _close_feeders(self) -> None:
        for feeder in self._feeders:
            feeder.close()

    async def __aenter__(self) -> Self:
        """Begin to look after recordings."""
        self.cloud.require_open()
        if self._is_opened:
            raise RuntimeError("a fleet is opened once; make another one")
        self._is_opened = True
        found = None if self._adoption is None else await self._adoption.search()
        group = anyio.create_task_group()
        await group.__aenter__()
        self._roster.open(group)
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
            self._roster.is_left = True
            try:
                self._roster.tasks.cancel_scope.cancel()
                await self._roster.tasks.__aexit__(None, None, None)
            finally:
                await self._part(on_exit, is_done=is_done)

    async def _leave(self, on_exit: OnExit) -> None:
        if on_exit is OnExit.RELEASE:
            return
        entries = tuple(self._roster.entries.values())
        if on_exit is OnExit.STOP:
            await self._roster.stop(entries)
        with self._clock.move_on_after(self._exit_timeout if on_exit is OnExit.STOP else None):
            while self._roster.entries:
                await self._roster.news()

    async def _part(self, on_exit: OnExit, *, is_done: bool) -> None:
        """Let go of what is left, when no task of the fleet runs any more."""
        entries = tuple(self._roster.entries.values())
        if on_exit is OnExit.RELEASE:
            with anyio.CancelScope(shield=True):
                for entry in entries:
                    await entry.release()
            return
        for entry in entries:
            if not is_done:  # cancelled: the client sees the stops through
                entry.stop_behind()
            entry.give_up()
