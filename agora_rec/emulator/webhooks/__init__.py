"""How the emulated service sends its notifications: signed, to one receiver, again where that fails.

Which events happen, and when, is not decided here: they come in as notices. `schedule` is the pure core
(what is sent when, and how often), `courier` the shell that does it, `over_http` and `over_asgi` the two ways
to a receiver.
"""

from agora_rec.emulator.webhooks.records import (
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    HealthCheck,
    Reception,
)
from agora_rec.emulator.webhooks.switches import WebhookSwitches

__all__ = [
    "Delivery",
    "DeliveryAttempt",
    "DeliveryState",
    "HealthCheck",
    "Reception",
    "WebhookSwitches",
]
