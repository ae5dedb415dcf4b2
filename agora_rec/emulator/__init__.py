"""A faithful local Agora Cloud Recording service: for quickstarts, tests and simulations.

`Emulator` is all that most users need. It shares no rules with the client that it judges: what it plays
comes from the service's documents alone.
"""

from agora_rec.emulator.calls import Call, Fate
from agora_rec.emulator.control.guard import ControlAccess
from agora_rec.emulator.dial import AcceleratedClock, SteppedClock
from agora_rec.emulator.emulator import Emulator
from agora_rec.emulator.events import EventType
from agora_rec.emulator.faults import (
    Cut,
    Delay,
    Fault,
    Garble,
    LoseAnswer,
    Refuse,
    SlowAnswer,
    Unreachable,
    Upload,
)
from agora_rec.emulator.handle import ChannelHandle
from agora_rec.emulator.life import Moment, MomentKind
from agora_rec.emulator.notices import Notice
from agora_rec.emulator.settings import AppIdRefusal, PageTrouble, Settings, User
from agora_rec.emulator.terms import EndReason, Track
from agora_rec.emulator.views import SessionView
from agora_rec.emulator.webhooks import (
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    HealthCheck,
    Reception,
    WebhookSwitches,
)

__all__ = [
    "AcceleratedClock",
    "AppIdRefusal",
    "Call",
    "ChannelHandle",
    "ControlAccess",
    "Cut",
    "Delay",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryState",
    "Emulator",
    "EndReason",
    "EventType",
    "Fate",
    "Fault",
    "Garble",
    "HealthCheck",
    "LoseAnswer",
    "Moment",
    "MomentKind",
    "Notice",
    "PageTrouble",
    "Reception",
    "Refuse",
    "SessionView",
    "Settings",
    "SlowAnswer",
    "SteppedClock",
    "Track",
    "Unreachable",
    "Upload",
    "User",
    "WebhookSwitches",
]
