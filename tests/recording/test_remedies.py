"""The ways on after a refused start, row by row beside the reference."""

from typing import Any

import pytest

from agora_rec.errors import ApiError, Refusal, ResourceExpired, Subject, from_refusal, may_have_started
from agora_rec.recording.remedies import OTHERWISE, REMEDIES, Way, remedy_for
from agora_rec.vocabulary import OperationName
from tests.support.reference import load

ERRORS = load("errors")
ROWS: list[dict[str, Any]] = [*ERRORS["general"], *ERRORS["by_endpoint"]["start"]]

ANOTHER_UID_BUT: dict[int | None, str] = {
    53: "a recording runs: perhaps ours",
    None: "a 5xx without a code leaves it open whether one runs",
}
"""Rows that name another uid, and after which none is taken."""

NEW_ACQUIRE_BUT: dict[int | None, str] = {
    65: "it may run",
    62: "it may run",
    15: "with another uid only",
    109: "with a new token only",
    110: "with the right token only",
    53: "a recording runs: perhaps ours",
    None: "with another uid, and only when it is certain that none runs",
    1001: "the request itself must change",
}
"""Rows that name a new acquire, and after which a goal doesn't acquire anew under the same uid."""


def refused(row: dict[str, Any], operation: OperationName = OperationName.START) -> ApiError:
    said = row.get("reason") or row.get("message")
    refusal = Refusal(status=row["http"], code=row["code"], reason=said)
    return from_refusal(Subject(operation=operation), refusal)


def ways(row: dict[str, Any]) -> tuple[Way, ...]:
    return remedy_for(refused(row)).ways


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['http']}-{row['code']}")
def test_every_row_has_the_ways_that_it_names_and_no_others(row: dict[str, Any]) -> None:
    named = row["then"]
    another = "another uid" in named and row["code"] not in ANOTHER_UID_BUT
    anew = "new acquire" in named and row["code"] not in NEW_ACQUIRE_BUT
    way = (
        Way.ANEW_AFTER_WAITS if another else Way.ANEW
    )  # the waits of the best practices, where they say more
    assert ways(row) == tuple([way] * anew + [Way.ALTERNATE] * another)


def test_the_exceptions_are_rows_that_name_such_a_way() -> None:
    for exceptions, words in ((ANOTHER_UID_BUT, "another uid"), (NEW_ACQUIRE_BUT, "new acquire")):
        assert exceptions.keys() <= {row["code"] for row in ROWS if words in row["then"]}


def test_no_way_is_open_after_what_may_have_started_something() -> None:
    for row in ROWS:
        if may_have_started(OperationName.START, row["http"], row["code"]):
            assert ways(row) == ()


def test_only_a_start_has_ways_on() -> None:
    for operation in OperationName:
        if operation is not OperationName.START:
            assert {remedy_for(refused(row, operation)) for row in ROWS} == {OTHERWISE}


def test_our_own_verdict_on_an_old_resource_id_counts_like_the_services() -> None:
    ours = ResourceExpired(subject=Subject(operation=OperationName.START))
    assert ours.code is None
    assert remedy_for(ours) is REMEDIES[433]


def test_every_refusal_says_why() -> None:
    assert all(remedy.why for remedy in (*REMEDIES.values(), OTHERWISE))
