"""Webhooks: what the service says by itself."""

from agora_rec.notifications.app import NotificationApp
from agora_rec.notifications.receiver import BeforeAck, Receiver

__all__ = ["BeforeAck", "NotificationApp", "Receiver"]
