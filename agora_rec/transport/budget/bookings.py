"""What is owed to starts: each acquire books a slot for the start that belongs to it.

Pure arithmetic with time passed in. A booking is anonymous: a start uses up the oldest one, whosever it was.
Starts that have none (repeated ones, or those that come too late) are no business of this module.
"""

from collections import deque
from typing import Final

from attrs import define, field

START_WITHIN: Final = 2.0
"""Seconds after an acquire in which its start should go (timing.yaml `times.start_after_acquire`)."""

RESERVE: Final = 0.1
"""Seconds of those that are kept free for timers that wake late."""

WATCH_SHARE: Final = 10
"""Of how many slots watching queries get one at least while they wait.

At 10 calls a second that is one a second: 120 recordings can then be watched every two minutes
(timing.yaml `times.query_interval_watch`), more than may run at once, while everything else gives up a tenth.
"""

_STRETCH: Final = WATCH_SHARE / (WATCH_SHARE - 1)  # how much further apart starts go beside that share


@define
class _Booking:
    number: int
    deadline: float
    lapses: float


@define
class Bookings:
    """The bookings that are neither used nor lapsed, oldest first.

    The question at each slot is whether somebody else may have it: would all starts that are owed still come
    in time? They go one after another, so the k-th of them needs k slots more than the first. The
    tightest is looked up and not searched for (a queue of minima): at high rates there are hundreds of them.
    """

    _owed: deque[_Booking] = field(factory=deque[_Booking], init=False)
    _tightest: deque[tuple[int, float]] = field(factory=deque[tuple[int, float]], init=False, repr=False)
    _interval: float = field(default=0.0, init=False)
    _count: int = field(default=0, init=False)

    def __len__(self) -> int:
        return len(self._owed)

    @property
    def first_lapse(self) -> float:
        """When the oldest booking lapses; there must be one."""
        return self._owed[0].lapses

    def book(self, now: float, interval: float) -> None:
        """Owe a start, for `START_WITHIN`; where no slot comes so soon, until the very next one."""
        booking = _Booking(
            self._count,
            now + START_WITHIN - RESERVE,
            now + max(START_WITHIN, 1.5 * interval),
        )
        self._count += 1
        self._owed.append(booking)
        self._weigh(booking)

    def use(self, now: float) -> None:
        """A start goes: the oldest booking that has not lapsed, if there is one, is its."""
        self.lapse(now)
        if self._owed:
            self._drop()

    def lapse(self, now: float) -> None:
        """Forget those whose start did not come: the acquire failed, or its caller went away."""
        while self._owed and self._owed[0].lapses < now:
            self._drop()

    def can_wait(self, at: float, interval: float) -> bool:
        """Whether all starts that are owed would still come in time if another call went at `at`.

        One more slot is set aside for a watching query whose turn may be next. An acquire asks for no more
        than that: its own start is owed later than all others.
        """
        if not self._owed:
            return True
        if interval != self._interval:
            self._interval = interval
            self._tightest.clear()
            for booking in self._owed:
                self._weigh(booking)
        passed = self._owed[0].number * interval * _STRETCH
        return at + 2 * interval <= self._tightest[0][1] + passed

    def _weigh(self, booking: _Booking) -> None:
        """Keep the latest moment for this one, if no later one is as tight."""
        latest = booking.deadline - booking.number * self._interval * _STRETCH
        while self._tightest and self._tightest[-1][1] >= latest:
            self._tightest.pop()
        self._tightest.append((booking.number, latest))

    def _drop(self) -> None:
        gone = self._owed.popleft()
        if self._tightest[0][0] == gone.number:
            self._tightest.popleft()
