"""The client: `CloudRecording`, which opens and sends, and the recordings that are made through it."""

from agora_rec.client.client import CloudRecording

__all__ = ["CloudRecording"]
