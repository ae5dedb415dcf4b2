"""The emulator as fixtures hand it out, with secrets that nobody may see."""

from typing import Any

from agora_rec.testing import PatientClock, StagedEmulator
from tests.support import secrets


def staged(*, patience: float | None = 0.001, **options: Any) -> StagedEmulator:
    """One whose clock goes on by itself after so many seconds of the machine; None: when it is moved."""
    return StagedEmulator(
        clock=PatientClock(patience=patience),
        customer_id=secrets.CUSTOMER_ID,
        customer_secret=secrets.CUSTOMER_SECRET,
        webhook_secret=secrets.WEBHOOK_SECRET,
        **options,
    )
