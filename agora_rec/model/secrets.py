"""What checkpoints don't hold, asked for when it is needed: the answer of a `secrets` provider."""

from attrs import field, frozen

from agora_rec.model.storage import Storage
from agora_rec.secret import Secret, hide


@frozen(kw_only=True)
class Secrets:
    """The secrets of one start.

    Attributes:
        token: the RTC token for the recording's channel and uid, if the project has its App Certificate on.
            It can't be renewed while it records, so it must outlive the recording.
        storage: the storage with its keys, as the recording's mode describes it; only keys, and the session
            of temporary ones, may differ. None: those that the recording has are good.
    """

    token: Secret | None = field(default=None, converter=hide)
    storage: Storage | None = None
