"""A caller may be cancelled at any await: no answer is lost, nothing is doubled, nothing is left running.

The harness wraps the caller's coroutine and every job of the client, counts their awaits as they happen, and
cancels the caller at the n-th one; n grows until a run ends before it is reached. What the emulator knows is
the judge.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any, Final, TypeVar, TypeVarTuple

import anyio
import anyio.lowlevel
import pytest
from attrs import define, field

from agora_rec import (
    Alternate,
    AmazonS3,
    AmazonS3Region,
    Checkpoint,
    CloudRecording,
    MemoryStore,
    Mix,
    OperationName,
    Recording,
    RetryPolicy,
    State,
)
from agora_rec.emulator import Emulator, Refuse, Settings
from agora_rec.recording.jobs import Job
from agora_rec.store import Lease
from tests.support import secrets

pytestmark = [pytest.mark.anyio, pytest.mark.untraced]

INSTANT: Final = Settings(latency=0.0, start_seconds=0.0, upload_seconds=0.0, exit_seconds=0.0)
OTHER: Final = 880012
NOTHING_RUNS: Final = {State.IDLE, State.ACQUIRED}


T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Cancelled(Exception):  # noqa: N818 - a signal of the harness
    """The caller was cancelled, natively or by a scope."""


@define
class Steps:
    """Counts awaits of whatever it wraps, and cancels at the one that was asked for."""

    target: int
    taken: int = 0
    cancel: Callable[[], object] = field(default=lambda: None)

    @property
    def reached(self) -> bool:
        return self.taken >= self.target

    def step(self) -> None:
        self.taken += 1
        if self.taken == self.target:
            self.cancel()


class Stepping:
    """A coroutine whose every suspension is one step."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], steps: Steps) -> None:
        self._coroutine = coroutine
        self._steps = steps

    def __await__(self) -> Generator[Any, Any, Any]:
        inner = self._coroutine.__await__()
        value: Any = None
        error: BaseException | None = None
        while True:
            try:
                trap = inner.throw(error) if error is not None else inner.send(value)
            except StopIteration as stop:
                return stop.value
            self._steps.step()
            value, error = None, None
            try:
                value = yield trap
            except BaseException as thrown:  # noqa: BLE001 - it belongs to the coroutine inside
                error = thrown


class SlowStore(MemoryStore):
    """A store that others could work beside, before it has written and afterwards: as real ones do."""

    async def save(self, checkpoint: Checkpoint, *, version: int, lease: Lease | None = None) -> int:
        await anyio.lowlevel.checkpoint()
        saved = await super().save(checkpoint, version=version, lease=lease)
        await anyio.lowlevel.checkpoint()
        return saved


class SteppedCloud(CloudRecording):
    """A client whose jobs are counted too."""

    steps: Steps

    def spawn(self, job: Job[T], work: Callable[[*Ts], Coroutine[Any, Any, T]], *args: *Ts) -> None:
        async def stepped() -> T:
            done: T = await Stepping(work(*args), self.steps)
            return done

        super().spawn(job, stepped)


@define
class Stage:
    """One run: an emulator, a client, a recording."""

    emulator: Emulator
    cloud: SteppedCloud
    recording: Recording

    @property
    def running(self) -> list[str]:
        return [session.sid for session in self.emulator.sessions if session.running]

    def calls(self, operation: str) -> int:
        return sum(
            call.operation is not None and call.operation.value == operation for call in self.emulator.calls
        )

    async def settled(self) -> None:
        driver = self.recording._driver
        for job in (driver.acquire_job, driver.start_job, driver.stop_job):
            if job is not None:
                await job.finished()


def stage(steps: Steps) -> Stage:
    emulator = Emulator(qps=None, settings=INSTANT)
    cloud = SteppedCloud(
        emulator.app_id,
        customer_id=emulator.customer_id,
        customer_secret=emulator.customer_secret,
        base_url=emulator.base_url,
        transport=emulator.transport(),
        qps=None,
        store=SlowStore(),
        retry=RetryPolicy(start_server=()),  # nothing waits: the alternate is next
    )
    cloud.steps = steps
    storage = AmazonS3(
        region=AmazonS3Region.EU_WEST_1,
        bucket="b",
        access_key=secrets.ACCESS_KEY,
        secret_key=secrets.SECRET_KEY,
    )
    alternate = Alternate(uid=OTHER)
    return Stage(
        emulator, cloud, cloud.recording("class-42", 880011, Mix(storage=storage), alternate=alternate)
    )


async def natively(work: Callable[[], Awaitable[None]], steps: Steps) -> None:
    """`task.cancel()`, as `asyncio.timeout`, `wait_for` and web servers do it."""
    task = asyncio.create_task(_stepped(work, steps))
    steps.cancel = task.cancel
    try:
        await task
    except asyncio.CancelledError:
        raise Cancelled from None


async def by_scope(work: Callable[[], Awaitable[None]], steps: Steps) -> None:
    """Anyio's own cancellation, which is trio's."""
    with anyio.CancelScope() as scope:
        steps.cancel = scope.cancel
        await _stepped(work, steps)
    if scope.cancelled_caught:
        raise Cancelled


async def _stepped(work: Callable[[], Awaitable[None]], steps: Steps) -> None:
    async def begin() -> None:
        await work()

    await Stepping(begin(), steps)


Way = Callable[[Callable[[], Awaitable[None]], Steps], Awaitable[None]]
Ways = [
    pytest.param("asyncio", natively, id="task.cancel"),
    pytest.param("asyncio", by_scope, id="asyncio-scope"),
    pytest.param("trio", by_scope, id="trio-scope"),
]


async def at_every_await(
    way: Way,
    prepare: Callable[[Stage], Awaitable[None]],
    work: Callable[[Stage], Awaitable[None]],
    judge: Callable[[Stage, bool], Awaitable[None]],
) -> int:
    """Run it, cancelling at the first await, the second, and so on; gives how many awaits there were."""
    for target in count(1):
        steps = Steps(target=10**9)
        run = stage(steps)
        async with run.cloud:
            await prepare(run)
            steps.taken, steps.target = 0, target
            cancelled = False
            try:
                await way(partial(work, run), steps)
            except Cancelled:
                cancelled = True
            steps.cancel = lambda: None
            await judge(run, cancelled)
        assert run.running == [], f"left running after a cancellation at await {target}"
        assert run.recording not in run.cloud.recordings
        if not steps.reached:
            return target - 1
    raise AssertionError


async def nothing(_: Stage) -> None:
    pass


async def refusing(run: Stage) -> None:
    """No start under the first uid succeeds, and the next one does."""
    run.emulator.inject(Refuse(500, code=502), operation=OperationName.START)


async def acquired(run: Stage) -> None:
    await run.recording.acquire()


async def started(run: Stage) -> None:
    await run.recording.ensure_started()


async def entered(run: Stage) -> None:
    await run.recording.__aenter__()


async def start(run: Stage) -> None:
    await run.recording.start()


async def ensure_start(run: Stage) -> None:
    await run.recording.ensure_started()


async def stop(run: Stage) -> None:
    await run.recording.stop()


async def ensure_stop(run: Stage) -> None:
    await run.recording.ensure_stopped()


async def leave(run: Stage) -> None:
    await run.recording.__aexit__(None, None, None)


async def whole(run: Stage) -> None:
    async with run.recording:
        await anyio.lowlevel.checkpoint()


async def known_while_it_runs(run: Stage, cancelled: bool) -> None:  # noqa: FBT001 - the outcome of a run
    """After a start: known and right; stopped when the client closes unless somebody wants it."""
    await run.settled()
    assert run.calls("start") <= 1
    if not run.running:
        assert run.recording.state in NOTHING_RUNS
        return
    assert run.recording.state is State.RECORDING
    assert [run.recording.sid] == run.running
    assert run.recording in run.cloud.recordings
    assert run.recording.is_abandoned == cancelled
    if not cancelled:
        await run.recording.ensure_stopped()


async def known_under_its_uid(run: Stage, cancelled: bool) -> None:  # noqa: FBT001 - as above
    """After a start that took the alternate uid, or was cancelled before: nothing of the two is mixed up."""
    await run.settled()
    assert len(run.emulator.sessions) <= 1
    uid, left = run.recording.checkpoint().uid, run.recording.checkpoint().alternate_uid
    assert (uid, left) in {(880011, OTHER), (OTHER, None)}
    assert cancelled or uid == OTHER
    for session in run.emulator.sessions:
        assert (int(session.uid), session.resource_id, session.sid) == (
            uid,
            run.recording.resource_id,
            run.recording.sid,
        )
    await run.recording.ensure_stopped()


async def stoppable(run: Stage, cancelled: bool) -> None:  # noqa: FBT001 - as above
    """After a start: it can be stopped, wherever the cancellation came."""
    await run.recording.ensure_stopped()
    assert run.running == []
    assert run.calls("stop") == len(run.emulator.sessions) == run.calls("start")


async def stopped_once(run: Stage, cancelled: bool) -> None:  # noqa: FBT001 - as above
    """After a stop: it went out, once, and its answer is known."""
    await run.settled()
    assert run.calls("stop") == 1
    assert run.recording.state is State.UPLOADED
    assert run.recording.files


async def never_doubled(run: Stage, cancelled: bool) -> None:  # noqa: FBT001 - as above
    """After an entry: the client closes, and whatever was started has been stopped by then."""
    assert len(run.emulator.sessions) <= 1
    if not cancelled:
        await run.recording.__aexit__(None, None, None)


@pytest.mark.parametrize(("anyio_backend", "way"), Ways)
@pytest.mark.parametrize(
    ("prepare", "work", "judge"),
    [
        pytest.param(acquired, start, known_while_it_runs, id="start"),
        pytest.param(acquired, start, stoppable, id="start-then-stop"),
        pytest.param(nothing, ensure_start, known_while_it_runs, id="ensure_started"),
        pytest.param(nothing, ensure_start, stoppable, id="ensure_started-then-stop"),
        pytest.param(started, stop, stopped_once, id="stop"),
        pytest.param(started, ensure_stop, stopped_once, id="ensure_stopped"),
        pytest.param(nothing, entered, never_doubled, id="aenter"),
        pytest.param(entered, leave, stopped_once, id="aexit"),
        pytest.param(nothing, whole, never_doubled, id="async-with"),
        pytest.param(refusing, ensure_start, known_under_its_uid, id="alternate"),
        pytest.param(refusing, whole, never_doubled, id="alternate-async-with"),
    ],
)
async def test_a_cancellation_at_any_await_loses_nothing(
    way: Way,
    prepare: Callable[[Stage], Awaitable[None]],
    work: Callable[[Stage], Awaitable[None]],
    judge: Callable[[Stage, bool], Awaitable[None]],
) -> None:
    awaits = await at_every_await(way, prepare, work, judge)
    assert awaits > 4, "the harness saw too few awaits to be believed"


@pytest.mark.parametrize(("anyio_backend", "way"), Ways)
async def test_a_client_that_is_cancelled_at_any_await_leaves_nothing_running(way: Way) -> None:
    for target in count(1):
        steps = Steps(target=target)
        run = stage(steps)

        async def program(run: Stage = run) -> None:
            async with run.cloud, run.recording:
                await run.recording.query()

        with suppress(Cancelled):
            await way(program, steps)
        assert run.running == [], f"left running after a cancellation at await {target}"
        assert len(run.emulator.sessions) <= 1
        if not steps.reached:
            assert target > 20, "the harness saw too few awaits to be believed"
            return
