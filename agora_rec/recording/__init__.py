"""One recording: the lifecycle driven over the API, on behalf of callers who may leave at any time.

`recording.py` is what users hold, `driver.py` and `starting.py` send the commands, `ledger.py` keeps what
is known and writes it down, `goals.py` and `watching.py` reach ends and look after beginnings. Recordings
know their client only through `keeper.py`.
"""

from agora_rec.recording.description import Description
from agora_rec.recording.heard import Heard, identity, remember
from agora_rec.recording.keeper import Keeper
from agora_rec.recording.ledger import Ledger
from agora_rec.recording.outcome import Outcome, Take
from agora_rec.recording.recording import Recording
from agora_rec.recording.unwritten import Unwritten

__all__ = [
    "Description",
    "Heard",
    "Keeper",
    "Ledger",
    "Outcome",
    "Recording",
    "Take",
    "Unwritten",
    "identity",
    "remember",
]
