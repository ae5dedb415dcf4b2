"""The order of those who wait: who is next. Pure, with time passed in.

When the next slot comes is not known here: that is the pace's business.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

from attrs import define, field, frozen

from agora_rec.transport.budget.bookings import RESERVE, START_WITHIN, WATCH_SHARE, Bookings
from agora_rec.vocabulary import Priority

W = TypeVar("W", bound=Hashable)

_IN_ORDER: Final = tuple(sorted(Priority))


@frozen
class Wish:
    """How urgently a line wants a slot, and how many slots it could use.

    Attributes:
        rank: 0 for a start that can wait no longer, otherwise 1 + the priority of the best that may go.
        slots: How many of those that wait may go.
    """

    rank: int
    slots: int


@define
class Line(Generic[W]):
    """Those who wait for a slot, each in the class of its `Priority`.

    At each slot the first of these rules that applies says who has it.

    1. Watching queries, if the `WATCH_SHARE` - 1 slots before all went to others while they waited.
    2. The first start, if a start that is owed would come too late otherwise (see `Bookings`).
    3. The others by `Priority`; an acquire only while there is room for its start.

    Within a class it is first come, first served.

    Every call costs the same, however many wait.
    """

    bookings: Bookings = field(factory=Bookings, init=False)
    waiting: int = field(default=0, init=False)
    _classes: tuple["OrderedDict[W, None]", ...] = field(init=False, repr=False)
    _passed_over: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._classes = tuple(OrderedDict() for _ in _IN_ORDER)

    def join(self, priority: Priority, who: W) -> None:
        """Queue up."""
        self._classes[priority][who] = None
        self.waiting += 1

    def leave(self, priority: Priority, who: W) -> None:
        """Leave without a slot, if one still waits: those behind move up."""
        if who in self._classes[priority]:
            self._remove(priority, who)

    def pass_by(self, priority: Priority, now: float, interval: float) -> bool:
        """Give a slot to one that need not wait, since nobody does; False: it is an acquire that has to."""
        if priority is Priority.START:
            self.bookings.use(now)
        elif priority is Priority.ACQUIRE:
            self.bookings.lapse(now)
            if not self.bookings.can_wait(now, interval):
                return False
            self.bookings.book(now, interval)
        return True

    def next(self, now: float, at: float, interval: float) -> tuple[W, float]:
        """Who has the slot that comes at `at`, as things stand `now`, and when; somebody must wait.

        The moment is later than `at` if only acquires wait and have to: it is then worth asking again.
        """
        self.bookings.lapse(now)
        watching, starts = self._classes[Priority.WATCH], self._classes[Priority.START]
        if watching and self._passed_over >= WATCH_SHARE - 1:
            return next(iter(watching)), at
        if starts and not self.bookings.can_wait(at, interval):
            return next(iter(starts)), at
        for priority in _IN_ORDER:
            waiting = self._classes[priority]
            if waiting and (priority is not Priority.ACQUIRE or self._has_room(at, interval)):
                return next(iter(waiting)), at
        return next(iter(self._classes[Priority.ACQUIRE])), max(at, self.bookings.first_lapse)

    def wish(self, now: float, interval: float) -> Wish | None:
        """What this line would ask of somebody who serves several lines; None: nobody may go."""
        self.bookings.lapse(now)
        can_wait = self.bookings.can_wait(now, interval)
        best: int | None = None
        slots = 0
        for priority in _IN_ORDER:
            there = len(self._classes[priority])
            if priority is Priority.ACQUIRE:
                there = min(there, int(self._has_room(now, interval)))  # the next one, after the answer
            if there and best is None:
                best = 1 + priority
            slots += there
        if best is None:
            return None
        return Wish(0 if self._classes[Priority.START] and not can_wait else best, slots)

    def serve(self, priority: Priority, who: W, now: float, interval: float) -> None:
        """Give the slot to one that waits."""
        self._passed_over = 0 if priority is Priority.WATCH else self._passed_over + 1
        self._remove(priority, who)
        if priority is Priority.START:
            self.bookings.use(now)
        elif priority is Priority.ACQUIRE:
            self.bookings.book(now, interval)

    def _remove(self, priority: Priority, who: W) -> None:
        del self._classes[priority][who]
        self.waiting -= 1
        if not self._classes[Priority.WATCH]:
            self._passed_over = 0

    def _has_room(self, at: float, interval: float) -> bool:
        """Whether an acquire may go at `at`: its start must find a slot, whatever else is promised."""
        watching_is_next = bool(self._classes[Priority.WATCH]) and self._passed_over >= WATCH_SHARE - 2
        if watching_is_next and 2 * interval > START_WITHIN - RESERVE:
            return False  # at such rates the slot after the next is too late for a start
        return self.bookings.can_wait(at, interval)
