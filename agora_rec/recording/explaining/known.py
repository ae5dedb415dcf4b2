"""What is known of a recording, as the rules ask for it: a checkpoint and a moment, and nothing else.

Every question is answered with evidence; an empty answer means that nothing speaks for it.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cached_property
from http import HTTPStatus
from typing import Final, TypeVar

from agora_rec.lifecycle import Change, FactKey, Standing, hours_of
from agora_rec.model import Mode, Web
from agora_rec.model import events as e
from agora_rec.model.notification import Notification
from agora_rec.recording.explaining import telling
from agora_rec.recording.explaining.values import Evidence
from agora_rec.recording.heard import NOTIFICATIONS_KEPT
from agora_rec.store import Checkpoint, Tried
from agora_rec.vocabulary import OperationName, State

E = TypeVar("E", bound=e.Event)
Found = tuple[Evidence, ...]
"""What speaks for something; empty: nothing does."""

IDLE_SECONDS: Final = 30
"""The service's own `maxIdleTime` (timing.yaml `ranges`)."""

_LOOKS: Final = frozenset(
    {OperationName.QUERY, OperationName.UPDATE, OperationName.UPDATE_LAYOUT, OperationName.STOP}
)


class Known:
    """A recording at a moment."""

    def __init__(self, checkpoint: Checkpoint, at: datetime) -> None:
        self.checkpoint = checkpoint
        self.at = at
        self.standing: Standing = checkpoint.standing

    @property
    def state(self) -> State:
        """Where it stands."""
        return self.standing.state

    @cached_property
    def mode(self) -> Mode:
        """How it is recorded, without secrets."""
        return self.checkpoint.described_mode()

    @property
    def is_web(self) -> bool:
        """Whether it is a page that is recorded."""
        return isinstance(self.mode, Web)

    @property
    def hours(self) -> int:
        """For how many hours the service takes calls."""
        return hours_of(self.checkpoint.resource_expired_hour)

    @property
    def until(self) -> datetime | None:
        """When these are over."""
        began = self.standing.acquired_at or self.standing.start_sent_at
        return None if began is None else began + timedelta(hours=self.hours)

    @property
    def maybe_running(self) -> bool:
        """Whether something may run at the service."""
        standing = self.standing
        if standing.state is State.FAILED:
            return bool(self.changes(FactKey.OUT_OF_CONTROL)) and standing.left_at is None
        return standing.state.may_record or (standing.state is State.STOPPING and standing.left_at is None)

    @property
    def words(self) -> dict[str, object]:
        """What the texts of the rules may name."""
        mode = self.mode
        idle = None if isinstance(mode, Web) else mode.max_idle_time
        return {
            "idle": IDLE_SECONDS if idle is None else idle,
            "hours": self.hours,
            "page_hours": mode.max_recording_hour if isinstance(mode, Web) else 0,
            "ready": (mode.ready_timeout or 0) if isinstance(mode, Web) else 0,
        }

    @property
    def hears_all(self) -> bool:
        """Whether what didn't come would be seen: notifications come in, and none was dropped yet."""
        return 0 < len(self.checkpoint.notifications) < NOTIFICATIONS_KEPT

    def events(self, kind: type[E], where: Callable[[E], bool] = lambda _: True) -> Found:
        """The notifications of a kind of event."""
        return tuple(telling.of_notification(each) for each, event in self._events(kind) if where(event))

    def events_of_the_last_instance(
        self, kind: type[E], where: Callable[[E], bool] = lambda _: True
    ) -> Found:
        """The same without those of instances that a failover has left behind."""
        return tuple(
            telling.of_notification(each)
            for each, event in self._events(kind)
            if each.uid not in self.standing.superseded and where(event)
        )

    def _events(self, kind: type[E]) -> Iterator[tuple[Notification, E]]:
        for each in self.checkpoint.notifications:
            if isinstance(each.event, kind):
                yield each, each.event

    def changes(self, *keys: FactKey) -> Found:
        """The transitions that such facts have brought."""
        return tuple(telling.of_change(each) for each in self.checkpoint.history if each.fact in keys)

    @property
    def last_change(self) -> Change | None:
        """The transition that brought it where it stands."""
        return self.checkpoint.history[-1] if self.checkpoint.history else None

    def last_tried(self, operation: OperationName) -> Tried | None:
        """The last attempt of a call, if it failed."""
        last = next((each for each in reversed(self.checkpoint.tried) if each.operation is operation), None)
        return None if last is None or last.attempt.status == HTTPStatus.OK else last

    @cached_property
    def not_found(self) -> Found:
        """That the service didn't know it, as long as it has not been found since."""
        found: list[Evidence] = []
        for each in self.checkpoint.tried:
            if each.operation not in _LOOKS:
                continue
            if each.attempt.status == each.attempt.code == HTTPStatus.NOT_FOUND:
                found.append(telling.of_attempt(each))
            elif each.attempt.status == HTTPStatus.OK:
                found.clear()
        return tuple(found)

    @cached_property
    def vanished(self) -> Found:
        """That it ended, or wasn't found, and where its files are nobody says."""
        if self.state not in {State.RECORDING, State.STOPPING, State.FAILED} or self.was_stopped:
            return ()
        return self.not_found or self.abnormal_exits

    @property
    def was_stopped(self) -> bool:
        """Whether a stop of ours brought its end about, as far as is known."""
        return bool(self.changes(FactKey.STOP_SENT, FactKey.STOP_ACKNOWLEDGED))

    @cached_property
    def abnormal_exits(self) -> Found:
        """That the service's task has ended abnormally."""
        events = (
            *self.events_of_the_last_instance(
                e.SessionExit, lambda event: event.exit_status not in {None, 0}
            ),
            *self.events_of_the_last_instance(e.StatusUpdated, lambda event: event.status == _ABNORMAL),
        )
        return events or (self.changes(FactKey.ENDED_WITHOUT_FILES) if self.state is State.FAILED else ())

    def is_past(self, moment: datetime | None, seconds: float) -> bool:
        """Whether so much time has gone by since a moment; not if that is unknown."""
        return moment is not None and (self.at - moment).total_seconds() > seconds

    def missing(self, what: str, since: datetime | None, seconds: float) -> Found:
        """That something has not come within so many seconds of a moment, as evidence."""
        if not self.is_past(since, seconds) or since is None:
            return ()
        return (Evidence(at=since + timedelta(seconds=seconds), what=f"{what} until then"),)


_ABNORMAL: Final = 20
"""The status of a task that ended abnormally (events.yaml `enums.status`)."""
