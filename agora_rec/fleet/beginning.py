"""Having a recording begin, however often that takes: what may be tried again, when, and for how long.

Whoever wants it no more cancels this: a start that is under way goes on, and is looked after.
"""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from agora_rec.clock import nth_pause
from agora_rec.errors import (
    AgoraRecError,
    ConcurrencyLimitReached,
    FleetClosed,
    IllegalTransition,
    RateLimited,
    ServiceUnavailable,
    StartUnconfirmed,
    StoreConflict,
    StoreUnavailable,
    TransportError,
)
from agora_rec.recording import Recording
from agora_rec.supervision import Charge, IncidentKind
from agora_rec.supervision.incidents import told
from agora_rec.vocabulary import State

if TYPE_CHECKING:
    from agora_rec.fleet.entry import Entry

T = TypeVar("T")

AGAIN: Final = (
    TransportError,
    ServiceUnavailable,
    RateLimited,
    StartUnconfirmed,
    StoreConflict,
    StoreUnavailable,
)
"""What a start may meet that says nothing against trying it again later."""
MISTAKES: Final = (
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    NameError,
    AssertionError,
    NotImplementedError,
)
"""Errors that are not this library's and won't pass either: somebody's code is wrong."""
START_AGAIN: Final = (5.0, 10.0, 15.0, 30.0)
"""Seconds after which a start that met one of these is tried again; the last one repeats."""


async def persist(entry: "Entry", step: Callable[[], Awaitable[T]]) -> T:
    """Do something that a store, or whoever brings secrets, may fail at for a while; try it again.

    Raises:
        Exception: It was refused for good, or has failed for too long.
    """
    failures = _Failures(entry, None)
    while True:
        try:
            return await step()
        except Exception as error:  # noqa: BLE001 - whatever stores raise
            await failures.heed(error)


async def reach_start(entry: "Entry", charge: Charge) -> None:
    """Have it record; try again where nothing speaks against it.

    From before its start on it is known to others as looked after, or a fleet that adopts would take it over.

    Returns also when it has been stopped or has ended meanwhile: its state tells.

    Raises:
        FleetClosed: Somebody has withdrawn its start, and nothing runs.
        StartUnconfirmed: Nobody can say whether it records.
        AgoraRecError: It was refused for good, or for too long.
        Exception: Whatever the store, or the provider of secrets, raises.
    """
    recording = charge.recording
    async with AsyncExitStack() as stack:
        refusals = _Refusals(entry, recording, stack)
        failures = _Failures(entry, recording)
        while True:
            if charge.lookout is not None:
                await charge.lookout.take()
            try:
                await recording.ensure_started()
            except ConcurrencyLimitReached as error:
                await refusals.heed(error)
            except IllegalTransition:
                if recording.state.is_before_start:
                    raise FleetClosed from None  # its start was withdrawn by a stop
                return  # somebody has stopped it, or it has ended: that is seen to
            except Exception as error:
                if recording.state is State.STARTING and recording.driver.is_lapsed:
                    raise recording.driver.unconfirmed(told(error)) from error  # only a notification can tell
                await failures.heed(error)
            else:
                return


def may_pass(error: Exception) -> bool:
    """Whether it may go well when it is tried again later."""
    if isinstance(error, AgoraRecError):
        return isinstance(error, AGAIN)
    return not isinstance(error, MISTAKES)  # a store's driver, or whoever brings secrets, has its own errors


class _Refusals:
    """What is done when the service says that there is no room (406): one asks again, the others wait."""

    def __init__(self, entry: "Entry", recording: Recording, stack: AsyncExitStack) -> None:
        self._entry = entry
        self._recording = recording
        self._stack = stack
        self._is_probing = False
        self._count = 0

    async def heed(self, error: ConcurrencyLimitReached) -> None:
        """Wait until it is worth while to ask again; raises the error when its time is over before that."""
        with self._entry.while_wanted() as scope:
            await self._wait(error)
        if scope.cancelled_caught:
            raise error

    async def _wait(self, error: ConcurrencyLimitReached) -> None:
        admission = self._entry.admission
        if not self._is_probing:
            self._is_probing = True
            self._entry.happened(IncidentKind.LIMIT_REACHED, str(error), self._recording)
            await self._stack.enter_async_context(admission.probing())
        elif await admission.room(self._count):
            self._count = 0
        else:
            self._count += 1


class _Failures:
    """What is done when a start fails for reasons that pass."""

    def __init__(self, entry: "Entry", recording: Recording | None) -> None:
        self._entry = entry
        self._recording = recording
        self._count = 0
        self._since: datetime | None = None

    async def heed(self, error: Exception) -> None:
        """Wait before the next try; raises the error when it won't pass, or has gone on for too long."""
        if not may_pass(error):
            raise error
        pause = nth_pause(START_AGAIN, self._count)
        self._count += 1
        # Whether something runs, nobody knows: to know it, and to stop it, it takes the sid.
        is_unconfirmed = self._recording is not None and self._recording.state is State.STARTING
        if not is_unconfirmed and self._is_too_late(pause):
            raise error
        self._entry.happened(IncidentKind.START_RETRIED, told(error), self._recording)
        await self._entry.roster.clock.sleep(pause)

    def _is_too_late(self, pause: float) -> bool:
        fleet = self._entry.roster
        now = fleet.clock.now()
        then = now + timedelta(seconds=pause)
        self._since = self._since or now
        return self._entry.is_over_by(then) or then > self._since + fleet.start_within
