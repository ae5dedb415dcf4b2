"""The guards that choose a column, and what commands and facts leave behind."""

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from agora_rec.errors import IllegalTransition, ResourceExpired, Subject
from agora_rec.lifecycle import (
    RESOURCE_ID_LIFETIME,
    CommandKey,
    Fact,
    FactKey,
    RefusalKind,
    Standing,
    Verdict,
    facts,
    merge_files,
)
from agora_rec.model import RecordedFile
from agora_rec.vocabulary import Command, ModeName, OperationName, State
from tests.lifecycle.samples import LATER, MP4, NOW, OLDER_UID, OTHER_UID, PLAYLIST, UID, standing
from tests.support.reference import load

ACQUIRED = Standing().absorb(facts.Acquired(resource_id="Qm3"), at=NOW)
STARTING = ACQUIRED.absorb(facts.StartSent(instance_uid=UID), at=NOW)
RECORDING = Standing(state=State.RECORDING, resource_id="Qm3", acquired_at=NOW, sid="0f6c", instance_uid=UID)
STOPPING = RECORDING.absorb(facts.StopSent(), at=NOW)
MICROSECOND = timedelta(microseconds=1)


def after(before: Standing, *later: Fact) -> Standing:
    """Absorb facts one after another."""
    for fact in later:
        before = before.absorb(fact, at=LATER)
    return before


def is_legal(before: Standing, command: Command, *, mode: ModeName = ModeName.MIX) -> bool:
    try:
        before.judge(command, at=NOW, mode=mode)
    except IllegalTransition:
        return False
    return True


def test_an_alternate_uid_begins_with_nothing_of_the_first_ones_resource() -> None:
    refused = after(STARTING, facts.StartRefused(kind=RefusalKind.FOR_NOW, reason="500 15"))
    taken = refused.absorb(facts.AlternateTaken(), at=LATER)
    assert taken == Standing(reasons=refused.reasons)
    lapsed = refused.absorb(facts.Expired(), at=LATER)
    assert lapsed.absorb(facts.AlternateTaken(), at=LATER) == taken


def test_the_lifetime_of_a_resource_id_is_the_documented_one():
    documented = load("timing")["times"]["resource_id_valid"]
    assert timedelta(**{documented["unit"]: documented["value"]}) == RESOURCE_ID_LIFETIME


def test_a_start_is_legal_until_five_minutes_after_the_acquire():
    at = NOW + timedelta(minutes=5) - MICROSECOND
    assert ACQUIRED.judge(Command.START, at=at, mode=ModeName.MIX) is Verdict.SEND


@pytest.mark.parametrize("late", [timedelta(), MICROSECOND, timedelta(days=400)])
def test_a_start_at_five_minutes_or_later_is_too_late(late: timedelta):
    subject = Subject(operation=OperationName.START, cname="class-42", uid=UID, resource_id="Qm3")
    with pytest.raises(ResourceExpired) as expired:
        ACQUIRED.judge(
            Command.START, at=NOW + timedelta(minutes=5) + late, mode=ModeName.MIX, subject=subject
        )
    assert expired.value.subject == subject
    assert expired.value.status is None


def test_a_start_that_comes_too_late_names_the_resource_id_if_nobody_says_more():
    with pytest.raises(ResourceExpired) as expired:
        ACQUIRED.judge(Command.START, at=NOW + timedelta(hours=1), mode=ModeName.MIX)
    assert (expired.value.operation, expired.value.resource_id) == (OperationName.START, "Qm3")


def test_an_expired_resource_id_leads_back_to_idle_where_only_acquire_is_legal():
    idle = ACQUIRED.absorb(facts.Expired(), at=LATER)
    assert idle.state is State.IDLE
    assert [each for each in Command if is_legal(idle, each)] == [Command.ACQUIRE]


def test_a_lapsed_resource_id_may_be_acquired_anew_before_anybody_said_that_it_expired():
    assert not is_legal(ACQUIRED, Command.ACQUIRE)
    assert ACQUIRED.judge(Command.ACQUIRE, at=NOW + timedelta(minutes=5), mode=ModeName.MIX) is Verdict.SEND


def test_the_age_of_the_resource_id_changes_nothing_once_the_start_was_sent():
    assert STARTING.absorb(facts.Expired(), at=NOW + timedelta(hours=1)) == STARTING


def test_a_repeated_acquired_with_the_same_resource_id_does_not_make_it_younger():
    assert ACQUIRED.absorb(facts.Acquired(resource_id="Qm3"), at=LATER).acquired_at == NOW


def test_another_resource_id_has_five_minutes_of_its_own():
    refused = after(STARTING, facts.StartRefused(kind=RefusalKind.FOR_NOW, reason="429"))
    anew = refused.absorb(facts.Acquired(resource_id="Qm4"), at=LATER)
    assert (anew.resource_id, anew.acquired_at, anew.start_sent_at) == ("Qm4", LATER, None)
    assert not is_legal(anew, Command.ACQUIRE)


def test_the_moment_of_the_first_start_that_may_have_worked_is_kept():
    assert STARTING.absorb(facts.StartSent(), at=LATER).start_sent_at == NOW
    refused = after(STARTING, facts.StartRefused(kind=RefusalKind.FOR_NOW, reason="429"))
    assert refused.absorb(facts.StartSent(), at=LATER).start_sent_at == LATER


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (RefusalKind.RESOURCE, State.IDLE),
        (RefusalKind.FOR_GOOD, State.FAILED),
        (RefusalKind.FOR_NOW, State.ACQUIRED),
    ],
)
def test_a_refused_start_keeps_its_reason_and_forgets_a_remembered_stop(kind: RefusalKind, state: State):
    refused = after(STARTING, facts.StopRequested(), facts.StartRefused(kind=kind, reason="so it said"))
    assert (refused.state, refused.reasons, refused.stop_requested) == (
        state,
        frozenset({"so it said"}),
        False,
    )


def test_acquire_is_legal_after_a_start_that_was_refused_for_certain_and_start_too():
    refused = after(STARTING, facts.StartRefused(kind=RefusalKind.FOR_NOW, reason="429"))
    assert is_legal(refused, Command.ACQUIRE)
    assert is_legal(refused, Command.START)
    assert not is_legal(refused.absorb(facts.StartSent(), at=LATER), Command.ACQUIRE)


def test_an_unanswered_start_changes_nothing_however_long_it_takes():
    assert after(STARTING, facts.StartUnanswered(), facts.Expired(), facts.Suspected(reason="?")) == STARTING


def test_the_first_sid_is_the_one():
    assert after(STARTING, facts.Started(sid="first"), facts.Started(sid="second")).sid == "first"


def test_without_a_sid_an_end_is_not_ours():
    end = facts.Uploaded(files=(PLAYLIST,), instance_uid=UID)
    refused = after(STARTING, facts.StartRefused(kind=RefusalKind.FOR_GOOD, reason="2"))
    for before in (Standing(), ACQUIRED, STARTING, refused):
        for fact in (end, facts.NoRecordedData(), facts.FailedOver(new_uid=OTHER_UID), facts.Confirmed()):
            assert after(before, fact) == before


def test_a_stop_during_the_start_is_remembered_once_and_is_due_when_the_sid_is_known():
    assert STARTING.judge(Command.STOP, at=NOW, mode=ModeName.MIX) is Verdict.REMEMBER
    remembered = STARTING.absorb(facts.StopRequested(), at=NOW)
    assert not is_legal(remembered, Command.STOP)
    started = remembered.absorb(facts.Started(sid="0f6c"), at=LATER)
    assert (started.state, started.stop_requested) == (State.RECORDING, True)
    assert is_legal(started, Command.STOP)  # whoever remembered the other one may be gone


def test_a_remembered_stop_is_not_forgotten_over_facts_about_other_stops():
    remembered = STARTING.absorb(facts.StopRequested(), at=NOW)
    stray = facts.StopFailed(reason="late")
    assert after(remembered, stray).stop_requested
    assert after(remembered, facts.Started(sid="0f6c"), stray).stop_requested


def test_a_remembered_stop_that_was_sent_and_failed_may_be_asked_for_again():
    remembered = after(STARTING, facts.StopRequested(), facts.Started(sid="0f6c"), facts.StopSent())
    failed = after(remembered, facts.StopFailed(reason="504"))
    assert failed.state is State.RECORDING
    assert is_legal(failed, Command.STOP)


def test_a_stop_that_fails_after_the_recorder_left_leaves_nothing_to_stop():
    left = after(STOPPING, facts.Left(reason="no users", instance_uid=UID))
    assert left.key_of(facts.StopFailed(reason="404")) is FactKey.STOP_FAILED_AFTER_LEAVING
    assert after(left, facts.StopFailed(reason="404")).state is State.STOPPING


@pytest.mark.parametrize(
    "sooner", [facts.Exited(), facts.StopAcknowledged(), facts.Left(reason="status 8", instance_uid=None)]
)
def test_an_answer_or_an_end_outweighs_a_stop_that_fails_later(sooner: Fact):
    assert after(STOPPING, sooner, facts.StopFailed(reason="404")).state is State.STOPPING
    assert after(STOPPING, facts.StopFailed(reason="404"), sooner).state is State.STOPPING


@pytest.mark.parametrize("mode", ModeName)
def test_update_layout_is_legal_in_mix_mode_only(mode: ModeName):
    assert is_legal(RECORDING, Command.UPDATE_LAYOUT, mode=mode) is (mode is ModeName.MIX)


@pytest.mark.parametrize("mode", ModeName)
def test_all_other_commands_of_a_recording_are_legal_in_every_mode(mode: ModeName):
    legal = {each for each in Command if is_legal(RECORDING, each, mode=mode)}
    assert legal - {Command.UPDATE_LAYOUT} == {Command.QUERY, Command.UPDATE, Command.STOP}


def test_an_illegal_command_says_what_the_state_alone_does_not():
    with pytest.raises(IllegalTransition) as plain:
        Standing().judge(Command.QUERY, at=NOW, mode=ModeName.MIX)
    with pytest.raises(IllegalTransition) as guarded:
        RECORDING.judge(Command.UPDATE_LAYOUT, at=NOW, mode=ModeName.WEB)
    assert plain.value.note == ""
    assert guarded.value.note == CommandKey.UPDATE_LAYOUT_NOT_MIX.value


MOVED = after(RECORDING, facts.FailedOver(new_uid=OTHER_UID))


def test_a_failover_supersedes_the_instance_before_it():
    assert (MOVED.state, MOVED.instance_uid, MOVED.superseded) == (
        State.RECORDING,
        OTHER_UID,
        frozenset({UID}),
    )


def test_a_failover_from_an_instance_that_nobody_named_supersedes_nothing():
    unnamed = after(standing(State.RECORDING, instance_uid=None), facts.FailedOver(new_uid=OTHER_UID))
    assert (unnamed.instance_uid, unnamed.superseded) == (OTHER_UID, frozenset())


def test_a_late_repeat_of_an_earlier_failover_does_not_bring_the_old_instance_back():
    first = facts.FailedOver(new_uid=OTHER_UID, sequence=3)
    again = after(RECORDING, first, facts.FailedOver(new_uid=OLDER_UID, sequence=7), first)
    assert (again.instance_uid, again.superseded) == (OLDER_UID, frozenset({UID, OTHER_UID}))


def ends(instance_uid: int | None) -> list[Any]:
    return [
        facts.Left(reason="left", files=(MP4,), instance_uid=instance_uid),
        facts.Exited(reason="exited", files=(MP4,), instance_uid=instance_uid),
        facts.EndedWithoutFiles(reason="status 20", files=(MP4,), instance_uid=instance_uid),
        facts.Uploaded(files=(MP4,), instance_uid=instance_uid),
        facts.Backuped(files=(MP4,), instance_uid=instance_uid),
    ]


@pytest.mark.parametrize("end", ends(UID))
def test_an_end_of_a_superseded_instance_ends_nothing_but_its_files_are_kept(end: Fact):
    ended = after(MOVED, end)
    assert (ended.state, ended.has_left, ended.left_at, ended.exited_at) == (
        State.RECORDING,
        False,
        None,
        None,
    )
    assert ended.files == (MP4,)


@pytest.mark.parametrize("end", ends(OTHER_UID) + ends(None))
def test_an_end_of_the_new_instance_or_of_the_whole_recording_is_an_end(end: Fact):
    assert after(MOVED, end).state is not State.RECORDING


def test_a_failover_that_is_learnt_after_the_old_instance_left_takes_the_leaving_back():
    left = after(RECORDING, facts.Left(reason="left", instance_uid=UID), facts.Exited(instance_uid=UID))
    assert (left.state, left.left_at, left.exited_at) == (State.STOPPING, LATER, LATER)
    moved = after(left, facts.FailedOver(new_uid=OTHER_UID))
    assert (moved.state, moved.left_at, moved.exited_at) == (State.RECORDING, None, None)
    assert is_legal(moved, Command.STOP)


@pytest.mark.parametrize(
    "final", [facts.Left(reason="disappearance confirmed"), facts.StopAcknowledged(), facts.StopSent()]
)
def test_a_failover_takes_nothing_back_when_the_recording_as_a_whole_left_or_a_stop_is_on_its_way(
    final: Fact,
):
    left = after(RECORDING, facts.Left(reason="left", instance_uid=UID), final)
    assert after(left, facts.FailedOver(new_uid=OTHER_UID)).state is State.STOPPING


def test_a_stop_that_fails_after_the_failover_leaves_the_new_instance_recording():
    left = after(STOPPING, facts.Left(reason="left", instance_uid=UID))
    moved = after(left, facts.FailedOver(new_uid=OTHER_UID), facts.StopFailed(reason="504"))
    assert moved.state is State.RECORDING
    other_way = after(left, facts.StopFailed(reason="504"), facts.FailedOver(new_uid=OTHER_UID))
    assert other_way == moved


@pytest.mark.parametrize("end", ends(UID)[2:])
def test_a_failover_that_is_learnt_after_the_old_instance_ended_takes_the_end_back(end: Fact):
    ended = after(RECORDING, facts.Left(reason="left", instance_uid=UID), end)
    moved = after(ended, facts.FailedOver(new_uid=OTHER_UID))
    assert (moved.state, moved.end, moved.left_at, moved.files) == (State.RECORDING, None, None, (MP4,))
    assert is_legal(moved, Command.STOP)
    stopping = after(STOPPING, end, facts.FailedOver(new_uid=OTHER_UID))
    assert stopping.state is State.STOPPING
    assert after(stopping, facts.StopFailed(reason="504")).state is State.RECORDING


@pytest.mark.parametrize("end", [*ends(None)[2:], facts.OutOfControl(reason="433"), facts.NoRecordedData()])
def test_no_failover_takes_back_the_end_of_the_recording_as_a_whole(end: Fact):
    ended = after(RECORDING, end)
    assert after(ended, facts.FailedOver(new_uid=OTHER_UID)).state is ended.state


def test_a_stop_that_is_remembered_is_due_when_an_end_is_taken_back():
    ended = after(STARTING, facts.StopRequested(), facts.Started(sid="0f6c"), *ends(UID)[3:4])
    moved = after(ended, facts.FailedOver(new_uid=OTHER_UID))
    assert (moved.state, moved.stop_requested) == (State.RECORDING, True)


def test_files_of_an_abandoned_instance_count_once_the_recording_has_ended():
    of_old, of_new = facts.Backuped(instance_uid=UID), facts.Uploaded(instance_uid=OTHER_UID)
    failed = facts.EndedWithoutFiles(reason="exit status 1", instance_uid=OTHER_UID)
    assert after(MOVED, of_old).state is State.RECORDING
    assert after(MOVED, of_old).key_of(of_new) is FactKey.BACKUPED
    assert after(MOVED, of_old, of_new).state is after(MOVED, of_new, of_old).state is State.BACKUPED
    assert after(MOVED, of_old, failed).state is after(MOVED, failed, of_old).state is State.BACKUPED
    assert after(MOVED, failed, *ends(UID)[2:3]).state is State.FAILED


FIRST_MOVE = facts.FailedOver(new_uid=OTHER_UID, sequence=3, sent_at=LATER)
SECOND_MOVE = facts.FailedOver(new_uid=OLDER_UID, sequence=7, sent_at=NOW)


def test_of_two_failovers_the_later_one_decides_in_whatever_order_they_are_told():
    for order in ((FIRST_MOVE, SECOND_MOVE), (SECOND_MOVE, FIRST_MOVE)):
        moved = after(RECORDING, *order)
        assert (moved.instance_uid, moved.superseded) == (OLDER_UID, frozenset({UID, OTHER_UID}))
        for end in ends(UID) + ends(OTHER_UID):
            assert after(moved, end).state is after(RECORDING, end, *order).state is State.RECORDING
        assert after(moved, *ends(OLDER_UID)[3:4]).state is State.UPLOADED


def test_without_a_number_on_each_the_moments_decide():
    unnumbered = evolve(SECOND_MOVE, sequence=None)
    for order in ((FIRST_MOVE, unnumbered), (unnumbered, FIRST_MOVE)):
        assert after(RECORDING, *order).instance_uid == OTHER_UID
    bare = facts.FailedOver(new_uid=OLDER_UID)
    assert after(RECORDING, FIRST_MOVE, bare).instance_uid == OTHER_UID
    assert after(RECORDING, bare, FIRST_MOVE).instance_uid == OTHER_UID


def test_an_event_from_an_instance_that_nobody_knew_tells_of_a_failover():
    heard = facts.HeardFrom(instance_uid=OTHER_UID, sent_at=LATER)
    moved = after(RECORDING, heard)
    assert (moved.instance_uid, moved.superseded) == (OTHER_UID, frozenset({UID}))
    assert after(RECORDING, facts.Uploaded(instance_uid=UID), heard).state is State.RECORDING
    assert after(RECORDING, *ends(OTHER_UID)[3:4], heard).state is State.UPLOADED


def test_an_event_from_a_known_instance_tells_of_none():
    moved = after(RECORDING, FIRST_MOVE)
    for uid in (UID, OTHER_UID):
        assert moved.absorb(facts.HeardFrom(instance_uid=uid), at=LATER) is moved
    assert after(RECORDING, facts.FailedOver(new_uid=UID)) == RECORDING
    nobody = standing(State.RECORDING, instance_uid=None)
    assert nobody.absorb(facts.HeardFrom(instance_uid=UID), at=LATER) is nobody


def test_what_is_told_of_a_failover_outweighs_when_an_instance_was_heard_from():
    early, late = (facts.HeardFrom(instance_uid=OLDER_UID, sent_at=moment) for moment in (NOW, LATER))
    told = facts.FailedOver(new_uid=OLDER_UID, sequence=1, sent_at=NOW - timedelta(minutes=1))
    between = facts.FailedOver(new_uid=OTHER_UID, sequence=4, sent_at=NOW + timedelta(seconds=1))
    assert after(RECORDING, between, late).instance_uid == OLDER_UID
    assert after(RECORDING, between, late, early).instance_uid == OTHER_UID
    assert after(RECORDING, between, late, told).instance_uid == OTHER_UID
    assert after(RECORDING, told, late, between).instance_uid == OTHER_UID


def test_what_an_instance_had_reported_counts_when_it_turns_out_to_be_the_last():
    last = facts.HeardFrom(instance_uid=OLDER_UID, sent_at=LATER)
    told = facts.FailedOver(new_uid=OLDER_UID, sent_at=NOW)
    moved = after(RECORDING, evolve(FIRST_MOVE, sent_at=NOW + timedelta(seconds=1)), last)
    for end in ends(OTHER_UID):
        before = after(moved, end)
        assert before.state is State.RECORDING
        settled = after(before, told)
        assert (settled.instance_uid, settled.state) == (OTHER_UID, after(RECORDING, end).state)
        assert settled.left_at == (LATER if settled.state is State.STOPPING else None)


def test_a_start_says_under_which_uid_it_goes_out():
    assert after(ACQUIRED, facts.StartSent(instance_uid=OTHER_UID)).instance_uid == OTHER_UID
    assert after(ACQUIRED, facts.StartSent()).instance_uid == ACQUIRED.instance_uid


def test_an_end_keeps_its_moment_whatever_is_said_of_failovers_later():
    ended = after(RECORDING, facts.Left(reason="left", instance_uid=UID), facts.OutOfControl(reason="433"))
    assert after(ended, facts.FailedOver(new_uid=OTHER_UID)).left_at == LATER


def test_moments_are_those_of_the_first_news():
    first = RECORDING.absorb(facts.Confirmed(), at=NOW).absorb(facts.Exited(), at=NOW)
    again = first.absorb(facts.Confirmed(), at=LATER).absorb(facts.Exited(), at=LATER)
    assert (again.confirmed_at, again.left_at, again.exited_at) == (NOW, NOW, NOW)


def test_reasons_files_and_the_lack_of_data_are_kept_in_every_state_of_the_end():
    ended = after(
        RECORDING,
        facts.Alive(files=(MP4,)),
        facts.OutOfControl(reason="433"),
        facts.Uploaded(files=(PLAYLIST,)),
        facts.Left(reason="late"),
        facts.NoRecordedData(),
    )
    assert ended.state is State.UPLOADED
    assert (ended.files, ended.no_data) == ((PLAYLIST, MP4), True)
    assert ended.reasons == {"433", "late"}


def test_files_are_told_apart_by_name_and_the_fuller_entry_stays():
    bare = RecordedFile("a.m3u8")
    full = RecordedFile("a.m3u8", uid=0, is_playable=True, slice_start_time=NOW)
    other = RecordedFile("b.mp4")
    assert merge_files((bare, other), (full,)) == (full, other)
    assert merge_files((full,), (other, bare)) == (full, other)


def test_entries_that_say_as_much_but_something_else_do_not_depend_on_the_order():
    one, two = RecordedFile("a.m3u8", uid=1), RecordedFile("a.m3u8", uid=2)
    assert merge_files((one,), (two,)) == merge_files((two,), (one,))
