"""The attempts of a recording's calls that are worth remembering: those that failed, and what ended that.

Pure. A recording of which every call is answered leaves nothing here.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from agora_rec.errors import Attempt
from agora_rec.store import Tried
from agora_rec.vocabulary import OperationName

TRIED_KEPT: Final = 10
"""How many attempts are kept with each recording."""


class Attempts:
    """The last attempts that failed, and the first good one after each of them."""

    __slots__ = ("calls", "kept", "revision", "written")

    def __init__(self, tried: Iterable[Tried] = (), calls: int = 0) -> None:
        self.kept: tuple[Tried, ...] = tuple(tried)[-TRIED_KEPT:]
        """The last ones, oldest first."""
        self.revision: int = 0
        """Grows with each attempt that is remembered here."""
        self.calls: int = calls
        """How many attempts there were, good ones included."""
        self.written: int = calls
        """How many of them the store knew when it was last written or read."""

    def add(self, operation: OperationName, attempt: Attempt) -> None:
        """Count an attempt, and remember it if it says anything."""
        self.calls += 1
        if attempt.status != HTTPStatus.OK or self._is_in_trouble(operation):
            self.kept = (*self.kept, Tried(operation=operation, attempt=attempt))[-TRIED_KEPT:]
            self.revision += 1

    def merge(self, others: Iterable[Tried], calls: int) -> None:
        """Learn what other workers have tried, and how many attempts they know of."""
        self.calls, self.written = calls + self.calls - self.written, calls
        known = {(each.operation, each.attempt.at): each for each in (*others, *self.kept)}
        self.kept = tuple(sorted(known.values(), key=lambda each: each.attempt.at)[-TRIED_KEPT:])

    def _is_in_trouble(self, operation: OperationName) -> bool:
        last = next((each for each in reversed(self.kept) if each.operation is operation), None)
        return last is not None and last.attempt.status != HTTPStatus.OK
