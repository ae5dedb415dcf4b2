"""What the transport needs of a budget: the protocol, and nothing that implements it."""

from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from agora_rec.errors import Violation
from agora_rec.transport.spans import wrong_rate, wrong_span
from agora_rec.vocabulary import Priority


class Budget(Protocol):
    """Something that hands out slots: one slot, one call to the service."""

    @property
    def waiting(self) -> int:
        """How many callers wait for a slot now."""
        ...

    @property
    def used(self) -> int:
        """How many slots have been handed out so far."""
        ...

    def slot_nowait(self, priority: Priority) -> bool:
        """Take a slot if there is one this moment and nobody waits for it; whether it was taken.

        A budget that can't tell without waiting says no, and is asked by `slot` then.
        """
        ...

    async def slot(self, priority: Priority) -> None:
        """Wait for a slot; the call is made at once when this returns. Cancelled: nothing is used."""
        ...

    def slow_down(self) -> None:
        """Take note of a 429: the service has counted more calls than it allows."""
        ...


@runtime_checkable
class SharedBudget(Budget, Protocol):
    """A budget that has to be opened, as those are that several processes share: an async context manager.

    A client that is given one that is not open opens it in its own `__aenter__` and closes it last in its own
    `__aexit__`. Opening must not fail because somebody can't be reached: that may change at any time.
    """

    @property
    def is_open(self) -> bool:
        """Whether it is open: slots can be had."""
        ...

    async def __aenter__(self) -> Self:
        """Open it."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it. Whoever waits for a slot still must not wait for ever."""
        ...


def faults_of_rate(qps: object, jitter: object) -> list[Violation]:
    """What is wrong with a rate and a jitter: nothing, or each of them with its rule."""
    return [*wrong_rate("qps", qps), *wrong_span("jitter", jitter)]
