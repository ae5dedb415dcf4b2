"""What is kept of a recording so that it can go on after a crash, in another process, or by another worker.

A checkpoint is small and holds no secret: no token, no storage key, only a keyed digest of the start's body,
by which the right secrets are recognised when somebody brings them again. How a recording is made from one
stands in `recording/`.
"""

from datetime import datetime
from typing import Final, Self

from attrs import field, frozen

from agora_rec import codec
from agora_rec.errors import Attempt, InvalidRequest, Violation
from agora_rec.lifecycle import Change, Standing
from agora_rec.model import Mode
from agora_rec.model.notification import Notification
from agora_rec.vocabulary import OperationName, Region

FORMAT: Final = 1
"""The version of the JSON form; a newer one is refused, not guessed at."""


@frozen(kw_only=True)
class Tried:
    """One attempt of one of a recording's calls."""

    operation: OperationName
    attempt: Attempt


@frozen(kw_only=True)
class Plan:
    """What whoever supervises a recording means to do with it, so that another process can go on with that.

    Attributes:
        until: When it is to be stopped; None: when it ends by itself.
        lasts: For how many seconds it is recorded, where `until` follows from its start.
        other_uid: Under which uid another one may take its place when the service has lost it.
        follows: The id of the recording whose place it has taken.
        beside: The id of the first of those that record this channel at once (redundancy).
        number: Which of these it is: 0 for the first one, then its twins.
    """

    until: datetime | None = None
    lasts: float | None = None
    other_uid: int | None = None
    follows: str | None = None
    beside: str | None = None
    number: int = 0


@frozen(kw_only=True)
class Checkpoint:
    """Everything about a recording but its secrets.

    Attributes:
        id: Chosen by this library; names the recording in stores.
        key: What its users call it, if it was claimed under a key.
        cname: The channel's name.
        uid: The recorder's uid, as acquired; the alternate one since that was taken.
        mode: How it is recorded, as JSON text without secrets; `described_mode` reads it.
        has_token: Whether the start carries a token, which must be brought again for another start.
        region: Where the service may record, if that was restricted.
        resource_expired_hour: Hours for which the service takes calls; None: its default, 72.
        exclude: Resource IDs of recordings from whose area this one keeps away.
        announce_start: Whether acquire announces the start's parameters.
        alternate_uid: The alternate uid that was offered, as long as it has not been taken.
        alternate_has_token: Whether a start under it carries a token, which must be brought again for that.
        start_digest: Keyed digest of the start's body, once there was a start.
        starters: The clients that have sent the start, and can't say that each of their attempts was refused.
        standing: Where the recording stands: state, ids, files, moments.
        history: The transitions so far, oldest first.
        notifications: The last 20 notifications about it, in the order in which they came.
        heard: The identities of the last notifications that were dealt with; opaque.
        progress: How far the upload is, in ten-thousandths of what is recorded; None: nobody has said.
        tried: The last attempts of its calls that failed, and what ended the trouble, oldest first.
        calls: How many calls it has taken, each attempt counted.
        plan: What its supervisor means to do with it; None: nobody has said.
        saved_at: When the checkpoint was made.
    """

    id: str
    key: str | None = None
    cname: str
    uid: int
    mode: str
    has_token: bool = False
    region: Region | None = None
    resource_expired_hour: int | None = None
    exclude: tuple[str, ...] = ()
    announce_start: bool = False
    alternate_uid: int | None = None
    alternate_has_token: bool = False
    start_digest: str | None = None
    starters: tuple[str, ...] = ()
    standing: Standing = field(factory=Standing)
    history: tuple[Change, ...] = ()
    notifications: tuple[Notification, ...] = ()
    heard: tuple[str, ...] = ()
    progress: int | None = None
    tried: tuple[Tried, ...] = ()
    calls: int = 0
    plan: Plan | None = None
    saved_at: datetime
    format: int = FORMAT

    @property
    def is_unfinished(self) -> bool:
        """Whether something may be running, or its files may be on their way."""
        return self.standing.state.is_unfinished

    @property
    def is_live(self) -> bool:
        """Whether it is what its key stands for: not ended, and its recorder is not known to have left."""
        standing = self.standing
        return not standing.state.is_end and standing.left_at is None

    def described_mode(self, secrets: Mode | None = None) -> Mode:
        """The mode: with the secrets of another one filled in, or with none."""
        return codec.load_mode(self.mode, secrets)

    def to_json(self) -> str:
        """The checkpoint as JSON text."""
        return codec.dump(self)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a checkpoint from JSON text.

        Raises:
            InvalidRequest: It isn't one, or a newer version of this library wrote it.
        """
        try:
            checkpoint = codec.load(cls, text)
            checkpoint.described_mode()
        except codec.BadShape as error:
            raise InvalidRequest(
                (Violation("checkpoint", "...", f"a Checkpoint's to_json(): {error}"),)
            ) from None
        if checkpoint.format > FORMAT:
            rule = f"written by this version of the library or an older one (format {FORMAT} at most)"
            raise InvalidRequest((Violation("checkpoint.format", str(checkpoint.format), rule),))
        return checkpoint
