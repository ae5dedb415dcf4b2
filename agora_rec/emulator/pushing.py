"""How the pushes of a web recording (RTMP) fare: their status by the moment, and its changes."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from attrs import field, frozen

from agora_rec.emulator.session import FAR, Session

_CONNECTS: Final = timedelta(seconds=1)


@frozen
class PushStatus:
    """What one push was doing from a moment on; `word` as in events.yaml rtmp_status."""

    at: datetime
    url: str = field(repr=False)
    word: str


def outputs(session: Session, now: datetime) -> tuple[tuple[str, str], ...]:
    """The addresses that are pushed to at `now`, each with its status."""
    begun, urls = _latest(session, now)
    return tuple((url, _word(session, url, begun, now)) for url in urls)


def overall(session: Session, now: datetime) -> str:
    """The status of the whole service, as a stop's answer of 2022 tells it."""
    begun, _ = _latest(session, now)
    return _word(session, "", begun, now)


def _latest(session: Session, now: datetime) -> tuple[datetime, tuple[str, ...]]:
    told, urls = [each for each in session.pushes if each[0] <= now][-1]
    # Another server connects anew.
    return max(told, session.worker(now).ready_at), urls


def _word(session: Session, url: str, begun: datetime, now: datetime) -> str:
    if session.onhold(now):
        return "onhold"
    if now < begun + _CONNECTS:
        return "connecting"
    return "disconnected" if url in session.settings.dead_outputs else "publishing"


def changes(session: Session) -> Iterator[PushStatus]:
    """What became of each push when, in order, if nothing more is asked of the recording."""
    if not session.pushes:
        return
    begins = [each.ready_at for each in session.workers] + [told for told, _ in session.pushes]
    moments = {*begins, *(begin + _CONNECTS for begin in begins), *(told for told, _ in session.holds)}
    end = session.end(FAR)
    limit = FAR if end is None else end.at
    last: dict[str, tuple[datetime, str]] = {}
    for moment in sorted(moments):
        if not session.ready_at <= moment < limit or session.is_moving(moment):
            continue
        begun, urls = _latest(session, moment)
        for url in urls:
            word = _word(session, url, begun, moment)
            if last.get(url) != (begun, word):
                last[url] = (begun, word)
                yield PushStatus(moment, url, word)
