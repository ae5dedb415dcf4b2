"""How others look on while calls are made: the protocol that tracing and metrics plug into.

The send loop tells what happens, when it happens, and knows nobody who listens. What OpenTelemetry makes of
it stands in `agora_rec.telemetry`; log records are the library's own business, in `logs.py`.
"""

from contextlib import AbstractContextManager
from typing import Protocol

from agora_rec.errors import Attempt
from agora_rec.model import AnyAnswer
from agora_rec.operations import Operation


class CallObserver(Protocol):
    """Somebody who looks on at one call. Nothing here may wait or raise."""

    def waited(self, seconds: float, pause: float) -> None:
        """Hear that the waiting before an attempt is over, or was ended.

        Args:
            seconds: How long: the pause before a repetition, then the queue for a connection and a slot.
            pause: How long the pause should take; 0 before the first attempt.
        """
        ...

    def attempt(self, host: str) -> AbstractContextManager[object]:
        """Enclose one attempt. Its failure leaves through the block; which exception that is, is no promise.

        Args:
            host: The base URL that is asked.
        """
        ...

    def attempted(self, attempt: Attempt) -> None:
        """Hear what became of the attempt, just before its block ends."""
        ...


class Telemetry(Protocol):
    """Somebody who looks on at calls, any number of them at once. Nothing here may wait or raise."""

    def observe(self, operation: Operation[AnyAnswer]) -> AbstractContextManager[CallObserver]:
        """Enclose one call, with all its waits and attempts; its failure leaves through the block.

        Args:
            operation: What is called: its `name`, `method` and `path`, and its `subject` (operation, cname,
                uid, resource ID, sid, as far as they are known). The body holds secrets, and masks them.
        """
        ...
