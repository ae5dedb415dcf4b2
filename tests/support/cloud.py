"""A client over an emulator in process, on one clock; a few ready modes; callers in tasks of their own.

`stage()` is the usual way in. With `anyio_backend = virtual_time` both sides live in virtual time, so that
what takes minutes takes none.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final, Generic, TypeVar

import anyio
from anyio.abc import TaskGroup
from attrs import define, field

from agora_rec import (
    AmazonS3,
    AmazonS3Region,
    AudioProfile,
    Checkpoint,
    CloudRecording,
    Individual,
    Mix,
    Recording,
    State,
    SubscribeUidGroup,
    Web,
)
from agora_rec.clock import Clock, LoopClock
from agora_rec.emulator import Call, Emulator, Settings, WebhookSwitches
from agora_rec.notifications import BeforeAck, NotificationApp
from agora_rec.store import Lease
from agora_rec.vocabulary import OperationName
from tests.support import secrets
from tests.support.stores import HandingOn

T = TypeVar("T")

CNAME: Final = "class-42"
UID: Final = 880011

ACQUIRE, START, QUERY, UPDATE, UPDATE_LAYOUT, STOP = (
    OperationName.ACQUIRE,
    OperationName.START,
    OperationName.QUERY,
    OperationName.UPDATE,
    OperationName.UPDATE_LAYOUT,
    OperationName.STOP,
)

LATENCY: Final = 0.01
"""Seconds that the emulator takes for every call, unless told otherwise."""


def bucket(**more: Any) -> AmazonS3:
    """A storage with keys that nobody may see."""
    given: dict[str, Any] = {
        "region": AmazonS3Region.EU_WEST_1,
        "bucket": "recordings",
        "access_key": secrets.ACCESS_KEY,
        "secret_key": secrets.SECRET_KEY,
    }
    return AmazonS3(**(given | more))


def mix(**more: Any) -> Mix:
    """Everybody in one picture."""
    return Mix(storage=bucket(), **more)


def individual(**more: Any) -> Individual:
    """Each user apart."""
    return Individual(storage=bucket(), subscribe_uid_group=SubscribeUidGroup.FROM_3_TO_7, **more)


def web(**more: Any) -> Web:
    """A page."""
    given: dict[str, Any] = {
        "url": "https://example.com/lesson",
        "audio_profile": AudioProfile.MONO_48_KBPS,
        "video_width": 1280,
        "video_height": 720,
        "max_recording_hour": 3,
    }
    return Web(storage=bucket(), **(given | more))


@define
class Stage:
    """An emulator, an open client, and what passed between them."""

    emulator: Emulator
    cloud: CloudRecording
    clock: LoopClock

    def recording(self, cname: str = CNAME, uid: int = UID, mode: Any = None, **more: Any) -> Recording:
        """A recording of which nothing was sent."""
        return self.cloud.recording(cname, uid, mode or mix(), **more)

    async def started(self, cname: str = CNAME, uid: int = UID, mode: Any = None, **more: Any) -> Recording:
        """A recording that has its sid."""
        recording = self.recording(cname, uid, mode, **more)
        await recording.acquire()
        await recording.start()
        return recording

    @property
    def sent(self) -> list[str]:
        """The calls that reached the service, by name, in the order of arrival."""
        return sent(self.emulator.calls)

    def calls(self, operation: OperationName) -> list[Call]:
        """The calls of one kind."""
        return [call for call in self.emulator.calls if call.operation is operation]

    def times_of(self, operation: OperationName, since: float = 0.0) -> list[float]:
        """When the calls of one kind arrived, in seconds on the loop's clock after `since`."""
        zero = self.clock.now().timestamp() - self.clock.monotonic() + since
        return [round(call.at.timestamp() - zero, 3) for call in self.calls(operation)]

    @property
    def running(self) -> list[str]:
        """The sids of what runs at the service."""
        return [session.sid for session in self.emulator.running()]


def sent(calls: Iterable[Call]) -> list[str]:
    """The names of calls."""
    return [call.operation.value for call in calls if call.operation is not None]


def an_emulator(*, clock: LoopClock | None = None, qps: float | None = None, **settings: Any) -> Emulator:
    """An emulator with secrets that nobody may see."""
    chosen: dict[str, Any] = {"latency": LATENCY} | settings
    return Emulator(
        customer_id=secrets.CUSTOMER_ID,
        customer_secret=secrets.CUSTOMER_SECRET,
        qps=qps,
        clock=clock or LoopClock(),
        settings=Settings(**chosen),
    )


def a_client(emulator: Emulator, clock: Clock | None = None, **more: Any) -> CloudRecording:
    """A client of it, not yet open."""
    given: dict[str, Any] = {
        "customer_id": secrets.CUSTOMER_ID,
        "customer_secret": secrets.CUSTOMER_SECRET,
        "base_url": emulator.base_url,
        "transport": emulator.transport(),
        "qps": None,
        "clock": clock,
    }
    return CloudRecording(emulator.app_id, **(given | more))


@asynccontextmanager
async def stage(*, client: dict[str, Any] | None = None, **settings: Any) -> AsyncGenerator[Stage]:
    """Open a client over an emulator with these settings."""
    clock = LoopClock()
    emulator = an_emulator(clock=clock, **settings)
    async with a_client(emulator, clock, **(client or {})) as cloud:
        yield Stage(emulator, cloud, clock)


@asynccontextmanager
async def notified(
    *,
    switches: WebhookSwitches,
    settings: Settings,
    client: dict[str, Any] | None = None,
    before_ack: BeforeAck | None = None,
) -> AsyncGenerator[tuple[Emulator, CloudRecording]]:
    """An emulator that delivers to the application of a client of its own."""
    clock = LoopClock()
    emulator = Emulator(
        customer_id=secrets.CUSTOMER_ID,
        customer_secret=secrets.CUSTOMER_SECRET,
        webhook_secret=secrets.WEBHOOK_SECRET,
        qps=None,
        clock=clock,
        webhooks=switches,
        settings=settings,
    )
    options = {"webhook_secret": secrets.WEBHOOK_SECRET, **(client or {})}
    async with a_client(emulator, clock, **options) as cloud:
        emulator.webhooks_to = NotificationApp(cloud, before_ack=before_ack)
        async with emulator.delivering():
            yield emulator, cloud


@define
class Caller(Generic[T]):
    """Somebody who calls in a task of his own; what came of it is kept."""

    scope: anyio.CancelScope = field(factory=anyio.CancelScope)
    is_back: bool = False
    value: T | None = None
    error: Exception | None = None
    _done: anyio.Event = field(factory=anyio.Event)

    async def run(self, work: Callable[[], Awaitable[T]]) -> None:
        """Do it."""
        try:
            with self.scope:
                self.value = await work()
                self.is_back = True
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.error = error
            self.is_back = True
        finally:
            self._done.set()

    async def finished(self) -> None:
        """Wait until the caller is back, or was cancelled."""
        await self._done.wait()


async def calling(tasks: TaskGroup, work: Callable[[], Awaitable[T]]) -> Caller[T]:
    """Let somebody call, and come back when the call has begun to wait."""
    caller: Caller[T] = Caller()
    tasks.start_soon(caller.run, work)
    await anyio.wait_all_tasks_blocked()
    return caller


async def all_back(*callers: Caller[Any]) -> None:
    """Wait until all of them are back."""
    for caller in callers:
        await caller.finished()


async def until(recording: Recording, *states: State) -> None:
    """Wait until the recording is in one of these states."""
    while recording.state not in states:
        await recording._ledger.change()


def state_of(recording: Recording) -> State:
    """Its state, read anew: type checkers believe that an attribute stays what an assert found."""
    return recording.state


@define(eq=False)
class SlowStore(HandingOn):
    """A store that takes its time for each write."""

    seconds: float = field(default=1.0, kw_only=True)

    async def save(self, checkpoint: Checkpoint, *, version: int, lease: Lease | None = None) -> int:
        """Take the time."""
        await anyio.sleep(self.seconds)
        return await super().save(checkpoint, version=version, lease=lease)
