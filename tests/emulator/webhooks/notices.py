"""Notices for tests of their delivery, from a source that tells whatever the test says."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import define, field, frozen

BEGIN = datetime(2026, 5, 28, 20, 40, tzinfo=UTC)


def after(seconds: float) -> datetime:
    """So many seconds after the beginning."""
    return BEGIN + timedelta(seconds=seconds)


@frozen
class Told:
    """Something that happened."""

    number: int
    at: datetime
    event_type: int = 40
    payload: Mapping[str, object] = field(factory=lambda: {"sid": "0f6c2a5d", "sequence": 0})


def told(*seconds: float, event_type: int = 40) -> list[Told]:
    """Notices, numbered from 1, at these seconds."""
    return [Told(number, after(each), event_type) for number, each in enumerate(seconds, 1)]


@define
class Script:
    """A source that knows beforehand what will happen."""

    told: list[Told] = field(factory=list[Told])
    asked: int = 0

    def notices(self, now: datetime, *, after: int = 0) -> list[Told]:
        self.asked += 1
        return [each for each in self.told if each.at <= now and each.number > after]

    def next_notice_at(self, now: datetime) -> datetime | None:
        return min((each.at for each in self.told if each.at > now), default=None)

    def tell(self, at: datetime, event_type: int = 40, **payload: Any) -> Told:
        """One more."""
        notice = Told(len(self.told) + 1, at, event_type, payload)
        self.told.append(notice)
        return notice
