from typing import Any

import pytest

from agora_rec.errors import ApiError, InvalidRequest, Refusal, Subject, from_refusal, from_unreadable
from agora_rec.transport.retries import Mishap, RetryPolicy, Trouble, mishap_after, trouble_of
from agora_rec.transport.wire import FailureKind, WireFailure, seconds_to_wait
from agora_rec.vocabulary import OperationName
from tests.support.reference import load

TIMING = load("timing")["retry_schedules"]
ERRORS = load("errors")
WIRE_NAMES = {"updateLayout": OperationName.UPDATE_LAYOUT, "ncsIp": OperationName.NCS_IP}


def refused(operation: OperationName, status: int, code: int | None, reason: str | None = None) -> ApiError:
    return from_refusal(Subject(operation=operation), Refusal(status=status, code=code, reason=reason))


def waits(policy: RetryPolicy, trouble: Trouble) -> list[float]:
    """The waits of a call that meets the same trouble again and again, its attempts taking no time."""
    mishaps: list[Mishap] = []
    seconds: list[float] = []
    now = 0.0
    while True:
        mishaps.append(Mishap(trouble, now))
        wait = policy.wait(mishaps)
        if wait is None:
            return seconds
        seconds.append(wait)
        now += wait


@pytest.mark.parametrize(
    ("trouble", "documented"),
    [
        (Trouble.NO_ANSWER, TIMING["host_switch"]["waits"]),
        (Trouble.UNREADABLE, TIMING["host_switch"]["waits"]),
        (Trouble.RATE_LIMITED, ERRORS["schedules"]["backoff_general"]["waits"]),
        (Trouble.NOT_COMPLETED, TIMING["code_65"]["waits"]),
        (Trouble.NOT_COMPLETED, ERRORS["schedules"]["code_65"]["waits"]),
        (Trouble.SERVER, ERRORS["schedules"]["backoff_general"]["waits"]),
        (Trouble.START_SERVER, TIMING["start_5xx"]["waits"]),
        (Trouble.START_SERVER, ERRORS["schedules"]["start_5xx"]["waits"]),
    ],
)
def test_waits_are_the_documented_ones(trouble: Trouble, documented: list[int]):
    assert waits(RetryPolicy(), trouble) == documented


def test_a_query_waits_the_first_of_the_documented_waits_only():
    assert waits(RetryPolicy(), Trouble.QUERY_SERVER) == TIMING["query_5xx"]["waits"][:1]


def test_a_stop_asks_past_the_failover_window_when_the_recording_is_not_found():
    assert waits(RetryPolicy(), Trouble.STOP_404) == [*TIMING["query_404"]["waits"], 15, 15, 15, 15]
    failover = load("timing")["times"]["failover_total"]["value"]
    assert sum(waits(RetryPolicy(), Trouble.STOP_404)) >= failover
    assert RetryPolicy().stop_404_for == 100


def test_the_time_of_a_stops_attempts_counts_too():
    mishaps = [Mishap(Trouble.STOP_404, 10.0 + at) for at in (0, 29, 60, 90)]
    policy = RetryPolicy()
    assert [policy.wait(mishaps[: count + 1]) for count in range(4)] == [5, 10, 15, None]


def test_every_trouble_has_its_own_count():
    policy = RetryPolicy()
    story = [
        Trouble.NO_ANSWER,
        Trouble.START_SERVER,
        Trouble.NO_ANSWER,
        Trouble.NOT_COMPLETED,
        Trouble.START_SERVER,
    ]
    mishaps = [Mishap(trouble, 0.0) for trouble in story]
    assert [policy.wait(mishaps[: count + 1]) for count in range(5)] == [1, 3, 3, 3, 6]


@pytest.mark.parametrize(("deadline", "wait"), [(11.0, 1.0), (10.9, None), (None, 1.0)])
def test_nothing_is_repeated_past_the_deadline(deadline: float | None, wait: float | None):
    assert RetryPolicy().wait([Mishap(Trouble.NO_ANSWER, 10.0)], deadline=deadline) == wait


@pytest.mark.parametrize(
    ("asked", "limit", "wait"),
    [
        (None, 30, 1),
        (0, 30, 1),
        (0.9, 30, 1),
        (4, 30, 4),
        (30, 30, 30),
        (1e9, 30, 30),
        (4, 0, 1),
        (9, 2.5, 2.5),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_an_answer_may_lengthen_its_wait_up_to_the_limit(
    status: int, asked: float | None, limit: float, wait: float
):
    mishap = mishap_after(refused(OperationName.ACQUIRE, status, None), at=10.0, retry_after=asked)
    assert mishap is not None
    policy = RetryPolicy(retry_after_limit=limit)
    assert policy.wait([mishap]) == wait
    assert policy.wait([mishap], deadline=10.0 + wait) == wait
    assert policy.wait([mishap], deadline=9.9 + wait) is None


def test_time_that_is_asked_for_makes_no_attempt_of_its_own():
    mishaps = [Mishap(Trouble.RATE_LIMITED, 0.0, retry_after=5.0)] * 4
    assert [RetryPolicy().wait(mishaps[: count + 1]) for count in range(4)] == [5, 5, 6, None]


def test_only_those_who_count_calls_may_ask_for_time():
    said = refused(OperationName.ACQUIRE, 500, 501)
    lost = WireFailure(FailureKind.LOST, "ReadError", sent=True)
    assert mishap_after(said, at=1.0, retry_after=20) == Mishap(Trouble.SERVER, 1.0)
    assert mishap_after(lost, at=1.0, retry_after=20) == Mishap(Trouble.NO_ANSWER, 1.0)
    assert mishap_after(refused(OperationName.ACQUIRE, 401, None), at=1.0, retry_after=20) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("007", 7.0),
        ("999999999", 999999999.0),
        (None, None),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("1e9", None),
        ("nan", None),
        ("inf", None),
        ("٣", None),
        ("1" * 10, None),
        ("1" * 100_000, None),
        ("5, 5", None),
        ("5\n", None),
        (" 5", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
def test_a_header_that_means_nothing_asks_for_nothing(header: str | None, seconds: float | None):
    assert seconds_to_wait(header) == seconds


def test_every_failure_of_the_wire_has_one_reaction():
    repeated = {kind: trouble_of(WireFailure(kind, "", sent=True)) for kind in FailureKind}
    hopeless = {FailureKind.TOO_LARGE, FailureKind.LOCAL}
    assert repeated == {kind: None if kind in hopeless else Trouble.NO_ANSWER for kind in FailureKind}


@pytest.mark.parametrize("trouble", Trouble)
def test_a_policy_can_repeat_nothing(trouble: Trouble):
    assert waits(RetryPolicy.never(), trouble) == []


def rows() -> list[Any]:
    """Every row of the reference: (operation, row)."""
    every = [(operation, row) for row in ERRORS["general"] for operation in OperationName]
    own = [
        (WIRE_NAMES.get(endpoint) or OperationName(endpoint), row)
        for endpoint, listed in ERRORS["by_endpoint"].items()
        for row in listed
    ]
    return [
        pytest.param(operation, row, id=f"{operation.value}-{row['http']}-{row['code']}-{number}")
        for number, (operation, row) in enumerate([*every, *own])
    ]


def expected(operation: OperationName, row: dict[str, Any]) -> Trouble | None:
    """What the design makes of a row, written without looking at the code."""
    if row["http"] == 429:
        return Trouble.RATE_LIMITED
    if row["retry"] != "same":
        return None
    if row["code"] == 65:
        return Trouble.NOT_COMPLETED
    if row["http"] == 404:
        return Trouble.STOP_404 if operation is OperationName.STOP else None
    assert row["http"] >= 500
    if operation is OperationName.START:
        return Trouble.START_SERVER
    return Trouble.QUERY_SERVER if operation is OperationName.QUERY else Trouble.SERVER


@pytest.mark.parametrize(("operation", "row"), rows())
def test_every_documented_answer_is_repeated_as_documented(operation: OperationName, row: dict[str, Any]):
    said = row.get("reason") or row.get("message")
    assert trouble_of(refused(operation, row["http"], row["code"], said)) is expected(operation, row)


@pytest.mark.parametrize(
    ("operation", "status", "code"),
    [
        (OperationName.START, 201, 7),
        (OperationName.START, 400, 53),
        (OperationName.STOP, 400, 49),
        (OperationName.STOP, 404, 501),
        (OperationName.ACQUIRE, 400, 406),
        (OperationName.QUERY, 404, 404),
        (OperationName.UPDATE, 404, 404),
        (OperationName.UPDATE_LAYOUT, 404, 404),
        (OperationName.STOP, 418, None),
    ],
)
def test_what_would_do_harm_or_is_news_for_the_caller_is_never_repeated(
    operation: OperationName, status: int, code: int | None
):
    assert trouble_of(refused(operation, status, code)) is None


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (200, Trouble.UNREADABLE),
        (206, Trouble.UNREADABLE),
        (302, None),
        (404, None),
        (429, Trouble.RATE_LIMITED),
        (502, Trouble.SERVER),
    ],
)
def test_an_answer_that_cannot_be_read_is_asked_for_again_if_it_was_a_success(
    status: int, trouble: Trouble | None
):
    error = from_unreadable(Subject(operation=OperationName.STOP), status, "not JSON")
    assert trouble_of(error) is trouble


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"server": (1, -1)}, "retry.server"),
        ({"no_answer": ("soon",)}, "retry.no_answer"),
        ({"start_server": (float("inf"),)}, "retry.start_server"),
        ({"stop_404_every": 0}, "retry.stop_404_every"),
        ({"stop_404_for": float("nan")}, "retry.stop_404_for"),
        ({"retry_after_limit": -1}, "retry.retry_after_limit"),
    ],
)
def test_a_policy_without_meaning_is_refused(wrong: dict[str, Any], path: str):
    with pytest.raises(InvalidRequest) as caught:
        RetryPolicy(**wrong)
    assert [each.path for each in caught.value.violations] == [path]


def test_waits_may_be_given_as_any_list():
    assert RetryPolicy(server=[1, 2]).server == (1, 2)  # type: ignore[arg-type] # what callers without types do
