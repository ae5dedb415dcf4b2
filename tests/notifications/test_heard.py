"""What each notification means for the recording that it is about, and that their order doesn't matter."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from agora_rec.lifecycle import Fact, Standing, facts
from agora_rec.lifecycle.heard import facts_heard
from agora_rec.model import RecordedFile
from agora_rec.model.events import EVENTS
from agora_rec.notifications import Notification, UnknownEvent, parse
from agora_rec.vocabulary import State
from tests.notifications.deliveries import ROWS, delivery

SID, UID, NEW_UID, LAST_UID = "0f6c2a5d", 880011, 1840226113, 77
NOW = datetime(2026, 5, 28, 20, 26, 45, 900_000, UTC)
HEARD = facts.HeardFrom(instance_uid=UID, sent_at=NOW)

MIX_FILES = (RecordedFile("0f6c2a5d_class-42_0.mp4"), RecordedFile("0f6c2a5d_class-42.m3u8"))
PLAYLIST = (RecordedFile("0f6c2a5d_class-42.m3u8"),)
SNAPSHOT = RecordedFile("term1/0f6c2a5d_class-42__uid_s_11__uid_e_video_20260528204005120.jpg")


OTHERS = {60, 61, 80, 81, 90, 201, 202, 203, 1001}
"""Events of what works for a recording, or after it: none of its instances."""


def files(*names: str) -> dict[str, object]:
    return {"fileList": [{"fileName": name} for name in names]}


def heard(event_type: int, **details: object) -> list[Fact]:
    """What an event says beyond the sid and the instance, its files by their names only."""
    said = list(facts_heard(parse(delivery(event_type, details))))
    begin = [facts.Started(sid=SID)] if event_type in OTHERS else [facts.Started(sid=SID), HEARD]
    assert said[: len(begin)] == begin
    return [short(fact) for fact in said[len(begin) :]]


def short(fact: Any) -> Any:
    files = getattr(fact, "files", ())
    return evolve(fact, files=tuple(RecordedFile(file.name) for file in files)) if files else fact


# What the example of each type of event says, written by hand from the design.
EXAMPLES: dict[int, list[Fact]] = {
    1: [],
    2: [],
    3: [facts.Confirmed(files=PLAYLIST)],
    4: [facts.Confirmed(files=PLAYLIST)],
    11: [facts.Exited(instance_uid=UID)],
    13: [],
    30: [],
    31: [facts.Uploaded(files=MIX_FILES, instance_uid=UID)],
    32: [
        facts.Backuped(
            files=(RecordedFile("0f6c2a5d_class-42__uid_s_11__uid_e_audio.m3u8"),), instance_uid=UID
        )
    ],
    33: [],
    34: [],
    40: [facts.Confirmed()],
    41: [facts.Left(reason="event 41: leave code 4 (no users)", instance_uid=UID)],
    42: [facts.Confirmed()],
    43: [],
    44: [],
    45: [facts.Confirmed(files=(SNAPSHOT,))],
    46: [],
    47: [],
    60: [],
    61: [],
    70: [facts.Confirmed()],
    71: [
        facts.Left(
            reason="event 71: code 4 (page_load_timeout)",
            files=(RecordedFile("7b1d_page-7.m3u8"),),
            instance_uid=UID,
        )
    ],
    72: [facts.Left(reason="event 72: the page does what can't be recorded: WebGL", instance_uid=UID)],
    73: [],
    80: [],
    81: [facts.Alive(files=(RecordedFile("0f6c2a5d_class-42_11.mp4"),))],
    90: [],
    100: [],
    201: [],
    202: [],
    203: [],
    1001: [facts.Alive(files=(RecordedFile("0f6c2a5d_class-42_0.mp4"),))],
}


@pytest.mark.parametrize("event_type", EXAMPLES)
def test_an_event_says_what_the_design_says(event_type: int):
    assert heard(event_type, **json.loads(ROWS[event_type]["example"])) == EXAMPLES[event_type]


def test_every_type_of_event_has_been_thought_of():
    assert set(EXAMPLES) | {12} == set(EVENTS)


def test_a_failover_is_told_with_its_number_and_its_moment_and_not_under_an_instance():
    for uid in (UID, NEW_UID, 0):  # the documents don't say whose event it is
        notification = parse(delivery(12, {"newUid": NEW_UID}, sequence=3, uid=str(uid)))
        assert facts_heard(notification) == (
            facts.Started(sid=SID),
            facts.FailedOver(new_uid=NEW_UID, sequence=3, sent_at=NOW),
        )
    for nobody in (None, 0):
        assert facts_heard(parse(delivery(12, {"newUid": nobody}))) == (facts.Started(sid=SID),)


def test_an_event_of_a_page_recording_needs_no_files():
    assert heard(31, **json.loads(ROWS[31]["example_web"])) == [facts.Uploaded(instance_uid=UID)]
    assert heard(71) == [facts.Left(reason="event 71: no code", instance_uid=UID)]
    assert heard(72) == [
        facts.Left(reason="event 72: the page does what can't be recorded", instance_uid=UID)
    ]


@pytest.mark.parametrize(
    ("level", "suspected"), [(1, False), (4, False), (5, True), (6, True), (None, False)]
)
def test_only_a_fatal_error_is_worth_a_query(level: int | None, suspected: bool):  # noqa: FBT001 - a parameter
    said = heard(1, errorLevel=level, module=2, errorCode=52)
    reason = "event 1: fatal error 52 of service"
    assert said == ([facts.Suspected(reason=reason)] if suspected else [])


def test_a_fatal_error_tells_its_words_in_short():
    (fact,) = heard(1, errorLevel=5, errorMsg="x" * 500 + "\n")
    assert isinstance(fact, facts.Suspected)
    assert fact.reason.startswith("event 1: fatal error None of an unnamed part xxx")
    assert len(fact.reason) < 200
    (unknown,) = heard(1, errorLevel=5, module=9, errorCode=1)
    assert unknown == facts.Suspected(reason="event 1: fatal error 1 of unknown 9")


STATUSES: dict[int | None, Fact] = {
    None: facts.Alive(),
    **dict.fromkeys((0, 1, 2, 3, 99), facts.Alive()),
    **dict.fromkeys((4, 5), facts.Confirmed()),
    6: facts.Left(reason="event 3: status 6 (stop_requested)", instance_uid=UID),
    7: facts.Left(reason="event 3: status 7 (parts_stopped)", instance_uid=UID),
    8: facts.Left(reason="event 3: status 8 (exited)", instance_uid=UID),
    20: facts.EndedWithoutFiles(reason="event 3: status 20 (abnormal exit)", instance_uid=UID),
}


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_means_the_same_as_in_a_querys_answer(status: int | None):
    assert heard(3, status=status, fileList="") == [STATUSES[status]]


EXITS: dict[int | None, Fact] = {
    0: facts.Exited(instance_uid=UID),
    1: facts.EndedWithoutFiles(reason="event 11: exit status 1 (abnormal)", instance_uid=UID),
    7: facts.Left(reason="event 11: exit status 7", instance_uid=UID),
    None: facts.Left(reason="event 11: no exit status", instance_uid=UID),
}


@pytest.mark.parametrize("status", EXITS)
def test_an_exit_is_in_order_or_without_files_or_nobody_knows(status: int | None):
    assert heard(11, exitStatus=status) == [EXITS[status]]


LEAVINGS: dict[int | None, tuple[str, str]] = {
    0: ("suspected", "leave code 0 (init)"),
    2: ("suspected", "leave code 2 (sig)"),
    4: ("left", "leave code 4 (no users)"),
    6: ("left", "leave code 6 (sig, no users)"),
    8: ("nothing", ""),
    10: ("suspected", "leave code 10 (sig, timer catch)"),
    16: ("left", "leave code 16 (client leave)"),
    18: ("left", "leave code 18 (sig, client leave)"),
    64: ("suspected", "leave code 64"),
    None: ("suspected", "the recorder left, no leave code"),
}


@pytest.mark.parametrize("code", LEAVINGS)
def test_a_recorder_that_leaves_may_go_on_elsewhere_unless_it_says_why_it_does_not(code: int | None):
    kind, reason = LEAVINGS[code]
    said = heard(41, leaveCode=code)
    match kind:
        case "left":
            assert said == [facts.Left(reason=f"event 41: {reason}", instance_uid=UID)]
        case "suspected":
            assert len(said) == 1
            assert isinstance(said[0], facts.Suspected)
            assert said[0].reason.startswith(f"event 41: {reason}")
        case _:
            assert said == []


def test_a_recorder_that_starts_badly_is_worth_a_query():
    assert heard(40, status=3) == [facts.Suspected(reason="event 40: the recorder started with status 3")]
    assert heard(40) == [facts.Confirmed()]


@pytest.mark.parametrize("progress", [0, 9999, 10_000, 123_456])
def test_progress_alone_moves_no_state(progress: int):
    assert heard(33, progress=progress) == []


def test_what_nobody_understands_still_names_the_sid():
    unknown, odd = parse(delivery(4242, {"a": 1})), parse(delivery(31, {"fileList": 7}))
    assert isinstance(unknown.event, UnknownEvent)
    assert isinstance(odd.event, UnknownEvent)
    assert facts_heard(unknown) == (facts.Started(sid=SID),)  # whose it is, nobody can say
    assert facts_heard(odd) == (facts.Started(sid=SID), HEARD)


@pytest.mark.parametrize("scene", ["postpone_transcode::transcode", "postpone_transcode::transcode_failover"])
def test_what_works_on_the_files_afterwards_neither_ends_nor_moves_the_recording(scene: str):
    def said(event_type: int, details: object) -> tuple[Fact, ...]:
        return facts_heard(parse(delivery(event_type, details, uid="4", serviceScene=scene)))

    started = facts.Started(sid=SID)
    for event_type, details in ((11, {"exitStatus": 1}), (12, {"newUid": 5}), (32, {}), (40, {})):
        assert said(event_type, details) == (started,)
    assert said(31, files("a.mp4")) == (started, facts.Alive(files=(RecordedFile("a.mp4"),)))


def test_what_is_not_said_is_no_fact():
    assert facts_heard(parse(delivery(33, {}, sid=None, uid=None))) == ()
    assert facts_heard(parse(delivery(31, {}, uid="0"))) == (facts.Started(sid=SID), facts.Uploaded())
    assert facts_heard(parse(delivery(40, {}, sid=None))) == (HEARD, facts.Confirmed())
    assert facts_heard(parse(b'{"eventType": 10, "payload": {"a": "1"}}')) == ()


# A recording's end after two failovers, as it can come in: what the abandoned instances report is among it.
STARTING = Standing(
    state=State.STARTING, resource_id="Qm3", acquired_at=NOW, start_sent_at=NOW, instance_uid=UID
)
RECORDING = STARTING.absorb(facts.Started(sid=SID), at=NOW)


def event(number: int, event_type: int, details: dict[str, object], uid: int = UID) -> Notification:
    sent = int((NOW + timedelta(seconds=number)).timestamp() * 1000)
    envelope = {"noticeId": f"n-{number}"}
    return parse(delivery(event_type, details, envelope=envelope, uid=str(uid), sequence=number, sendts=sent))


ABANDONED = [
    event(10, 41, {"leaveCode": 2}),
    event(11, 12, {"newUid": NEW_UID}, NEW_UID),
    event(13, 11, {"exitStatus": 1}),
    event(14, 31, files("a.m3u8"), UID),
    event(15, 32, files("bak0_a.m3u8"), NEW_UID),
    event(12, 12, {"newUid": LAST_UID}, NEW_UID),
]
END = [
    event(20, 41, {"leaveCode": 4}, LAST_UID),
    event(21, 11, {"exitStatus": 0}, LAST_UID),
    event(22, 31, files("bak1_a.m3u8", "a.m3u8"), LAST_UID),
]
ALSO = [
    event(9, 40, {"status": 0}),
    event(16, 40, {"status": 0}, LAST_UID),
    event(17, 33, {"progress": 5000}, NEW_UID),
    event(18, 45, {"fileName": "s.jpg"}, LAST_UID),
    event(19, 1, {"errorLevel": 5, "module": 0, "errorCode": 110}, LAST_UID),
    event(23, 33, {"progress": 10_000}, LAST_UID),
]


def told(before: Standing, these: Iterable[Notification]) -> Standing:
    """Take in notifications one by one, and forget when each was learnt: that depends on the order."""
    for notification in these:
        for fact in facts_heard(notification):
            before = before.absorb(fact, at=NOW)
    return evolve(before, left_at=None, exited_at=None, confirmed_at=None)


@pytest.mark.parametrize("before", [STARTING, RECORDING], ids=["starting", "recording"])
def test_an_end_with_failovers_is_the_same_in_every_order(before: Standing):
    chosen = [ABANDONED[1], ABANDONED[2], ABANDONED[5], *END]
    endings = {told(before, order) for order in permutations(chosen)}
    (ended,) = endings
    assert (ended.state, ended.instance_uid) == (State.UPLOADED, LAST_UID)
    assert {file.name for file in ended.files} == {"a.m3u8", "bak1_a.m3u8"}
    assert {"event 41: leave code 4 (no users)", "event 11: exit status 1 (abnormal)"} <= ended.reasons


@given(st.data(), st.sampled_from([STARTING, RECORDING]))
def test_all_of_it_is_the_same_in_any_order_and_however_often(data: st.DataObject, before: Standing):
    everything = [*ABANDONED, *END, *ALSO]
    again = data.draw(st.lists(st.sampled_from(everything), max_size=8), label="again")
    shuffled = data.draw(st.permutations(everything + again), label="order of arrival")
    ended = told(before, shuffled)
    assert ended == told(RECORDING, everything)
    assert (ended.state, ended.instance_uid, ended.end) == (State.BACKUPED, LAST_UID, State.BACKUPED)
    assert {file.name for file in ended.files} == {"a.m3u8", "bak0_a.m3u8", "bak1_a.m3u8", "s.jpg"}


@given(st.data())
def test_whatever_is_lost_what_arrives_is_the_same_in_any_order(data: st.DataObject):
    everything = [*ABANDONED, *END, *ALSO]
    chosen = data.draw(
        st.lists(st.sampled_from(everything), unique_by=lambda each: each.notice_id, min_size=1)
    )
    shuffled = data.draw(st.permutations(chosen))
    assert told(STARTING, shuffled) == told(STARTING, chosen)


def test_ends_of_abandoned_instances_end_nothing():
    for order in permutations(ABANDONED):
        standing = told(RECORDING, order)
        assert (standing.state, standing.instance_uid) == (State.RECORDING, LAST_UID)


def lost_news() -> Iterator[list[Notification]]:
    """The recording goes on in an instance of which nobody told; only its own events do."""
    for number, details in ((40, {}), (33, {"progress": 1}), (43, {"state": 0})):
        yield [event(14, 31, files("a.m3u8")), event(16, number, dict(details), LAST_UID)]


@pytest.mark.parametrize("events", list(lost_news()))
def test_an_event_of_an_unknown_instance_is_news_of_a_failover_that_was_lost(events: list[Notification]):
    for order in (events, events[::-1]):
        standing = told(RECORDING, order)
        assert (standing.state, standing.instance_uid) == (State.RECORDING, LAST_UID)
        assert standing.superseded == {UID}
    assert told(RECORDING, [*events, END[2]]).state is State.UPLOADED
