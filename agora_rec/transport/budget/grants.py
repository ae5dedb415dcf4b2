"""Slots that were granted by another process: what a worker may make of them, by its own clock. Pure."""

import math
from collections import deque
from typing import Final

from attrs import define, field, frozen

from agora_rec.transport.budget.bookings import RESERVE, START_WITHIN

_MARGIN: Final = 1.0 + 1e-6  # lest there seem to be room for two in the very moment of the first


@frozen
class Ask:
    """What a worker asks of whoever counts for all of them.

    Attributes:
        rank: How urgent it is, see `Wish`.
        slots: How many slots are wanted; with 0 a worker takes back what it wanted before.
        was_away: Whether the worker has gone on alone since it last asked.
        met_429: Whether the service has refused a call of this worker for the rate.
    """

    rank: int
    slots: int
    was_away: bool = False
    met_429: bool = False


@frozen
class Answer:
    """What it is told. All times are seconds.

    Attributes:
        slots: How many slots are granted.
        first: When the first of them comes, from the moment of the answer.
        interval: From each to the next.
        wait: When to ask again for the others.
    """

    slots: int
    first: float
    interval: float
    wait: float


@define
class Grants:
    """Slots that were granted, in their order.

    No clock is compared with another one. The counter granted a slot for a moment `first` after it
    answered, and it answered between `asked` and `answered` on the worker's clock. So the slot has come for
    certain at `answered + first`, and is for certain no older than `jitter` until `asked + first + jitter`.

    Args:
        jitter: Seconds by which a slot may be used after its moment.
        workers: How many share the slots.
        interval: Seconds between two of all slots, until an answer says otherwise.
    """

    jitter: float
    workers: int
    _interval: float
    _moments: deque[tuple[float, float]] = field(factory=deque[tuple[float, float]], init=False)

    def __len__(self) -> int:
        return len(self._moments)

    def interval(self, now: float) -> float:  # noqa: ARG002 - the protocol of `Slots`
        """Seconds between two slots that this worker can count on, however busy the others are.

        It decides how many starts may be owed. Where that is a slot in more than two seconds, one start
        at a time is: the others are as likely to need none.
        """
        one_at_a_time = (START_WITHIN - RESERVE) / 2 * _MARGIN
        return max(self._interval, min(self._interval * self.workers, one_at_a_time))

    def due(self, since: float, now: float) -> float:
        """When the next slot that is not too old at `now` came or comes; infinity: there is none."""
        while self._moments and self._moments[0][1] < now:
            self._moments.popleft()
        return max(since, self._moments[0][0]) if self._moments else math.inf

    def take(self, at: float, due: float) -> None:  # noqa: ARG002 - the protocol of `Slots`
        """Use the first one."""
        self._moments.popleft()

    def add(self, answer: Answer, *, asked: float, answered: float) -> bool:
        """Keep what was granted; whether it can be used: not if the answer took longer than the jitter."""
        self._interval = answer.interval
        if answered - asked >= self.jitter:
            return not answer.slots
        for number in range(answer.slots):
            after = answer.first + number * answer.interval
            self._moments.append((answered + after, asked + after + self.jitter))
        return True

    def drop(self) -> None:
        """Give up what is left."""
        self._moments.clear()
