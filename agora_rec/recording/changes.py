"""Following a recording's transitions."""

from agora_rec.lifecycle import Change
from agora_rec.recording.ledger import Ledger
from agora_rec.recording.tail import Follower


class Changes(Follower[Change]):
    """The transitions from the moment on in which this was made, as far as history keeps them."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, ledger.history, ledger.history.total)
