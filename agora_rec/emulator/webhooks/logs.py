"""What delivering writes to the log `agora_rec.emulator`: what nobody would see otherwise, nothing secret.

Deliveries that go well, and those that are tried again, are in `Emulator.deliveries` only.
"""

import logging
from typing import Final

from agora_rec.emulator.webhooks.records import Delivery

logger: Final = logging.getLogger("agora_rec.emulator")


def log_dropped(delivery: Delivery) -> None:
    """A notification was given up."""
    last = delivery.attempts[-1]
    logger.warning(
        "notification %d (eventType %d) was given up after %d attempts; the last one: %s",
        delivery.number,
        delivery.event_type,
        len(delivery.attempts),
        " ".join(str(part) for part in (last.reception, last.status, last.detail) if part),
    )


def log_crash(error: Exception) -> None:
    """The application that receives notifications raised this."""
    logger.error("Exception in the application that receives notifications", exc_info=error)
