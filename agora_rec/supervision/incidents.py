"""What happens to recordings that somebody should know of: kept with their results, and logged."""

from datetime import datetime
from enum import StrEnum, unique

from attrs import frozen

from agora_rec.errors import AgoraRecError


@unique
class IncidentKind(StrEnum):
    """What has happened."""

    START_RETRIED = "start retried"
    """It could not be started, and that is tried again."""
    LIMIT_REACHED = "limit reached"
    """The service runs as many recordings as the account allows (code 406): it waits."""
    NOT_STARTED = "not started"
    """It was refused for good, or its time was over before it could begin."""
    UNCONFIRMED = "unconfirmed"
    """Its start was sent and nobody knows whether it runs."""
    LOST = "lost"
    """The service has lost it: its disappearance is confirmed, or it ended abnormally."""
    REPLACED = "replaced"
    """Another one has taken its place."""
    NOT_REPLACED = "not replaced"
    """It was to be replaced, and could not be."""
    LIFETIME = "lifetime"
    """Soon the service will take no more calls for it (`resourceExpiredHour`)."""
    RENEWAL_FAILED = "renewal failed"
    """The keys of its storage could not be renewed; that is tried again."""
    STOP_FAILED = "stop failed"
    """Its stop was refused or not answered: it may still run; the stop is sent again."""
    OUT_OF_CONTROL = "out of control"
    """The service takes no more calls for it, and it may still run."""
    UPLOAD_UNKNOWN = "upload unknown"
    """It ended, and nobody has said where its files are."""


@frozen(kw_only=True)
class Incident:
    """Something that has happened to a recording.

    Attributes:
        at: When.
        kind: What.
        text: In words; no secrets.
        recording_id: Which recording, if it was one already.
    """

    at: datetime
    kind: IncidentKind
    text: str
    recording_id: str | None = None

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.text}"


def told(error: Exception) -> str:
    """An error in words: ours tell no secrets, of others only the kind is told."""
    return str(error) if isinstance(error, AgoraRecError) else f"{type(error).__name__} was raised"
