"""The tasks that do a client's jobs: each does one after another, so that most calls need no new task.

To make a task (its scopes, its state, its place in the group) costs more than much of what it is made for.
What is done, and what becomes of errors, is `recording/`'s business.
"""

from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any, Final, TypeVar, TypeVarTuple

import anyio
from anyio.abc import TaskGroup

from agora_rec.clock import Clock
from agora_rec.recording.jobs import Job

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_Given = tuple[Job[Any], Context, Callable[..., Coroutine[Any, Any, Any]], tuple[Any, ...]]

THINNED_EVERY: Final = 10.0
"""Seconds after which tasks end that were not needed in all that time."""


class _Hand:
    """One task of a crew: what it is given to do, and how it is called to that."""

    __slots__ = ("called", "given")

    def __init__(self, given: _Given) -> None:
        self.given: _Given | None = given
        self.called = anyio.Semaphore(0)

    def take(self, given: _Given) -> Awaitable[None]:
        """What it is to do now; it keeps no hold of that."""
        job, context, work, args = given
        self.given = None
        return job.run(context, work, *args)


class Crew:
    """Does jobs in a task group, where no cancellation reaches them, each in its asker's context.

    Args:
        group: Where its tasks run.
        clock: How it counts the time after which a task isn't needed any more.
    """

    def __init__(self, group: TaskGroup, clock: Clock) -> None:
        self._group = group
        self._clock = clock
        self._context = copy_context()  # so that no task holds on to the context that it was made in
        self._free: dict[_Hand, None] = {}  # the one that became free last is called first
        self._fewest_free = 0
        self._thinning: anyio.CancelScope | None = None
        self._is_dismissed = False

    def spawn(self, job: Job[T], work: Callable[[*Ts], Coroutine[Any, Any, T]], *args: *Ts) -> None:
        """Have a job done, beginning soon.

        Raises:
            RuntimeError: The group has ended.
        """
        given = job, copy_context(), work, args
        if self._free:
            hand, _ = self._free.popitem()
            self._fewest_free = min(self._fewest_free, len(self._free))
            hand.given = given
            hand.called.release()
        else:
            self._fewest_free = 0
            self._context.copy().run(self._begin, _Hand(given))

    def dismiss(self) -> None:
        """Let each task end as soon as it has nothing to do: the group is about to be left."""
        self._is_dismissed = True
        if self._thinning is not None:
            self._thinning.cancel()
        self._let_go(len(self._free))

    def _begin(self, hand: _Hand) -> None:
        self._group.start_soon(self._serve, hand, name="agora_rec: a recording's work")

    async def _serve(self, hand: _Hand) -> None:
        cancelled = anyio.get_cancelled_exc_class()
        with anyio.CancelScope(shield=True):
            while hand.given is not None:
                await hand.take(hand.given)
                if not self._is_dismissed:
                    self._rest(hand)
                    try:  # noqa: SIM105 - cheaper than `suppress`, in every call
                        await hand.called.acquire()
                    except cancelled:
                        pass  # by asyncio's own means: what was given meanwhile is done all the same
        self._free.pop(hand, None)

    def _rest(self, hand: _Hand) -> None:
        self._free[hand] = None
        if self._thinning is None:
            self._thinning = anyio.CancelScope()
            self._context.copy().run(self._begin_thinning, self._thinning)

    def _begin_thinning(self, scope: anyio.CancelScope) -> None:
        self._group.start_soon(self._thin_out, scope, name="agora_rec: let unneeded tasks end")

    async def _thin_out(self, scope: anyio.CancelScope) -> None:
        """Let those tasks end, time and again, that were free all the time; until none is left."""
        with scope:
            while self._free:
                self._fewest_free = len(self._free)
                await self._clock.sleep(THINNED_EVERY)
                self._let_go(self._fewest_free)
        self._thinning = None

    def _let_go(self, number: int) -> None:
        for hand in list(self._free)[:number]:
            del self._free[hand]
            hand.called.release()
