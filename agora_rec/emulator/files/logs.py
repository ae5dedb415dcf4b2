"""What writing files tells the log `agora_rec.emulator`: what nobody would see otherwise, nothing secret."""

import logging
from typing import Final

logger: Final = logging.getLogger("agora_rec.emulator")


def log_foreign(sid: str, endpoint: str) -> None:
    """A storage is neither on this machine nor allowed."""
    logger.warning(
        "recording %s: nothing is written to %s, which is neither on this machine nor among the endpoints",
        sid,
        endpoint,
    )


def log_refused(sid: str, name: str, word: str) -> None:
    """A storage refused something."""
    logger.warning("recording %s: the storage refused %s: %s", sid, name, word)


def log_failed(sid: str, name: str, what: str) -> None:
    """A file could not be made."""
    logger.error("recording %s: %s could not be made: %s", sid, name, what)
