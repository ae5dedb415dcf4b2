"""Events of the uploader: where the files are, and how far the upload is."""

from typing import ClassVar

from attrs import frozen

from agora_rec.model.answers import RecordedFile
from agora_rec.model.events.base import Event, PartStatus


@frozen(kw_only=True)
class UploaderStarted(Event):
    """The uploader has started (30).

    Attributes:
        status: Whether it goes on normally.
    """

    event_type: ClassVar[int] = 30
    status: PartStatus | None = None


@frozen(kw_only=True)
class FilesUploaded(Event):
    """All files are in the customer's storage (31).

    Attributes:
        status: Whether the uploader is well.
        files: The files; none from page recordings.
    """

    event_type: ClassVar[int] = 31
    status: PartStatus | None = None
    files: tuple[RecordedFile, ...] = ()


@frozen(kw_only=True)
class FilesBackuped(Event):
    """All files are safe (32), at least one of them in Agora's backup, which passes it on by itself.

    Attributes:
        status: Whether the uploader is well.
        files: The files; none from page recordings.
    """

    event_type: ClassVar[int] = 32
    status: PartStatus | None = None
    files: tuple[RecordedFile, ...] = ()


@frozen(kw_only=True)
class UploadingProgress(Event):
    """How much of what was recorded is uploaded (33); each minute from the start on.

    Attributes:
        progress: Uploaded of recorded files, in ten-thousandths: 0 to 10000. It never falls; 10000 means
            done only after the recording has ended.
    """

    event_type: ClassVar[int] = 33
    progress: int | None = None


@frozen(kw_only=True)
class StsExpired(Event):
    """The storage's temporary token has run out (34). Seen by others, not documented."""

    event_type: ClassVar[int] = 34
