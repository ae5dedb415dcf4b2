"""How a recording takes in notifications: what the inbox does with one of them, step by step.

Whose a notification is, and in which order these steps come, the inbox knows (`notifications/inbox.py`).
"""

from datetime import timedelta
from typing import Final

from agora_rec.model.notification import Notification
from agora_rec.recording.driver import Driver
from agora_rec.vocabulary import State

CLOCK_DIFFERENCE: Final = timedelta(seconds=60)
"""By how much the service's clock may differ from ours, where a notification is to be newer than a start."""


class Hearing:
    """What the inbox may do to a recording. `keys` is the `identity` of a notification."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._ledger = driver.ledger

    def awaits(self, notification: Notification) -> bool:
        """Whether a notification with an unknown sid is about this one: its start was sent just before."""
        standing, sent_at = self._ledger.standing, notification.sent_at
        if standing.state is not State.STARTING or standing.start_sent_at is None or sent_at is None:
            return False
        return sent_at >= standing.start_sent_at - CLOCK_DIFFERENCE

    def is_settled(self, keys: tuple[str, ...]) -> bool:
        """Whether this notification was dealt with, here or by another worker."""
        return self._ledger.heard.is_settled(keys)

    def take(self, notification: Notification, keys: tuple[str, ...]) -> bool:
        """Take in what a notification says, and keep it; whether it had not been heard before."""
        return self._driver.hear(notification, keys)

    def settle(self, keys: tuple[str, ...]) -> None:
        """Remember that this notification was dealt with."""
        self._ledger.heard.settle(keys)

    async def catch_up(self, version: int) -> None:
        """Learn what other workers have written, unless that is known here; a store that fails is reported.

        Args:
            version: The version that the store is said to have.
        """
        if version > self._ledger.version:
            await self._ledger.look_up()

    async def keep_pace(self) -> None:
        """Learn what others may have written; a store that fails is reported."""
        await self._ledger.look_up()

    async def reread(self) -> None:
        """Learn what other workers have written to the store; raises what the store raises."""
        await self._ledger.refresh()

    async def save(self) -> None:
        """Write what is known to the store; raises what the store raises."""
        await self._ledger.save()
