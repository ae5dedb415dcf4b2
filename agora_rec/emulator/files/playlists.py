"""How a playlist reads: the tags that all players know, and Agora's own (files.yaml `playlist`). Pure."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from attrs import field, frozen

from agora_rec.emulator.recorded import milliseconds
from agora_rec.files import utc_text

_HEADER: Final = ("#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-MEDIA-SEQUENCE:0", "#EXT-X-ALLOW-CACHE:YES")
_END: Final = "#EXT-X-ENDLIST"
_TARGET_MIN: Final = 18
"""The target duration of the published samples with slices of 15 seconds; a longer slice counts more."""


@frozen(kw_only=True)
class Entry:
    """One slice in a playlist.

    `name` is without folders. `broken`: it doesn't go on where the one before it ended. `starts` are the
    streams (audio, video) that begin with it, with their moments. `size` is the picture's, where it is told.
    """

    name: str
    begin: datetime
    seconds: float
    broken: bool
    starts: tuple[tuple[str, datetime], ...] = ()
    size: tuple[int, int] | None = None


@frozen
class Listing:
    """One version of a playlist: the first `count` of its entries, to which others may be added later.

    `closed`: nothing will be added. `commas`: a comma ends each duration, as RFC 8216 wants it
    (`correctEXTINF`). `unix_times`: the moments in Agora's tags are Unix milliseconds instead of 17 digits.
    """

    entries: Sequence[Entry] = field(repr=False)
    count: int
    closed: bool
    commas: bool
    unix_times: bool

    def text(self) -> str:
        """The file."""
        listed = self.entries[: self.count]
        longest = max((math.ceil(each.seconds) for each in listed), default=0)
        lines = [*_HEADER, f"#EXT-X-TARGETDURATION:{max(_TARGET_MIN, longest)}"]
        for each in listed:
            lines += self._lines(each)
        return "\n".join([*lines, _END, ""] if self.closed else [*lines, ""])

    def _lines(self, entry: Entry) -> Iterator[str]:
        if entry.broken:
            yield "#EXT-X-DISCONTINUITY"
        if entry.broken and entry.size is not None:
            width, height = entry.size
            turned = f"WIDTH={width},HEIGHT={height},ROTATE=0,TIME={self._time(entry.begin)}"
            yield f"#EXT-X-AGORA-ROTATE:{turned}"
        for medium, moment in entry.starts:
            told = f"EVENT=START,TRACK_TYPE={medium.upper()},TIME={self._time(moment)}"
            yield f"#EXT-X-AGORA-TRACK-EVENT:{told}"
        yield f"#EXTINF:{entry.seconds:.6f}{',' if self.commas else ''}"
        yield entry.name

    def _time(self, moment: datetime) -> str:
        return str(milliseconds(moment)) if self.unix_times else utc_text(moment)
