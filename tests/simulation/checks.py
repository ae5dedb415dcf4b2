"""What must hold besides the legality of calls: what the client says, beside the emulator's truth."""

from collections.abc import Sequence
from typing import Final

from attrs import define, field

from agora_rec import Outcome, Recording, State, UploadingStatus
from agora_rec.emulator import Emulator, EndReason, SessionView
from tests.simulation.specs import Spec
from tests.simulation.trace import Trace

_NOTHING_RUNS: Final = frozenset({State.IDLE, State.ACQUIRED, State.UPLOADED, State.BACKUPED, State.FAILED})
_OUT_OF_CONTROL: Final = "out of control"


@define(eq=False)
class Checks:
    """The invariants; a violation goes into the trace."""

    emulator: Emulator
    trace: Trace
    foreign: set[str] = field(factory=set[str], init=False)
    """Resource IDs of recordings that somebody else has started."""

    def sessions(self, spec: Spec) -> tuple[SessionView, ...]:
        """What there ever was of a recording, at the service."""
        return tuple(
            each
            for each in self.emulator.sessions
            if each.cname == spec.cname and each.resource_id not in self.foreign
        )

    def running(self, spec: Spec) -> tuple[SessionView, ...]:
        """What runs now of a recording, at the service."""
        return tuple(each for each in self.sessions(spec) if each.running)

    def state_is_true(self, spec: Spec, recording: Recording) -> None:
        """(2) A state that says "nothing runs" tells the truth, at any moment."""
        if recording.state in _NOTHING_RUNS and not is_out_of_control(recording) and self.running(spec):
            self.trace.violate(f"{spec.label} is {recording.state.value}, and it runs")

    def has_stopped(self, spec: Spec, recording: Recording, after: str) -> None:
        """(1) What was stopped with success doesn't run, at that very moment."""
        if self.running(spec) and not is_out_of_control(recording):
            self.trace.violate(f"{spec.label} runs after {after} has succeeded")

    def is_gone(self, spec: Spec) -> None:
        """(2) `RecordingGone` is certain."""
        if self.running(spec):
            self.trace.violate(f"{spec.label} was said to be gone, and it runs")

    def outcome_is_true(self, spec: Spec, outcome: Outcome) -> None:
        """(2) An outcome agrees with the service: where the files are, and which there are."""
        sessions = self.sessions(spec)
        existing = {name for each in sessions for name in each.files}
        named = {file.name for file in outcome.files}
        if not named <= existing:
            self.trace.violate(f"{spec.label}: files that don't exist: {sorted(named - existing)}")
        stored = {each.uploading_status for each in sessions}
        if outcome.in_bucket is True and UploadingStatus.UPLOADED not in stored:
            self.trace.violate(f"{spec.label}: its files are said to be in the bucket; {stored}")
        if outcome.in_bucket is False and not stored & {UploadingStatus.BACKUPED, UploadingStatus.UNKNOWN}:
            self.trace.violate(f"{spec.label}: its files are said to be in the backup; {stored}")
        if outcome.no_data and existing:
            self.trace.violate(f"{spec.label}: said to have no data, and there is {sorted(existing)}")

    def ended_as_said(self, spec: Spec, recording: Recording) -> None:
        """(2) The final state agrees with the truth, or says that it isn't known."""
        self.state_is_true(spec, recording)
        self.outcome_is_true(spec, recording.outcome)
        sessions = self.sessions(spec)
        if recording.state in (State.UPLOADED, State.BACKUPED) and not sessions:
            self.trace.violate(f"{spec.label} is {recording.state.value}, and it never was")
        if recording.state is State.FAILED and not is_out_of_control(recording):
            reasons = {each.end_reason for each in sessions}
            if not reasons <= {EndReason.WRONG_PARAMETERS, EndReason.UID_TAKEN}:
                self.trace.violate(f"{spec.label} is failed; the service says {reasons}")

    def never_doubled(self, spec: Spec) -> None:
        """(3) Of one recording there was at most one session, ever."""
        sessions = self.sessions(spec)
        if len(sessions) > 1:
            self.trace.violate(f"{spec.label} was started {len(sessions)} times")

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
    return any(change.fact == _OUT_OF_CONTROL for change in recording.history)
