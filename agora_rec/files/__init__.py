"""Recorded files. So far their names only; playlists and buckets are not read here."""

from agora_rec.files.names import (
    Backup,
    FileKind,
    FileName,
    Media,
    mixed_mp4,
    mixed_playlist,
    mixed_slice,
    parse,
    snapshot,
    user_playlist,
    user_slice,
    utc_moment,
    utc_text,
    web_cname,
)

__all__ = [
    "Backup",
    "FileKind",
    "FileName",
    "Media",
    "mixed_mp4",
    "mixed_playlist",
    "mixed_slice",
    "parse",
    "snapshot",
    "user_playlist",
    "user_slice",
    "utc_moment",
    "utc_text",
    "web_cname",
]
