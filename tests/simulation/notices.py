"""Notifications as the oracle reads them: JSON and the service's documents, and no code of the client.

Which events mean that an instance has left, stands in events.yaml: 11 (exit), 31 and 32 (its files are
stored), 41 with "no users" or "client left", 71 and 72 (a page), and 3 with a status from 6 on. An end counts
for the instance that reports it. After a failover that may be one that the recording has left behind: the
last one is the one that was first heard of last.
"""

import json
from typing import Any, Final

from attrs import define, field, frozen

_ENDS: Final = frozenset({11, 31, 32, 71, 72})
_MOVED: Final = 12
_STATUS: Final = 3
_RECORDER_LEFT: Final = 41
_LEAVING: Final = frozenset({6, 7, 8, 20})
_FOR_GOOD: Final = 4 | 16
"""Bits of a leave code: nobody is there, and the recorder has left the channel."""


@frozen(kw_only=True)
class Told:
    """What one notification says. `at` is when it happened, in seconds since 1970."""

    event: int
    cname: str
    uid: str
    sid: str
    at: float
    new_uid: str | None
    is_end: bool


def read_notice(body: bytes) -> Told | None:
    """Read one; None if it is about no recording that has its sid."""
    envelope = json.loads(body)
    payload: dict[str, Any] = envelope.get("payload", {})
    sid = payload.get("sid")
    if not sid:
        return None
    event = int(envelope["eventType"])
    details: dict[str, Any] = payload.get("details", {})
    return Told(
        event=event,
        cname=str(payload.get("cname")),
        uid=str(payload.get("uid")),
        sid=sid,
        at=payload.get("sendts", 0) / 1000,
        new_uid=str(details.get("newUid")) if event == _MOVED else None,
        is_end=event in _ENDS or _leaves(event, details),
    )


def _leaves(event: int, details: dict[str, Any]) -> bool:
    if event == _STATUS:
        return details.get("status") in _LEAVING
    return event == _RECORDER_LEFT and bool(int(details.get("leaveCode", 0)) & _FOR_GOOD)


@define(eq=False)
class Instances:
    """The instances of one recording, by uid, and when each was first heard of."""

    _since: dict[str, float] = field(factory=dict[str, float], init=False)

    def heard(self, told: Told) -> None:
        """An instance speaks, or another one is announced."""
        uid = told.uid if told.new_uid is None else told.new_uid
        self._since[uid] = min(told.at, self._since.get(uid, told.at))

    def with_one(self, told: Told) -> "Instances":
        """These, and the one that a notification tells of."""
        more = Instances()
        more._since = dict(self._since)
        more.heard(told)
        return more

    def is_over(self, ended: set[str]) -> bool:
        """Whether these ends are the recording's: whether the last instance is among those that ended."""
        return bool(ended) and max(self._since, key=self._since.__getitem__) in ended
