"""The table against the reference, row by row, in both directions."""

import json
from types import MappingProxyType
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agora_rec import errors
from agora_rec.errors import ApiError, Refusal, Retry, ScheduleName, Subject, from_refusal, lookup
from agora_rec.errors import answers as reader
from agora_rec.errors.table import OTHERWISE, TABLE, Key
from agora_rec.vocabulary import OperationName
from tests.errors import documented
from tests.errors.documented import Documented
from tests.support.reference import load

pytestmark = pytest.mark.untraced

START, QUERY, STOP = OperationName.START, OperationName.QUERY, OperationName.STOP


def said(case: Documented, status: int | None = None) -> errors.Row:
    return lookup(case.operation, status or case.status, case.code, case.reason)


@pytest.mark.parametrize("case", [*documented.general(), *documented.by_endpoint()], ids=str)
def test_every_documented_answer_has_its_class_its_retry_and_its_schedule(case: Documented) -> None:
    row = said(case)
    found = (row.error.__name__, row.retry.value, row.schedule)
    assert found == (case.error, case.retry, case.schedule)


@pytest.mark.parametrize("case", [*documented.legacy()], ids=str)
def test_every_code_of_the_older_pages_has_its_class(case: Documented) -> None:
    assert said(case).error.__name__ == case.error
    assert case.retry in {"", said(case).retry.value}


def test_no_row_of_the_reference_lacks_an_expectation_and_no_expectation_a_row() -> None:
    reference = load("errors")
    assert {(row["http"], row["message"]) for row in reference["general"]} == set(documented.GENERAL)
    rows = {
        (endpoint, row["http"], row["code"])
        for endpoint, rows in reference["by_endpoint"].items()
        for row in rows
    }
    assert rows == set(documented.BY_ENDPOINT)
    assert set(reference["legacy_codes"]) == set(documented.LEGACY)
    assert set(reference["legacy_messages"]) <= {message for _, message in documented.GENERAL}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 499])
@pytest.mark.parametrize(
    "case",
    [
        each
        for each in documented.everything()
        if not each.status_known and each.status // 100 == 4 and each.code != 101  # "not an API code"
    ],
    ids=str,
)
def test_a_code_that_is_documented_without_a_status_is_known_under_every_4xx(
    case: Documented, status: int
) -> None:
    assert said(case, status).error.__name__ == case.error


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
@pytest.mark.parametrize("operation", OperationName, ids=str)
@pytest.mark.parametrize("code", [None, 49, 404, 433, 435, 501, 999])
def test_a_5xx_is_never_taken_for_news_about_a_recording(
    operation: OperationName, status: int, code: int | None
) -> None:
    row = lookup(operation, status, code)
    assert (row.error, row.retry) == (errors.ServiceUnavailable, Retry.SAME)


# Answers that the reference doesn't have and for which there must be a row nevertheless.
FALLBACKS: dict[Key, Documented] = {
    (None, 401, None): Documented(QUERY, 401, None, "other words", "AuthenticationFailed", "never", None),
    (None, 206, None): Documented(QUERY, 206, 435, None, "PartialContent", "same", "code_65"),
    (None, 2, None): Documented(QUERY, 202, None, None, "UnexpectedAnswer", "same", "backoff_general"),
    (None, 4, None): Documented(QUERY, 418, 418, "teapot", "ApiError", "never", None),
}


@pytest.mark.parametrize("case", FALLBACKS.values(), ids=str)
def test_what_the_reference_does_not_know_becomes_the_nearest_class(case: Documented) -> None:
    row = said(case)
    assert (row.error.__name__, row.retry.value, row.schedule) == (case.error, case.retry, case.schedule)


@pytest.mark.parametrize("key", TABLE, ids=str)
def test_nothing_stands_in_the_table_that_no_documented_answer_needs(
    key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [*documented.everything(), *FALLBACKS.values()]
    before = [said(case) for case in cases]
    without = {each: row for each, row in TABLE.items() if each != key}
    monkeypatch.setattr(reader, "TABLE", MappingProxyType(without))
    changed = [case for case, row in zip(cases, before, strict=True) if said(case) is not row]
    assert changed
    if key in FALLBACKS:
        assert FALLBACKS[key] in changed


@pytest.mark.parametrize("status", [0, 100, 101, 301, 302, 304, 307, 600, 999, -1])
def test_a_status_that_means_nothing_here_is_an_unexpected_answer(status: int) -> None:
    assert lookup(QUERY, status) is OTHERWISE


def test_a_404_without_code_says_nothing_about_a_recording_whatever_its_words() -> None:
    assert lookup(STOP, 404, None, "no Route matched with those values").error is errors.RouteNotFound
    assert lookup(STOP, 404, None, "NO ROUTE MATCHED with these").error is errors.RouteNotFound
    for words in (None, "", "not found", "page: no route matched"):
        assert lookup(STOP, 404, None, words).error is ApiError


def test_an_unknown_code_of_a_404_is_no_worker_that_was_not_found() -> None:
    assert lookup(STOP, 404, 405).error is ApiError


def test_a_code_weighs_more_than_the_gateways_words() -> None:
    assert lookup(QUERY, 404, 404, "no Route matched with those values").error is errors.WorkerNotFound


def test_every_schedule_has_documented_waits() -> None:
    named = {row.schedule for row in TABLE.values()} - {None}
    assert named == set(get_args(ScheduleName))
    assert named < set(load("errors")["schedules"])


def test_only_what_is_sent_again_has_a_schedule() -> None:
    for row in (*TABLE.values(), OTHERWISE):
        assert (row.schedule is not None) == (row.retry is Retry.SAME)


def test_a_class_is_retried_in_one_way_unless_it_is_named_after_the_server_or_the_body() -> None:
    ways: dict[type[ApiError], set[tuple[Retry, str | None]]] = {}
    for row in (*TABLE.values(), OTHERWISE):
        ways.setdefault(row.error, set()).add((row.retry, row.schedule))
    several = {error for error, ways_of_it in ways.items() if len(ways_of_it) > 1}
    assert several == {errors.ServiceUnavailable, errors.UnexpectedAnswer}


def test_the_table_can_not_be_changed() -> None:
    with pytest.raises(TypeError):
        TABLE[START, 400, 2] = OTHERWISE  # type: ignore[index] # that is what the test is about


SEED = {0: (START, errors.AlreadyStarted), 1: (START, errors.TaskConflict), 2: (QUERY, errors.WorkerNotFound)}
SEED[3] = (STOP, errors.UploadStatusUnknown)


def test_the_four_sequences_of_the_seed_end_in_their_errors() -> None:
    sequences = load("errors")["seed_sequences"]
    assert len(sequences) == len(SEED)
    for number, (operation, error) in SEED.items():
        result = sequences[number]["result"]
        assert operation.value in sequences[number]["calls"][-1]
        refusal = Refusal(status=result["http"], code=result["code"])
        assert type(from_refusal(Subject(operation=operation), refusal)) is error


OBSERVED = {
    ("start", 500, 15): errors.ServiceUnavailable,
    ("start", 400, 2): errors.InvalidParameter,
    ("acquire", 400, 2): errors.InvalidParameter,
    ("stop", 404, 404): errors.WorkerNotFound,
    ("query", 404, 404): errors.WorkerNotFound,
    ("stop", 400, 49): errors.AlreadyStopping,
}


def test_refusals_seen_in_practice_have_their_errors() -> None:
    seen: dict[tuple[str, int, int], dict[str, Any]] = {}
    for row in load("responses")["observed"]:
        if row["http"] != 200:
            body = json.loads(row["shape"])
            seen[row["endpoint"], row["http"], body["code"]] = body
    assert set(seen) == set(OBSERVED)
    for (endpoint, status, code), body in seen.items():
        refusal = Refusal(status=status, code=code, reason=body.get("reason"), sid=body.get("sid"))
        error = from_refusal(Subject(operation=documented.ENDPOINTS[endpoint]), refusal)
        assert type(error) is OBSERVED[endpoint, status, code]
        assert error.sid == (body.get("sid") or None)


@given(
    operation=st.sampled_from(OperationName),
    status=st.integers(),
    code=st.none() | st.integers(),
    reason=st.none() | st.text(max_size=40),
)
def test_every_answer_becomes_an_error_that_keeps_what_was_said(
    operation: OperationName, status: int, code: int | None, reason: str | None
) -> None:
    refusal = Refusal(status=status, code=code, reason=reason)
    error = from_refusal(Subject(operation=operation), refusal)
    assert (error.operation, error.status, error.code, error.reason) == (operation, status, code, reason)
