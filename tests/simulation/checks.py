"""What must hold besides the legality of calls: what the client says, beside the emulator's truth."""

import random
from collections.abc import Callable, Container, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from attrs import define, field

from agora_rec import CloudRecording, MemoryStore, Outcome, Recording, State, UploadingStatus
from agora_rec.emulator import Emulator, EndReason, SessionView
from agora_rec.emulator.views import view
from agora_rec.lifecycle import Change, Standing, facts
from agora_rec.lifecycle.heard import facts_heard
from agora_rec.model import RecordedFile
from agora_rec.model.notification import Notification
from agora_rec.recording.heard import identity
from agora_rec.store import Store
from tests.simulation.specs import Spec
from tests.simulation.trace import Trace

_NOTHING_RUNS: Final = frozenset({State.IDLE, State.ACQUIRED, State.UPLOADED, State.BACKUPED, State.FAILED})
_OUT_OF_CONTROL: Final = "out of control"
REORDERED: Final = 3
"""In how many random orders notifications are given to fresh machines, beside their own and its reverse."""
_FAILURES: Final = frozenset(
    {EndReason.WRONG_PARAMETERS, EndReason.UID_TAKEN, EndReason.FAILED_OVER_TOO_OFTEN}
)


@define(eq=False)
class Checks:
    """The invariants; a violation goes into the trace."""

    emulator: Emulator
    trace: Trace
    foreign: set[str] = field(factory=set[str], init=False)
    """Resource IDs of recordings that somebody else has started."""
    misreported: set[str] = field(factory=set[str], init=False)
    """Sids of which the service itself says that they have ended, by an instance that was left behind."""
    was_told_over: Callable[[str], bool] = field(default=lambda _: False)
    """Whether somebody was told that, and nothing of the new instance: he can't know better."""

    def sessions(self, spec: Spec, recording: Recording | None = None) -> tuple[SessionView, ...]:
        """What there ever was of a recording, at the service."""
        # Not `Emulator.sessions`: to look at all of them each time would take most of a seed.
        now = self.emulator._clock.now()
        self.emulator._service.catch_up(now)
        return tuple(
            view(each, now)
            for each in self.emulator._service.office.sessions.values()
            if each.resource.cname == spec.cname and each.resource.resource_id not in self.foreign
        )

    def ended(self, resource_ids: Container[str]) -> set[str]:
        """Which of these resource IDs have had a recording that is over."""
        now = self.emulator._clock.now()
        self.emulator._service.catch_up(now)
        return {
            each.resource.resource_id
            for each in self.emulator._service.office.sessions.values()
            if each.resource.resource_id in resource_ids and not each.is_running(now)
        }

    def running(self, spec: Spec, recording: Recording | None = None) -> tuple[SessionView, ...]:
        """What runs now of a recording, at the service, and isn't said by the service to have ended."""
        return tuple(
            each for each in self.sessions(spec, recording) if each.running and not self.is_excused(each.sid)
        )

    def is_excused(self, sid: str) -> bool:
        """Whether the service has lied about a recording, and nobody could know."""
        return sid in self.misreported and self.was_told_over(sid)

    def state_is_true(self, spec: Spec, recording: Recording) -> None:
        """(2) A state that says "nothing runs" tells the truth, at any moment."""
        if (
            recording.state in _NOTHING_RUNS
            and not is_out_of_control(recording)
            and self.running(spec, recording)
        ):
            self.trace.violate(f"{spec.label} is {recording.state.value}, and it runs")

    def has_stopped(self, spec: Spec, recording: Recording, after: str) -> None:
        """(1) What was stopped with success doesn't run, at that very moment."""
        if self.running(spec, recording) and not is_out_of_control(recording):
            self.trace.violate(f"{spec.label} runs after {after} has succeeded")

    def is_gone(self, spec: Spec, recording: Recording) -> None:
        """(2) `RecordingGone` is certain."""
        if self.running(spec, recording):
            self.trace.violate(f"{spec.label} was said to be gone, and it runs")

    def files_exist(self, label: str, files: Iterable[RecordedFile], sessions: Sequence[SessionView]) -> None:
        """(2) Files that were named exist."""
        existing = {name for each in sessions for name in each.files}
        named = {file.name for file in files}
        if any(each.instance_uid != each.uid for each in sessions):
            # An MP4 file that a server was writing was listed, and went with the server: nobody is told.
            named = {name for name in named if not name.endswith(".mp4")}
        if not named <= existing:
            self.trace.violate(f"{label}: files that don't exist: {sorted(named - existing)}")

    def outcome_is_true(self, spec: Spec, recording: Recording, outcome: Outcome) -> None:
        """(2) An outcome agrees with the service: where the files are, and which there are."""
        sessions = self.sessions(spec, recording)
        self.files_exist(spec.label, outcome.files, sessions)
        stored = {each.uploading_status for each in sessions}
        if outcome.in_bucket is True and UploadingStatus.UPLOADED not in stored:
            self.trace.violate(f"{spec.label}: its files are said to be in the bucket; {stored}")
        if outcome.in_bucket is False and not stored & {UploadingStatus.BACKUPED, UploadingStatus.UNKNOWN}:
            self.trace.violate(f"{spec.label}: its files are said to be in the backup; {stored}")
        existing = sorted({name for each in sessions for name in each.files})
        if outcome.no_data and existing:
            self.trace.violate(f"{spec.label}: said to have no data, and there is {existing}")

    def ended_as_said(self, spec: Spec, recording: Recording) -> None:
        """(2) The final state agrees with the truth, or says that it isn't known."""
        self.state_is_true(spec, recording)
        self.outcome_is_true(spec, recording, recording.outcome)
        sessions = self.sessions(spec, recording)
        if recording.state in (State.UPLOADED, State.BACKUPED) and not sessions:
            self.trace.violate(f"{spec.label} is {recording.state.value}, and it never was")
        if recording.state is State.FAILED and not is_out_of_control(recording):
            reasons = {each.end_reason for each in sessions}
            if not reasons <= _FAILURES and not any(self.is_excused(each.sid) for each in sessions):
                self.trace.violate(f"{spec.label} is failed; the service says {reasons}")

    def never_doubled(self, spec: Spec) -> None:
        """(3) Of one recording there was at most one session, ever."""
        sessions = self.sessions(spec)
        if len(sessions) > 1:
            self.trace.violate(f"{spec.label} was started {len(sessions)} times")

    async def nothing_unknown_runs(self, store: Store) -> None:
        """(1) What runs is known to the store as something that runs or may run, or was reported loudly."""
        known = {each.checkpoint.standing.resource_id async for each in store.unfinished()}
        for session in self.emulator.running():
            if session.resource_id in known | self.foreign or self.is_excused(session.sid):
                continue
            stored = await store.load_by_sid(session.sid)
            if stored is None or not _is_loud(stored.checkpoint.history):
                self.trace.violate(f"{session.cname} runs, and the store doesn't know of it")

    def nothing_is_held(self, number: int, cloud: CloudRecording) -> None:
        """(7) A client that has closed has given back its locks, and follows the store no more."""
        for recording in cloud._register.made:
            ledger, driver = recording._ledger, recording.driver
            if driver._turn.is_taken or ledger._saving.is_taken:
                self.trace.violate(f"life {number} left a lock of {recording.cname} taken")

    def nobody_follows(self, store: MemoryStore) -> None:
        """(7) Nobody follows a store whose clients are all closed or dead."""
        if store._listeners:
            self.trace.violate("somebody follows the store still")

    def order_makes_no_difference(self, sid: str, told: Sequence[Notification], rng: random.Random) -> None:
        """(6) Notifications that come twice, or in another order, lead to the same end."""
        started_as = int(self.emulator._service.office.sessions[sid].resource.uid)
        once = _end_of(sid, started_as, told)
        for order in (tuple(reversed(told)), *(rng.sample(told, len(told)) for _ in range(REORDERED))):
            for given in (order, (*told, *order)):
                if (other := _end_of(sid, started_as, given)) != once:
                    said = " ".join(str(each.event_type) for each in given)
                    self.trace.violate(f"{sid}, told {said}: {other}, and {once} in the order of arrival")
                    return

    async def is_written_down(
        self, notification: Notification, store: Store, before: Sequence[Notification]
    ) -> None:
        """(1) What was acknowledged won't come again, so the store has it: whoever said so may die now."""
        stored = await store.load_by_sid(notification.sid or "")
        keys = set(identity(notification))
        if any(keys & set(identity(each)) for each in before):  # long ago perhaps: not all are kept
            return
        if stored is not None and keys and not keys & set(stored.checkpoint.heard):
            self.trace.violate(f"{notification.event_type} of {notification.sid} is acknowledged, not kept")

    def kept_to_the_rate(self, qps: float, moments: Sequence[float]) -> None:
        """(4) No window of a second held more calls than allowed, by the moments at which they were sent."""
        first = 0
        for last, moment in enumerate(moments):
            while moment - moments[first] >= 1.0:
                first += 1
            if last - first + 1 > qps:
                self.trace.violate(f"{last - first + 1} calls within a second, {qps:g} are allowed")
                return


def is_out_of_control(recording: Recording) -> bool:
    """Whether the client has said, and loudly, that the service takes no more calls for it."""
    return _is_loud(recording.history)


def _is_loud(history: Sequence[Change]) -> bool:
    return any(change.fact == _OUT_OF_CONTROL for change in history)


def _end_of(sid: str, started_as: int, told: Sequence[Notification]) -> Standing:
    """Where notifications alone lead, without the moments at which they came."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    standing = Standing()
    standing = standing.absorb(facts.Acquired(resource_id="R"), at=at)
    standing = standing.absorb(facts.StartSent(instance_uid=started_as), at=at)
    standing = standing.absorb(facts.Started(sid=sid), at=at)
    for notification in told:
        for fact in facts_heard(notification):
            standing = standing.absorb(fact, at=at)
    return standing
