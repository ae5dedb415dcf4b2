"""Facts about the end commute: in whatever order and however often they come, they end in the same place."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import combinations, permutations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from agora_rec.lifecycle import Fact, Standing, facts
from agora_rec.model import RecordedFile
from agora_rec.vocabulary import State
from tests.lifecycle.samples import LATER, NOW, OLDER_UID, OTHER_UID, UID

pytestmark = pytest.mark.untraced

A, B = RecordedFile("a.m3u8"), RecordedFile("b.mp4")
A_IN_FULL = RecordedFile("a.m3u8", uid=0, is_playable=True)

RECORDING = Standing(
    state=State.RECORDING, resource_id="Qm3", acquired_at=NOW, start_sent_at=NOW, sid="0f6c", instance_uid=UID
)
BEFORE_THE_END = {
    "recording": RECORDING,
    "with a stop on its way": RECORDING.absorb(facts.StopSent(), at=NOW),
    "with a remembered stop": evolve(RECORDING, stop_requested=True),
    "moved to another server": evolve(RECORDING, superseded=frozenset({OLDER_UID})),
    "left": RECORDING.absorb(facts.Left(reason="no users", instance_uid=UID), at=NOW),
    "out of control": RECORDING.absorb(facts.OutOfControl(reason="433"), at=NOW),
    "uploaded": RECORDING.absorb(facts.Uploaded(files=(A,)), at=NOW),
}
AT_HOME = [situation for situation in BEFORE_THE_END if situation != "moved to another server"]
ENDS: tuple[Fact, ...] = (
    facts.Left(reason="no users", instance_uid=UID),
    facts.Left(reason="query: status 7", files=(B,)),
    facts.Exited(files=(A,), instance_uid=UID),
    facts.EndedWithoutFiles(reason="exit status 1", instance_uid=UID),
    facts.OutOfControl(reason="query: 400 433"),
    facts.NoRecordedData(),
    facts.Uploaded(files=(A_IN_FULL,), instance_uid=UID),
    facts.Backuped(files=(A, B), instance_uid=UID),
    facts.StopAcknowledged(files=(B,)),
    facts.StopFailed(reason="stop: 504 62"),
    facts.Suspected(reason="fatal error event"),
    facts.Alive(files=(A,)),
    facts.Confirmed(files=(A_IN_FULL,)),
    facts.Uploaded(files=(B,), instance_uid=OLDER_UID),
    facts.EndedWithoutFiles(reason="the old one", instance_uid=OLDER_UID),
)
# What failovers leave behind: two of them, each told with its number or only its moment, or not told at all.
THIRD_UID = 7
MOVES: tuple[Fact, ...] = (
    facts.FailedOver(new_uid=OTHER_UID, sequence=5, sent_at=NOW + timedelta(seconds=5)),
    facts.FailedOver(new_uid=THIRD_UID, sequence=9, sent_at=NOW + timedelta(seconds=9)),
    facts.FailedOver(new_uid=OTHER_UID, sent_at=NOW + timedelta(seconds=11)),
    facts.FailedOver(new_uid=THIRD_UID),
    facts.HeardFrom(instance_uid=UID, sent_at=NOW + timedelta(seconds=30)),
    facts.HeardFrom(instance_uid=OTHER_UID, sent_at=NOW + timedelta(seconds=12)),
    facts.HeardFrom(instance_uid=THIRD_UID, sent_at=NOW + timedelta(seconds=10)),
    facts.HeardFrom(instance_uid=THIRD_UID),
)
REPORTS: tuple[Fact, ...] = (
    facts.Left(reason="no users", instance_uid=UID),
    facts.Left(reason="no users there either", instance_uid=OTHER_UID),
    facts.Exited(instance_uid=THIRD_UID),
    facts.Uploaded(files=(A,), instance_uid=UID),
    facts.Backuped(files=(A_IN_FULL,), instance_uid=UID),
    facts.Backuped(files=(B,), instance_uid=OTHER_UID),
    facts.Uploaded(files=(B,), instance_uid=THIRD_UID),
    facts.EndedWithoutFiles(reason="exit status 1", instance_uid=OTHER_UID),
    facts.EndedWithoutFiles(reason="status 20", instance_uid=THIRD_UID),
    facts.Left(reason="query: status 7"),
    facts.OutOfControl(reason="query: 400 433"),
    facts.NoRecordedData(),
    facts.StopAcknowledged(files=(B,)),
    facts.StopFailed(reason="stop: 504 62"),
    facts.Confirmed(files=(A,)),
)


def all_of(before: Standing, these: Iterable[Fact]) -> Standing:
    """Absorb the facts, and forget when each was learnt: that, and only that, depends on the order."""
    for fact in these:
        before = before.absorb(fact, at=LATER)
    return evolve(before, left_at=None, exited_at=None, confirmed_at=None)


@pytest.mark.parametrize("situation", BEFORE_THE_END)
@pytest.mark.parametrize("how_many", [2, 3])
def test_a_few_facts_about_the_end_give_the_same_in_every_order(situation: str, how_many: int):
    before = BEFORE_THE_END[situation]
    for chosen in combinations(ENDS, how_many):
        assert len({all_of(before, order) for order in permutations(chosen)}) == 1, chosen


@pytest.mark.parametrize("situation", ["recording", "with a stop on its way"])
def test_a_few_reports_and_failovers_give_the_same_in_every_order(situation: str):
    before = BEFORE_THE_END[situation]
    for how_many in (2, 3):
        for chosen in combinations((*MOVES, *REPORTS), how_many):
            if any(fact in MOVES for fact in chosen):
                assert len({all_of(before, order) for order in permutations(chosen)}) == 1, chosen


@given(data=st.data(), situation=st.sampled_from(AT_HOME))
def test_many_reports_and_failovers_give_the_same_in_every_order_and_however_often(
    data: st.DataObject, situation: str
):
    chosen = data.draw(st.lists(st.sampled_from([*MOVES, *REPORTS]), min_size=4, max_size=12), label="facts")
    again = data.draw(st.lists(st.sampled_from(chosen), max_size=6), label="again")
    shuffled = data.draw(st.permutations(chosen + again), label="order of arrival")
    before = BEFORE_THE_END[situation]
    assert all_of(before, shuffled) == all_of(before, chosen)


@given(data=st.data(), situation=st.sampled_from(sorted(BEFORE_THE_END)))
def test_many_facts_about_the_end_give_the_same_in_every_order_and_however_often(
    data: st.DataObject, situation: str
):
    chosen = data.draw(st.lists(st.sampled_from(ENDS), min_size=1, max_size=12), label="facts")
    again = data.draw(st.lists(st.sampled_from(chosen), max_size=6), label="again")
    shuffled = data.draw(st.permutations(chosen + again), label="order of arrival")
    before = BEFORE_THE_END[situation]
    assert all_of(before, shuffled) == all_of(before, chosen)


@pytest.mark.parametrize("situation", BEFORE_THE_END)
def test_a_fact_that_comes_twice_changes_nothing_more(situation: str):
    for fact in (*ENDS, *MOVES, *REPORTS):
        once = BEFORE_THE_END[situation].absorb(fact, at=NOW)
        assert once.absorb(fact, at=LATER) == once


def test_the_highest_end_of_all_that_is_said_decides():
    failed, out_of_control, no_data, uploaded, backuped = ENDS[3:8]
    rest = (*ENDS[:3], *ENDS[8:13])
    assert all_of(RECORDING, rest).state is State.STOPPING
    assert all_of(RECORDING, (*rest, failed, out_of_control)).state is State.FAILED
    assert all_of(RECORDING, (*rest, failed, no_data)).state is State.UPLOADED
    assert all_of(RECORDING, (*rest, out_of_control, uploaded)).state is State.UPLOADED
    assert all_of(RECORDING, (*rest, failed, no_data, uploaded, backuped)).state is State.BACKUPED
