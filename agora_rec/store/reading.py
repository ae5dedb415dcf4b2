"""Reading checkpoints as a store has kept them: what is damaged is named, and hides none of the others."""

import logging
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import frozen

from agora_rec.errors import InvalidRequest, StoreUnavailable
from agora_rec.errors.text import shown
from agora_rec.store.checkpoint import Checkpoint
from agora_rec.store.protocol import Stored

logger: Final = logging.getLogger("agora_rec")


@frozen
class Kept:
    """A recording as a server or a file has it, not read yet."""

    id: str
    version: int | str | bytes
    text: str | bytes

    def stored(self) -> Stored:
        """Read it.

        Raises:
            StoreUnavailable: It is damaged, or from a newer version of this library.
        """
        text = self.text
        try:
            whole = text if isinstance(text, str) else text.decode(errors="surrogatepass")
            return Stored(Checkpoint.from_json(whole), int(self.version))
        except (InvalidRequest, ValueError) as error:
            cause = f"the checkpoint of recording {shown(self.id, 80)} can't be read: {error}"
            raise StoreUnavailable(cause) from None


def readable(kept: Iterable[Kept]) -> Iterator[Stored]:
    """Read all of them. One that can't be read is logged and passed over."""
    for each in kept:
        try:
            yield each.stored()
        except StoreUnavailable as error:
            logger.error("a recording is passed over: %s", error.cause, extra={"recording_id": each.id})  # noqa: TRY400 - the text says it
