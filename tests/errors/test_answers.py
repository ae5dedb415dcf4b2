"""From an answer to the error: what is kept, and whether a recording may run."""

import pytest

from agora_rec import errors
from agora_rec.errors import ApiError, Refusal, Retry, Subject, from_refusal, from_unreadable
from agora_rec.vocabulary import AttemptOutcome, Command, OperationName, State, UploadingStatus
from tests.errors.samples import ATTEMPTS, attempt, subject
from tests.support.reference import load

START, STOP, QUERY = OperationName.START, OperationName.STOP, OperationName.QUERY


def test_an_error_has_the_fields_of_its_subject_and_of_the_answer() -> None:
    refusal = Refusal(status=400, code=53, reason="task conflict")
    error = from_refusal(subject(START), refusal, ATTEMPTS)
    assert type(error) is errors.TaskConflict
    assert (error.operation, error.cname, error.uid) == (START, "class-42", 880011)
    assert (error.resource_id, error.sid) == ("Qm3-xT_a91", "0f6c2a5d")
    assert (error.status, error.code, error.reason) == (400, 53, "task conflict")
    assert (error.retry, error.schedule, error.attempts) == (Retry.NEVER, None, ATTEMPTS)
    assert error.hint == "use the one that runs, or acquire and start with another uid"


def test_the_answers_sid_fills_what_the_call_did_not_know() -> None:
    about = Subject(operation=START, cname="class-42", uid=5)
    error = from_refusal(about, Refusal(status=201, code=7, sid="0f", resource_id="Qm"))
    assert type(error) is errors.AlreadyStarted
    assert (error.sid, error.resource_id, error.cname) == ("0f", "Qm", "class-42")
    assert from_refusal(about, Refusal(status=500, code=15, sid="", resource_id="")).sid is None


def test_what_the_call_was_about_is_not_changed_by_the_answer() -> None:
    error = from_refusal(subject(), Refusal(status=404, code=404, sid="other", resource_id="other"))
    assert (error.sid, error.resource_id) == ("0f6c2a5d", "Qm3-xT_a91")


@pytest.mark.parametrize("status", ["uploaded", "backuped", "unknow", "half"])
def test_a_partial_answer_keeps_what_it_says_of_the_files(status: str) -> None:
    refusal = Refusal(status=206, uploading_status=UploadingStatus(status), has_files=True)
    error = from_refusal(subject(), refusal)
    assert type(error) is errors.UploadStatusUnknown
    assert (error.uploading_status, error.has_files) == (UploadingStatus(status), True)
    assert from_refusal(subject(), Refusal(status=400, code=2, has_files=True)).retry is Retry.NEVER


def test_an_unreadable_body_under_a_telling_status_is_what_the_status_says() -> None:
    broken = from_unreadable(subject(START), 502, "not JSON: '<html>'", ATTEMPTS)
    assert type(broken) is errors.ServiceUnavailable
    assert (broken.retry, broken.schedule, broken.attempts) == (Retry.SAME, "start_5xx", ATTEMPTS)
    assert broken.reason == "not JSON: '<html>'"
    assert broken.maybe_running
    limited = from_unreadable(subject(), 429, "empty")
    assert (type(limited), limited.retry) == (errors.RateLimited, Retry.LATER)


@pytest.mark.parametrize("status", [200, 201, 206, 204])
@pytest.mark.parametrize("operation", OperationName)
def test_an_unreadable_success_may_be_asked_again_as_the_reference_allows(
    operation: OperationName, status: int
) -> None:
    error = from_unreadable(subject(operation), status, "not JSON")
    assert type(error) is errors.UnexpectedAnswer
    assert (error.retry, error.schedule) == (Retry.SAME, "backoff_general")
    assert error.maybe_running == (operation is START)
    named = " ".join(load("timing")["retry_safety"]["same_request_safe"])
    assert operation is OperationName.NCS_IP or operation.value.replace("_l", "L") in named


@pytest.mark.parametrize("status", [400, 401, 404, 302, 100])
def test_any_other_unreadable_body_proves_nothing_and_is_not_asked_again(status: int) -> None:
    error = from_unreadable(subject(), status, "not JSON")
    assert type(error) is errors.UnexpectedAnswer
    assert (error.status, error.retry, error.schedule) == (status, Retry.NEVER, None)


# What each answer to a start proves, by the lifecycle of the design and by the words of the reference.
STARTED_PERHAPS: dict[tuple[int, int | None], bool] = {
    (200, None): True,  # unreadable
    (201, 7): True,
    (201, None): True,
    (206, 65): True,
    (206, None): True,
    (400, 2): False,
    (400, 7): True,  # an old code under an unknown status: better asked than lost
    (400, 53): False,
    (400, 62): True,
    (400, 65): True,
    (400, 109): False,
    (400, 110): False,
    (400, 432): False,
    (400, 433): False,
    (400, 1001): False,
    (400, 1003): False,
    (400, None): False,
    (401, None): False,
    (404, None): False,
    (408, None): True,
    (429, None): False,
    (499, None): True,
    (500, 15): False,
    (500, 502): False,
    (500, 62): True,
    (500, None): True,
    (502, None): True,
    (503, None): True,
    (504, 62): True,
    (504, 502): True,
    (302, None): True,
    (600, None): True,
}


def test_the_list_of_answers_to_a_start_has_every_documented_one() -> None:
    rows = load("errors")["by_endpoint"]["start"]
    assert {(row["http"], row["code"]) for row in rows} <= set(STARTED_PERHAPS)


@pytest.mark.parametrize(("answer", "perhaps"), STARTED_PERHAPS.items(), ids=str)
def test_only_a_definite_refusal_proves_that_a_start_started_nothing(
    answer: tuple[int, int | None], *, perhaps: bool
) -> None:
    status, code = answer
    refusal = Refusal(status=status, code=code)
    assert from_refusal(subject(START), refusal).maybe_running is perhaps
    for other in set(OperationName) - {START}:
        assert not from_refusal(subject(other), refusal).maybe_running


REFUSED, LOST = attempt(AttemptOutcome.REFUSED, status=400, code=53), attempt(AttemptOutcome.UNANSWERED)
ATTEMPTS_OF_A_START = {
    "none": ((), False),
    "refused": ((REFUSED,), False),
    "not sent": ((attempt(AttemptOutcome.NOT_SENT),), False),
    "lost": ((LOST,), True),
    "lost after the status": ((attempt(AttemptOutcome.UNANSWERED, status=400),), True),
    "lost, then refused": ((LOST, REFUSED), True),
    "answered 65": ((attempt(AttemptOutcome.ANSWERED, status=206, code=65), REFUSED), True),
    "refused 62": ((attempt(AttemptOutcome.REFUSED, status=504, code=62), REFUSED), True),
    "answered somehow": ((attempt(AttemptOutcome.ANSWERED),), True),
}


@pytest.mark.parametrize(("attempts", "perhaps"), ATTEMPTS_OF_A_START.values(), ids=ATTEMPTS_OF_A_START)
def test_one_attempt_that_is_not_definitely_refused_leaves_a_start_open(
    attempts: tuple[errors.Attempt, ...], *, perhaps: bool
) -> None:
    conflict = Refusal(status=400, code=53)
    assert from_refusal(subject(START), conflict, attempts).maybe_running is perhaps
    assert from_refusal(subject(START), conflict).with_attempts(attempts).maybe_running is perhaps
    assert errors.TransportError(subject(START), attempts=attempts).maybe_running is perhaps
    assert errors.Superseded(Command.START, State.STARTING, attempts=attempts).maybe_running is perhaps
    assert not errors.TransportError(subject(QUERY), attempts=attempts).maybe_running
    assert not errors.Superseded(Command.UPDATE, State.RECORDING, attempts=attempts).maybe_running
    assert not from_refusal(subject(STOP), conflict, attempts).maybe_running


def test_errors_of_this_side_know_whether_something_may_run() -> None:
    assert errors.StartUnconfirmed(subject(), attempts=()).maybe_running
    assert not errors.ResourceExpired(subject(START)).maybe_running
    assert not errors.IllegalTransition(Command.START, State.RECORDING).maybe_running
    assert not errors.RecordingGone(subject()).maybe_running
    assert not errors.UploadStatusUnknown(subject()).maybe_running
    running = {
        state
        for state in State
        if errors.WaitTimedOut(subject(), waited_for="end", state=state, seconds=1).maybe_running
    }
    assert running == {State.STARTING, State.RECORDING, State.STOPPING}


def test_a_class_made_by_hand_has_its_own_usual_texts() -> None:
    for cls in (errors.ResourceExpired, errors.UploadStatusUnknown, errors.UnexpectedAnswer):
        error = cls(subject())
        assert (error.meaning, error.hint) == (cls.usual_meaning, cls.usual_hint)
        assert cls.usual_meaning != ApiError.usual_meaning
        assert cls.usual_hint != ApiError.usual_hint
