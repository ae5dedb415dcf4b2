"""The modes of a client's recordings as text: thousands of recordings may have the same."""

from typing import Final

from agora_rec import codec
from agora_rec.model import Mode

TEXTS_KEPT: Final = 64
"""How many different modes are known at a time; the oldest make room."""


class ModeTexts:
    """Writes modes as checkpoints hold them, and gives equal ones as one text."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def text_of(self, mode: Mode) -> str:
        """The mode as JSON text without its secrets."""
        text = codec.dump_mode(mode)
        shared = self._known.setdefault(text, text)
        if len(self._known) > TEXTS_KEPT:
            del self._known[next(iter(self._known))]
        return shared
