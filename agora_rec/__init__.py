"""agora_rec: an asyncio and trio client for Agora Cloud Recording."""

__version__ = "0.1.0"
