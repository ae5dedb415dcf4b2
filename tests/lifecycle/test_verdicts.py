"""What each documented answer proves: every row of errors.yaml, with the fact that was written by hand."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from agora_rec.errors import (
    ApiError,
    Attempt,
    Refusal,
    ResourceExpired,
    Subject,
    TransportError,
    from_refusal,
    from_unreadable,
    left_open,
)
from agora_rec.lifecycle import Fact, RefusalKind, facts, verdicts
from agora_rec.model import QueryAnswer, StopAnswer
from agora_rec.vocabulary import AttemptOutcome, OperationName, TaskStatus, UploadingStatus
from tests.lifecycle.samples import NOW, PLAYLIST
from tests.support.reference import load

START, STOP, QUERY = OperationName.START, OperationName.STOP, OperationName.QUERY
ENDPOINTS = {
    "start": START,
    "stop": STOP,
    "query": QUERY,
    "update": OperationName.UPDATE,
    "updateLayout": OperationName.UPDATE_LAYOUT,
}

# status, code or the gateway's first word, then the fact; a dash: it proves nothing.
FACTS_OF_ANSWERS = {
    "start": """
        201 7    unanswered
        206 65   unanswered
        400 2    refused-for-good
        400 53   refused-resource
        500 502  refused
        500 62   unanswered
        500 15   refused
        400 109  refused-for-good
        400 110  refused-for-good
        400 432  refused-for-good
        400 433  refused-resource
        400 1001 refused-for-good
        400 1003 refused-for-good
        500 -    unanswered
        400 appid           refused
        401 Unauthorized    refused
        401 Invalid         refused
        401 invalid         refused
        404 no              refused
        429 API             refused
        502 -    unanswered
        503 -    unanswered
        504 -    unanswered
    """,
    "stop": """
        206 65   stop-failed
        206 435  no-data
        206 -    acknowledged
        206 50   acknowledged
        400 2    stop-failed
        400 49   acknowledged
        404 404  stop-failed
        504 62   stop-failed
        404 501  acknowledged
        400 432  stop-failed
        400 1001 stop-failed
        400 1003 stop-failed
        400 appid           stop-failed
        401 Unauthorized    stop-failed
        401 Invalid         stop-failed
        401 invalid         stop-failed
        404 no              stop-failed
        429 API             stop-failed
        500 -    stop-failed
        502 -    stop-failed
        503 -    stop-failed
        504 -    stop-failed
    """,
    "query": """
        206 65   -
        400 2    -
        404 404  -
        504 62   -
        404 501  left
        400 1001 -
        400 1003 -
        400 433  out-of-control
        500 -    -
        400 appid           -
        401 Unauthorized    -
        401 Invalid         -
        401 invalid         -
        404 no              -
        429 API             -
        502 -    -
        503 -    -
        504 -    -
    """,
    "update": """
        206 65   -
        400 2    -
        404 404  -
        504 62   -
        400 432  -
        400 appid           -
        401 Unauthorized    -
        401 Invalid         -
        401 invalid         -
        404 no              -
        429 API             -
        500 -    -
        502 -    -
        503 -    -
        504 -    -
    """,
    "updateLayout": """
        206 65   -
        400 2    -
        404 404  -
        504 62   -
        400 1028 -
        400 432  -
        400 appid           -
        401 Unauthorized    -
        401 Invalid         -
        401 invalid         -
        404 no              -
        429 API             -
        500 -    -
        502 -    -
        503 -    -
        504 -    -
    """,
}
WORDS: dict[type, str] = {
    facts.StartUnanswered: "unanswered",
    facts.StopFailed: "stop-failed",
    facts.StopAcknowledged: "acknowledged",
    facts.NoRecordedData: "no-data",
    facts.Left: "left",
    facts.OutOfControl: "out-of-control",
    type(None): "-",
}
REFUSED = {
    RefusalKind.RESOURCE: "refused-resource",
    RefusalKind.FOR_GOOD: "refused-for-good",
    RefusalKind.FOR_NOW: "refused",
}


def expected(endpoint: str) -> dict[tuple[int, str], str]:
    rows = [line.split() for line in FACTS_OF_ANSWERS[endpoint].strip().splitlines()]
    return {(int(status), said): fact for status, said, fact in rows}


def documented(endpoint: str) -> dict[tuple[int, str], dict[str, Any]]:
    """The rows of the reference that an answer of this endpoint can meet, by (status, code or first word)."""
    reference = load("errors")
    rows = [*reference["general"], *reference["by_endpoint"][endpoint]]  # the endpoint's own row weighs more
    return {(row["http"], said(row)): row for row in rows}


def said(row: dict[str, Any]) -> str:
    if row["code"] is not None:
        return str(row["code"])
    message = row.get("message")
    return str(message).split()[0] if message else "-"


def word(fact: Fact | None) -> str:
    return REFUSED[fact.kind] if isinstance(fact, facts.StartRefused) else WORDS[type(fact)]


def attempt(
    outcome: AttemptOutcome, status: int | None = None, code: int | None = None, at: float = 0
) -> Attempt:
    moment = NOW + timedelta(seconds=at)
    return Attempt(host="api.example", outcome=outcome, seconds=0.1, at=moment, status=status, code=code)


def refused(status: int, code: int | None = None, at: float = 0) -> Attempt:
    return attempt(AttemptOutcome.REFUSED, status, code, at)


def error_of(operation: OperationName, status: int, code: int | None = None, **more: Any) -> ApiError:
    refusal = Refusal(status=status, code=code, **more)
    return from_refusal(Subject(operation=operation), refusal, (refused(status, code),))


def fact_of(error: ApiError) -> Fact | None:
    if error.operation is START:
        return verdicts.after_failed_start(error.attempts, error)
    return (
        verdicts.after_failed_stop(error) if error.operation is STOP else verdicts.after_failed_query(error)
    )


@pytest.mark.parametrize("endpoint", FACTS_OF_ANSWERS)
def test_the_expectation_has_each_documented_answer_and_no_other(endpoint: str):
    assert set(expected(endpoint)) == set(documented(endpoint))


@pytest.mark.parametrize(
    ("endpoint", "answer"),
    [(endpoint, answer) for endpoint in FACTS_OF_ANSWERS for answer in expected(endpoint)],
)
def test_each_documented_refusal_proves_what_the_design_says(endpoint: str, answer: tuple[int, str]):
    row = documented(endpoint)[answer]
    reason = row.get("message") or row.get("reason")
    error = error_of(ENDPOINTS[endpoint], row["http"], row["code"], reason=reason)
    assert word(fact_of(error)) == expected(endpoint)[answer]


@pytest.mark.parametrize("status", [400, 403, 404, 422])
def test_codes_that_are_documented_without_a_status_count_under_each_4xx(status: int):
    rows = load("errors")["by_endpoint"]["start"]
    for code in [row["code"] for row in rows if row.get("http_known") is False]:
        fact = fact_of(error_of(START, status, code))
        assert word(fact) == expected("start")[400, str(code)], code


# The attempts to start that matter, and what each proves alone; None: it may have worked.
ATTEMPTS: dict[str, tuple[Attempt, RefusalKind | None]] = {
    "not sent": (attempt(AttemptOutcome.NOT_SENT), RefusalKind.FOR_NOW),
    "refused by 53": (refused(400, 53), RefusalKind.RESOURCE),
    "refused by 433": (refused(400, 433), RefusalKind.RESOURCE),
    "refused by 2": (refused(400, 2), RefusalKind.FOR_GOOD),
    "refused by 429": (refused(429), RefusalKind.FOR_NOW),
    "refused by 502": (refused(500, 502), RefusalKind.FOR_NOW),
    "refused by 406, which no start knows": (refused(400, 406), RefusalKind.FOR_NOW),
    "timed out inside": (refused(500, 62), None),
    "not completed": (refused(206, 65), None),
    "started before": (refused(201, 7), None),
    "a proxy gave up": (refused(408), None),
    "another gave up": (refused(499), None),
    "a gateway's 504": (refused(504), None),
    "a redirect": (refused(302), None),
    "unanswered": (attempt(AttemptOutcome.UNANSWERED), None),
    "answered, but unreadable": (attempt(AttemptOutcome.ANSWERED, 200), None),
}


@pytest.mark.parametrize("name", ATTEMPTS)
def test_each_attempt_to_start_proves_what_its_answer_proves(name: str):
    one, kind = ATTEMPTS[name]
    assert verdicts.refusal_kind(one) is kind
    assert left_open(START, (one,)) is (kind is None), "errors and verdicts must agree on what may run"


def of(names: Sequence[str]) -> tuple[Fact, TransportError]:
    attempts = tuple(ATTEMPTS[name][0] for name in names)
    error = TransportError(subject=Subject(operation=START), attempts=attempts)
    return verdicts.after_failed_start(attempts, error), error


@pytest.mark.parametrize("how_many", [1, 2, 3])
def test_a_start_is_refused_only_if_every_attempt_was_and_the_last_one_says_how(how_many: int):
    for names in product(ATTEMPTS, repeat=how_many):
        kinds = [ATTEMPTS[name][1] for name in names]
        fact, error = of(names)
        last = kinds[-1]
        if last is None or None in kinds:
            assert fact == facts.StartUnanswered(), names
            assert error.maybe_running
        else:
            assert word(fact) == REFUSED[last], names
            assert not error.maybe_running


def test_a_conflict_after_an_unanswered_attempt_may_be_ours():
    attempts = (attempt(AttemptOutcome.UNANSWERED), refused(400, 53))
    assert verdicts.after_failed_start(attempts, error_of(START, 400, 53)) == facts.StartUnanswered()


def test_a_start_without_any_attempt_was_not_sent_and_may_be_tried_again():
    fact = verdicts.after_failed_start((), TransportError(subject=Subject(operation=START), attempts=()))
    assert isinstance(fact, facts.StartRefused)
    assert fact.kind is RefusalKind.FOR_NOW
    assert "No attempt was made" in fact.reason


def test_a_repeated_start_whose_answer_has_the_sid_is_a_start():
    attempts = (attempt(AttemptOutcome.UNANSWERED), refused(201, 7))
    error = error_of(START, 201, 7, sid="0f6c2a5d")
    assert verdicts.after_failed_start(attempts, error) == facts.Started(sid="0f6c2a5d")


@pytest.mark.parametrize("sid", [None, ""])
def test_a_repeated_start_without_a_sid_leaves_it_unknown(sid: str | None):
    error = error_of(START, 201, 7, sid=sid)
    assert verdicts.after_failed_start(error.attempts, error) == facts.StartUnanswered()


@pytest.mark.parametrize("status", [200, 302, 500, 502])
def test_a_start_answered_with_garbage_leaves_it_unknown(status: int):
    error = from_unreadable(Subject(operation=START), status, "not JSON", (refused(status),))
    assert verdicts.after_failed_start(error.attempts, error) == facts.StartUnanswered()


@pytest.mark.parametrize("error", [TimeoutError(), KeyError("x"), KeyboardInterrupt()])
def test_a_stop_that_ends_in_anything_else_has_failed(error: BaseException):
    assert verdicts.after_failed_stop(error) == facts.StopFailed(reason=type(error).__name__)
    assert verdicts.after_failed_query(error) is None


def not_found(*seconds: float, code: int | None = 404) -> ApiError:
    attempts = tuple(refused(404, code, at) for at in seconds)
    return error_of(STOP, 404, 404).with_attempts(attempts)


def test_a_404_to_a_stop_is_an_end_after_a_failover_would_be_over():
    gone = not_found(0, 5, 15, 30, 45, 60, 75, 90)
    assert word(verdicts.after_failed_stop(gone)) == "left"
    assert timedelta(seconds=load("timing")["times"]["failover_total"]["value"]) == verdicts.FAILOVER


@pytest.mark.parametrize("seconds", [(), (0,), (0, 5, 15, 30), (0, 5, 15, 30, 45, 60, 75, 88)])
def test_a_404_to_a_stop_that_was_repeated_for_less_ends_nothing(seconds: tuple[float, ...]):
    assert word(verdicts.after_failed_stop(not_found(*seconds))) == "stop-failed"


def test_attempts_that_said_something_else_are_no_404():
    attempts = (refused(504, 62), refused(404, None, 10), refused(404, 404, 60), refused(404, 404, 100))
    assert word(verdicts.after_failed_stop(not_found().with_attempts(attempts))) == "stop-failed"


def test_out_of_control_is_said_of_a_stop_and_of_a_query_and_of_a_resource_id_that_expired_here():
    for operation in (STOP, QUERY):
        fact = fact_of(error_of(operation, 400, 433, reason="too old"))
        assert fact == facts.OutOfControl(reason=f"{operation.value}: 400 433 too old")
    here = ResourceExpired(subject=Subject(operation=QUERY))
    assert verdicts.after_failed_query(here) == facts.OutOfControl(reason="query: ResourceExpired")


def test_reasons_are_short_and_on_one_line_whatever_the_service_says():
    fact = fact_of(error_of(STOP, 400, 2, reason="\x1b[31m" + "x" * 5000 + "\n"))
    assert isinstance(fact, facts.StopFailed)
    assert fact.reason.isprintable()
    assert len(fact.reason) < 250


@pytest.mark.parametrize(
    ("status", "fact"),
    [
        (UploadingStatus.UPLOADED, facts.Uploaded(files=(PLAYLIST,))),
        (UploadingStatus.BACKUPED, facts.Backuped(files=(PLAYLIST,))),
        (UploadingStatus.UNKNOWN, facts.StopAcknowledged(files=(PLAYLIST,))),
        (UploadingStatus("unknow"), facts.StopAcknowledged(files=(PLAYLIST,))),
        (UploadingStatus("of tomorrow"), facts.StopAcknowledged(files=(PLAYLIST,))),
        (None, facts.StopAcknowledged(files=(PLAYLIST,))),
    ],
)
def test_a_stop_that_was_answered_says_where_the_files_are(status: UploadingStatus | None, fact: Fact):
    assert verdicts.after_stop(StopAnswer(uploading_status=status, files=(PLAYLIST,))) == fact


STATUSES: dict[int, type[facts.Alive | facts.Confirmed | facts.Left | facts.EndedWithoutFiles]] = {
    0: facts.Alive,
    1: facts.Alive,
    2: facts.Alive,
    3: facts.Alive,
    4: facts.Confirmed,
    5: facts.Confirmed,
    6: facts.Left,
    7: facts.Left,
    8: facts.Left,
    20: facts.EndedWithoutFiles,
}


def test_every_documented_status_of_a_query_has_its_fact():
    assert set(STATUSES) == {each for each in load("responses")["enums"]["status"] if isinstance(each, int)}
    for status, kind in STATUSES.items():
        fact = verdicts.after_query(QueryAnswer(status=TaskStatus(status), files=(PLAYLIST,)))
        assert isinstance(fact, kind), status
        assert fact.files == (PLAYLIST,)


@pytest.mark.parametrize("status", [None, TaskStatus(9), TaskStatus(21)])
def test_a_query_without_a_status_or_with_one_of_tomorrow_found_it_alive(status: TaskStatus | None):
    assert verdicts.after_query(QueryAnswer(status=status)) == facts.Alive()


def test_a_status_that_ends_it_is_named_in_the_reason():
    left = verdicts.after_query(QueryAnswer(status=TaskStatus.PARTS_STOPPED))
    assert left == facts.Left(reason="query: status 7 (parts_stopped)")
