"""The attempts of a recording's calls that are worth remembering: those that failed, and what ended that.

Pure. A recording of which every call is answered leaves nothing here.
"""

from collections import deque
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

    def __init__(self, tried: Iterable[Tried] = (), calls: int = 0) -> None:
        self._kept = deque(tried, maxlen=TRIED_KEPT)
        self.revision: int = 0
        """Grows with each attempt that is remembered here."""
        self.calls: int = calls
        """How many attempts there were, good ones included."""

    @property
    def kept(self) -> tuple[Tried, ...]:
        """The last ones, oldest first."""
        return tuple(self._kept)

    def add(self, operation: OperationName, attempt: Attempt) -> None:
        """Count an attempt, and remember it if it says anything."""
        self.calls += 1
        if attempt.status != HTTPStatus.OK or self._is_in_trouble(operation):
            self._kept.append(Tried(operation=operation, attempt=attempt))
            self.revision += 1

    def merge(self, others: Iterable[Tried], calls: int) -> None:
        """Learn what other workers have tried, and how many attempts they know of."""
        self.calls = max(self.calls, calls)
        known = {(each.operation, each.attempt.at): each for each in (*others, *self._kept)}
        self._kept = deque(sorted(known.values(), key=lambda each: each.attempt.at), maxlen=TRIED_KEPT)

    def _is_in_trouble(self, operation: OperationName) -> bool:
        last = next((each for each in reversed(self._kept) if each.operation is operation), None)
        return last is not None and last.attempt.status != HTTPStatus.OK
