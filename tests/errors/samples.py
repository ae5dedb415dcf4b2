"""One instance of every error with every field away from its default."""

from datetime import UTC, datetime

from agora_rec import Cause, CauseName, Certainty, Evidence
from agora_rec import errors as e
from agora_rec.errors import AgoraRecError, ApiError, Attempt, Subject, Violation
from agora_rec.vocabulary import AttemptOutcome, Command, OperationName, State, UploadingStatus

AT = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def subject(operation: OperationName = OperationName.STOP) -> Subject:
    return Subject(
        operation=operation, cname="class-42", uid=880011, resource_id="Qm3-xT_a91", sid="0f6c2a5d"
    )


def attempt(
    outcome: AttemptOutcome = AttemptOutcome.UNANSWERED, status: int | None = None, code: int | None = None
) -> Attempt:
    return Attempt(
        host="api.example.org",
        outcome=outcome,
        seconds=10.04,
        at=AT,
        detail="ReadTimeout",
        status=status,
        code=code,
    )


ATTEMPTS = (attempt(AttemptOutcome.REFUSED, status=504, code=62), attempt())
EVIDENCE = ("event 31",)
SAID = (
    "recorder started: event 40, status 0 at 12:00:00",
    "session exit: event 11, exit status 1 at 12:00:09",
)


def a_cause(
    name: CauseName, certainty: Certainty, meaning: str = "it means that", then: str = "do this"
) -> Cause:
    evidence = (Evidence(at=AT, what="event 1, module 1, code 32"),)
    return Cause(
        name=name, certainty=certainty, evidence=evidence, meaning=meaning, then=then, source="errors.yaml"
    )


CAUSES = (
    a_cause(CauseName.STORAGE_MISCONFIGURED, Certainty.SAID),
    a_cause(CauseName.NOT_CONFIRMED, Certainty.LIKELY),
    a_cause(CauseName.IDLE, Certainty.POSSIBLE),
)


def all_errors(cls: type[AgoraRecError] = AgoraRecError) -> list[type[AgoraRecError]]:
    """Every class of the tree, found in the tree itself."""
    found = {cls: None} | {each: None for child in cls.__subclasses__() for each in all_errors(child)}
    return [each for each in found if each.__module__.startswith("agora_rec.")]


def _local() -> list[AgoraRecError]:
    about = subject()
    return [
        e.IllegalTransition(Command.STOP, State.IDLE, "nothing was started", evidence=EVIDENCE),
        e.Superseded(Command.QUERY, State.RECORDING, "stop() came", attempts=ATTEMPTS, evidence=EVIDENCE),
        e.InvalidRequest(
            (Violation("uid", "0", "1 or more"), Violation("cname", "''", "not empty")), evidence=EVIDENCE
        ),
        e.SecretsRequired("the mode, to start", evidence=EVIDENCE),
        e.StartUnconfirmed(about, attempts=ATTEMPTS, until=AT, cause="the answer was cut", evidence=EVIDENCE),
        e.RecordingGone(about, cause="404 for 100 s", said=SAID, causes=CAUSES, evidence=EVIDENCE),
        e.WaitTimedOut(
            about,
            waited_for="upload",
            state=State.STOPPING,
            seconds=90.5,
            files=("a.m3u8",),
            said=SAID,
            causes=CAUSES,
            evidence=EVIDENCE,
        ),
        e.StoreConflict(key="class-42", expected=3, found=4, evidence=EVIDENCE),
        e.StoreUnavailable("no connection", evidence=EVIDENCE),
        e.StoreTooNew(found=3, known=2, evidence=EVIDENCE),
        e.LeaseLost(key="class-42", evidence=EVIDENCE),
        e.QueueFull(limit=50, queued=10_000, evidence=EVIDENCE),
        e.FleetClosed(evidence=EVIDENCE),
        e.NotificationRejected(e.RejectionReason.MALFORMED, "not JSON", evidence=EVIDENCE),
        e.NotAcknowledged("before_ack took longer than 8 s", evidence=EVIDENCE),
        e.TransportError(about, attempts=ATTEMPTS, deadline_came=True, evidence=EVIDENCE),
    ]


def _api(cls: type[ApiError]) -> ApiError:
    error = cls(
        subject(),
        status=418,
        code=77,
        reason="no tea",
        meaning="it is a teapot",
        hint="ask for coffee",
        retry=e.Retry.LATER,
        schedule="code_65",
        attempts=ATTEMPTS,
        deadline_came=True,
        evidence=EVIDENCE,
    )
    if isinstance(error, e.PartialContent):
        error.uploading_status = UploadingStatus("half")
        error.has_files = True
    if isinstance(error, e.UploadStatusUnknown):
        error.files = ("a.m3u8",)
    return error


SAMPLES: dict[type[AgoraRecError], AgoraRecError] = {type(error): error for error in _local()} | {
    cls: _api(cls) for cls in all_errors() if issubclass(cls, ApiError)
}
