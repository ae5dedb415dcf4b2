"""When the temporary keys (STS) of a recording's storage have to be renewed. Pure."""

from datetime import datetime, timedelta
from typing import Final

from agora_rec.model import Mode
from agora_rec.model.storage import TemporaryKeyBucket

RENEW_EVERY: Final = timedelta(minutes=60)
"""How long after keys were sent the next ones are (timing.yaml `sts_refresh_every`)."""
BEFORE_THE_END: Final = timedelta(minutes=10)
"""How long before keys are over they are renewed at the latest, where that is known."""
AGAIN_AFTER: Final = (60.0, 120.0, 300.0)
"""Seconds after which a renewal that failed is tried again; the last one repeats."""


def renewal_at(mode: Mode, sent_at: datetime) -> datetime | None:
    """When the keys that were sent at that moment are to be renewed; None: they are no temporary ones."""
    storage = mode.storage
    if not isinstance(storage, TemporaryKeyBucket) or storage.sts_token is None:
        return None
    usual = sent_at + RENEW_EVERY
    return usual if storage.sts_expiration is None else min(usual, storage.sts_expiration - BEFORE_THE_END)
