"""`Unpaced`: the budget that has no limit."""

from agora_rec.vocabulary import Priority


class Unpaced:
    """A budget without a limit: every slot is there at once. What `qps=None` means."""

    def __init__(self) -> None:
        self._used = 0

    def __repr__(self) -> str:
        return f"Unpaced(used={self._used})"

    @property
    def waiting(self) -> int:
        """Nobody ever waits."""
        return 0

    @property
    def used(self) -> int:
        """How many slots have been handed out so far."""
        return self._used

    def slot_nowait(self, priority: Priority) -> bool:  # noqa: ARG002 - the protocol's signature
        """Say yes."""
        self._used += 1
        return True

    async def slot(self, priority: Priority) -> None:
        """Return at once."""
        self.slot_nowait(priority)

    def slow_down(self) -> None:
        """Do nothing: the retry's own wait is all that slows down here."""
