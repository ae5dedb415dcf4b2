"""Names of recorded files: built and taken apart, purely.

The rules are those of the service's file management pages (files.yaml `names`, `after_failover`,
`after_backup`, `prefix`, `replaced_characters`). Nothing here lists, reads or fetches a file.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum, unique
from typing import Final

from attrs import frozen


@unique
class FileKind(StrEnum):
    """What a recorded file is."""

    PLAYLIST = "playlist"
    SLICE = "slice"
    MP4 = "mp4"
    SNAPSHOT = "snapshot"
    MIXED_AUDIO = "mixed_audio"
    """The one file of postponed audio mixing (legacy)."""


@unique
class Media(StrEnum):
    """What an individual recording's file holds."""

    AUDIO = "audio"
    VIDEO = "video"


@frozen
class Backup:
    """The two numbers of a playlist that came back from the service's own backup.

    `index` counts from 0; the highest is the newest version. `tick` orders them in time, it is not
    defined any nearer.
    """

    tick: int
    index: int


@frozen(kw_only=True)
class FileName:
    """One recorded file's name, in its parts; `str()` puts them together again.

    `uid` and `media` belong to individual recordings and screenshots, `start` (aware, UTC, to the
    millisecond) to slices and screenshots, `index` to MP4 and mixed audio. `failover` is the number
    of the move to another server that began this file (0 for the first), `backup` marks a playlist
    that came back from the service's backup. `folders` is the recording's `fileNamePrefix`.
    """

    kind: FileKind
    sid: str
    cname: str
    extension: str
    uid: int | None = None
    media: Media | None = None
    start: datetime | None = None
    index: int | None = None
    failover: int | None = None
    backup: Backup | None = None
    folders: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"{self.sid}_{self.cname}"]
        if self.media is not None:
            parts.append(f"_uid_s_{self.uid}__uid_e_{self.media}")
        if self.start is not None:
            parts.append(utc_text(self.start))
        if self.index is not None:
            parts.append(str(self.index))
        if self.backup is not None:
            parts.append(f"{self.backup.tick}_{self.backup.index}")
        moved = "" if self.failover is None else f"bak{self.failover}_"
        return "/".join((*self.folders, f"{moved}{'_'.join(parts)}.{self.extension}"))


def mixed_playlist(sid: str, cname: str, *, folders: Sequence[str] = ()) -> FileName:
    """The one playlist of a mix or web recording (for web, `cname` through `web_cname`)."""
    return FileName(kind=FileKind.PLAYLIST, sid=sid, cname=cname, extension="m3u8", folders=tuple(folders))


def mixed_mp4(sid: str, cname: str, index: int, *, folders: Sequence[str] = ()) -> FileName:
    """One MP4 of a mix or web recording; `index` counts from 0."""
    return FileName(
        kind=FileKind.MP4, sid=sid, cname=cname, extension="mp4", index=index, folders=tuple(folders)
    )


def mixed_slice(sid: str, cname: str, start: datetime, *, folders: Sequence[str] = ()) -> FileName:
    """One slice of a mix or web recording, beginning at `start`."""
    return FileName(
        kind=FileKind.SLICE, sid=sid, cname=cname, extension="ts", start=start, folders=tuple(folders)
    )


def user_playlist(sid: str, cname: str, uid: int, media: Media, *, folders: Sequence[str] = ()) -> FileName:
    """The playlist of one user's audio or video in an individual recording."""
    return FileName(
        kind=FileKind.PLAYLIST,
        sid=sid,
        cname=cname,
        extension="m3u8",
        uid=uid,
        media=media,
        folders=tuple(folders),
    )


def user_slice(
    sid: str,
    cname: str,
    uid: int,
    media: Media,
    start: datetime,
    *,
    extension: str = "ts",
    folders: Sequence[str] = (),
) -> FileName:
    """One slice of one user's audio or video; `extension` is `webm` for some browser senders."""
    return FileName(
        kind=FileKind.SLICE,
        sid=sid,
        cname=cname,
        extension=extension,
        uid=uid,
        media=media,
        start=start,
        folders=tuple(folders),
    )


def snapshot(sid: str, cname: str, uid: int, start: datetime, *, folders: Sequence[str] = ()) -> FileName:
    """One screenshot of one user's video, taken at `start`."""
    return FileName(
        kind=FileKind.SNAPSHOT,
        sid=sid,
        cname=cname,
        extension="jpg",
        uid=uid,
        media=Media.VIDEO,
        start=start,
        folders=tuple(folders),
    )


_REPLACED: Final = str.maketrans(dict.fromkeys("!@#$%^&*()+_.=[]{}~|,;:?<>", "-"))


def web_cname(cname: str) -> str:
    """`cname` as it stands in the names of a web recording's files: special characters become hyphens."""
    return cname.translate(_REPLACED)


def utc_text(moment: datetime) -> str:
    """A moment as the 17 digits of file names (YYYYMMDDHHMMSSmmm in UTC)."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y%m%d%H%M%S}{utc.microsecond // 1000:03d}".rjust(17, "0")


def utc_moment(text: str) -> datetime:
    """The moment of 17 such digits.

    Raises:
        ValueError: these digits are no moment.
    """
    if not re.fullmatch(r"[0-9]{17}", text):
        raise ValueError("a moment in a file name has 17 digits")
    whole = datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    return whole.replace(microsecond=int(text[14:]) * 1000)


_HEAD: Final = r"(?:bak(?P<failover>[0-9]{1,9})_)?(?P<sid>{sid})_(?P<cname>{cname})"
_USER: Final = r"__uid_s_(?P<uid>[0-9]{1,10})__uid_e_(?P<media>audio|video)"
_BACKUP: Final = r"(?:_(?P<tick>[0-9]{6,20})_(?P<version>[0-9]{1,9}))?"
_START: Final = r"_(?P<start>[0-9]{17})"
_INDEX: Final = r"_(?P<index>[0-9]{1,9})"
_FORMS: Final = (
    (FileKind.SLICE, _USER + _START, r"\.(?P<extension>ts|webm)"),
    (FileKind.SNAPSHOT, _USER + _START, r"\.(?P<extension>jpg)"),
    (FileKind.PLAYLIST, _USER + _BACKUP, r"\.(?P<extension>m3u8)"),
    (FileKind.SLICE, _START, r"\.(?P<extension>ts)"),
    (FileKind.MP4, _INDEX, r"\.(?P<extension>mp4)"),
    (FileKind.MIXED_AUDIO, _INDEX, r"\.(?P<extension>mp3|m4a|aac)"),
    (FileKind.PLAYLIST, _BACKUP, r"\.(?P<extension>m3u8)"),
)


def parse(name: str, *, sid: str | None = None, cname: str | None = None) -> FileName:
    """Take a file's name apart.

    Without `cname` (as it stands in the name: `web_cname` for web), a channel name that itself ends
    like a part of a file name is ambiguous, and the parts win over the channel's name. With it,
    and with `sid`, nothing is guessed.

    Args:
        name: the name, with or without folders.
        sid: the recording's sid, if it is known.
        cname: the channel's name, if it is known.

    Raises:
        ValueError: no file of the recording service is called that (or not one of this recording).
    """
    *folders, last = name.split("/")
    if cname is not None:
        # A channel name may hold a slash only by mistake; then the known name says where folders end.
        depth = cname.count("/")
        last = "/".join((*folders[len(folders) - depth :], last)) if depth <= len(folders) else last
        folders = folders[: len(folders) - depth]
    head = _HEAD.replace("{sid}", "[0-9A-Za-z]+" if sid is None else re.escape(sid)).replace(
        "{cname}", ".+?" if cname is None else re.escape(cname)
    )
    for kind, middle, end in _FORMS:
        found = re.fullmatch(head + middle + end, last, re.DOTALL)
        if found is not None:
            return _read(kind, found, tuple(folders))
    raise ValueError("this is no name of a recorded file of this recording")


def _read(kind: FileKind, found: re.Match[str], folders: tuple[str, ...]) -> FileName:
    parts = found.groupdict()

    def number(part: str) -> int | None:
        text = parts.get(part)
        return None if text is None else int(text)

    start, media = parts.get("start"), parts.get("media")
    tick, version = number("tick"), number("version")
    return FileName(
        kind=kind,
        sid=parts["sid"],
        cname=parts["cname"],
        extension=parts["extension"],
        uid=number("uid"),
        media=None if media is None else Media(media),
        start=None if start is None else utc_moment(start),
        index=number("index"),
        failover=number("failover"),
        backup=None if tick is None or version is None else Backup(tick, version),
        folders=folders,
    )
