"""What a client's recordings know and its store doesn't: kept until it is written, whoever else holds them.

A recording that has ended is held by nobody, and its end may be what the store could not take. When it is
tried again, and what is said in the end, the client decides (`client/following.py`).
"""

import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agora_rec.recording.ledger import Ledger

log: Final = logging.getLogger("agora_rec")

MOST_KEPT: Final = 10_000
"""How many recordings that run no more are kept for this; of more the oldest are let go, loudly."""


class Unwritten:
    """The ledgers that are ahead of the store, in the order of their latest failures."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._behind: dict[Ledger, None] = {}

    @property
    def ledgers(self) -> "tuple[Ledger, ...]":
        """All of them, the one that has waited longest first."""
        return tuple(self._behind)

    def __contains__(self, ledger: "Ledger") -> bool:
        return ledger in self._behind

    def add(self, ledger: "Ledger") -> None:
        """Keep one whose write has failed; it comes last, so that no other waits for it for ever."""
        self._behind.pop(ledger, None)
        self._behind[ledger] = None
        if len(self._behind) > self._most:
            self._let_go()

    def drop(self, ledger: "Ledger") -> None:
        """Keep one no longer that is written."""
        self._behind.pop(ledger, None)

    def give_up(self) -> None:
        """Say of each that it will not be written from here: the client closes."""
        for ledger in self._behind:
            _tell(ledger, "the client closes")
        self._behind.clear()

    def _let_go(self) -> None:
        oldest = next((each for each in self._behind if not each.state.is_unfinished), None)
        if oldest is not None:  # the others run: they are held in any case
            del self._behind[oldest]
            _tell(oldest, f"more than {self._most} recordings wait for the store")


def _tell(ledger: "Ledger", why: str) -> None:
    log.error(
        "%s, and the store was not told that recording %s is %s: others may believe that it runs",
        why,
        ledger.description.label,
        ledger.state,
        extra=ledger.log_fields,
    )
