"""Each rule by itself: what makes it apply and what doesn't; and the table against the reference."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from agora_rec import Attempt, AttemptOutcome, CauseName, Certainty, Checkpoint, Explanation, State, codec
from agora_rec.lifecycle import Change, FactKey, Standing
from agora_rec.lifecycle.moves import Move
from agora_rec.model import Mode, RecordedFile
from agora_rec.notifications import Notification, parse
from agora_rec.recording.explaining import RULES, explain
from agora_rec.recording.explaining import questions as q
from agora_rec.recording.tried import TRIED_KEPT, Attempts
from agora_rec.store import Tried
from agora_rec.vocabulary import OperationName
from tests.notifications.deliveries import delivery
from tests.recording.explaining.lives import LIKELY, POSSIBLE, SAID, found, names
from tests.support.cloud import START, STOP, UPDATE_LAYOUT, mix, web
from tests.support.reference import load

BEGAN = datetime(2026, 5, 28, 10, 2, tzinfo=UTC)
UID, OTHER_UID = 880011, 5


def after(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def notified(event_type: int, details: Mapping[str, Any], *, uid: int = UID) -> Notification:
    millis = int(after(7).timestamp() * 1000)
    return parse(delivery(event_type, {"msgName": "m", **details}, sendts=millis, uid=str(uid)))


def changed(fact: FactKey, seconds: float = 1, to: State = State.RECORDING) -> Change:
    return Change(at=after(seconds), fact=fact, before=State.IDLE, after=to)


def tried(operation: OperationName, status: int | None, code: int | None = None, seconds: float = 3) -> Tried:
    outcome = AttemptOutcome.UNANSWERED if status is None else AttemptOutcome.REFUSED
    attempt = Attempt(host="h", outcome=outcome, seconds=1.0, at=after(seconds), status=status, code=code)
    return Tried(operation=operation, attempt=attempt)


def known(
    state: State = State.RECORDING,
    *notifications: Notification,
    history: tuple[Change, ...] = (),
    attempts: tuple[Tried, ...] = (),
    mode: Mode | None = None,
    **standing: Any,
) -> Checkpoint:
    began = dict.fromkeys(("acquired_at", "start_sent_at", "confirmed_at"), BEGAN)
    given: dict[str, Any] = {"resource_id": "r", "sid": "s", **began, **standing}
    return Checkpoint(
        id="1",
        cname="class-42",
        uid=UID,
        mode=codec.dump_mode(mode or mix()),
        standing=Standing(state=state, **given),
        history=history,
        notifications=notifications,
        tried=attempts,
        saved_at=BEGAN,
    )


def told(checkpoint: Checkpoint, seconds: float = 8) -> Explanation:
    return explain(checkpoint, at=after(seconds))


ERROR = {"errorLevel": 4, "stat": 1, "errorMsg": ""}
SAYING: list[tuple[CauseName, Certainty, int, dict[str, Any]]] = [
    (CauseName.STORAGE_MISCONFIGURED, SAID, 1, ERROR | {"module": 1, "errorCode": 32}),
    (CauseName.UPLOAD_FAILED, SAID, 1, ERROR | {"module": 1, "errorCode": 47}),
    (CauseName.FILES_NOT_PROCESSED, SAID, 1, ERROR | {"module": 1, "errorCode": 51}),
    (CauseName.UPLOAD_TIMED_OUT, SAID, 1, ERROR | {"module": 2, "errorCode": 50}),
    (CauseName.START_TIMED_OUT, SAID, 1, ERROR | {"module": 2, "errorCode": 52}),
    (CauseName.TOKEN_EXPIRED, SAID, 1, ERROR | {"module": 0, "errorCode": 109}),
    (CauseName.TOKEN_WRONG, SAID, 1, ERROR | {"module": 0, "errorCode": 110}),
    (CauseName.FATAL_ERROR, SAID, 1, {"module": 0, "errorCode": 9, "errorLevel": 5}),
    (CauseName.OTHER_ERROR, LIKELY, 1, {"module": 0, "errorCode": 9, "errorLevel": 4}),
    (CauseName.OTHER_ERROR, LIKELY, 1, {"module": 0, "errorCode": 9}),
    (CauseName.UPLOADED_AGAIN, LIKELY, 2, {"module": 1, "warnCode": 31}),
    (CauseName.UPLOADED_AGAIN, LIKELY, 2, {"module": 1, "warnCode": 32}),
    (CauseName.ABNORMAL_EXIT, SAID, 3, {"status": 20}),
    (CauseName.ABNORMAL_EXIT, SAID, 11, {"exitStatus": 1}),
    (CauseName.FAILED_OVER, SAID, 12, {"newUid": 7}),
    (CauseName.PART_ABNORMAL, SAID, 30, {"status": 1}),
    (CauseName.PART_ABNORMAL, SAID, 40, {"status": 3}),
    (CauseName.STORAGE_TOKEN_EXPIRED, SAID, 34, {}),
    (CauseName.RECORDER_NOT_INITIALISED, SAID, 41, {"leaveCode": 0}),
    (CauseName.INTERRUPTED, LIKELY, 41, {"leaveCode": 2}),
    (CauseName.IDLE, SAID, 41, {"leaveCode": 4}),
    (CauseName.STOPPED_ELSEWHERE, LIKELY, 41, {"leaveCode": 16}),
    (CauseName.GAP, LIKELY, 42, {"startUtcMs": 1780000005120, "discontinueUtcMs": 1780000001000}),
    (CauseName.STOPPED_ELSEWHERE, LIKELY, 71, {"code": 0, "message": "ok"}),
    (CauseName.MAX_RECORDING_HOUR, SAID, 71, {"code": 1}),
    (CauseName.PAGE_NOT_RECORDABLE, SAID, 71, {"code": 2}),
    (CauseName.PAGE_NOT_RECORDABLE, SAID, 72, {"limitType": "WebGL"}),
    (CauseName.ENGINE_FAILED, SAID, 71, {"code": 3}),
    (CauseName.PAGE_NOT_READY, SAID, 71, {"code": 4}),
    (CauseName.PAGE_UNREACHABLE, SAID, 71, {"code": 5}),
    (CauseName.PAGE_RECORDER_FAILED, SAID, 71, {"code": 6}),
    (CauseName.PAGE_RELOADED, LIKELY, 73, {"reason": "audio_silence"}),
    (CauseName.TRANSCODING_FAILED, SAID, 81, {"result": "partial_success"}),
    (CauseName.TRANSCODING_FAILED, SAID, 90, {"vendor": 1}),
    (CauseName.TRANSCODING_FAILED, SAID, 1001, {"result": "failed"}),
    (CauseName.PUSH_FAILED, SAID, 100, {"rtmpUrl": "rtmp://x/y", "status": "disconnected"}),
    (CauseName.EXTENSION_FAILED, SAID, 201, {"serviceName": "x", "errorCode": 3}),
]
SAYING_NOTHING: list[tuple[int, dict[str, Any]]] = [
    (2, {"module": 0, "warnCode": 31}),
    (3, {"status": 5}),
    (11, {"exitStatus": 0}),
    (13, {}),
    (30, {"status": 0}),
    (33, {"progress": 10}),
    (40, {"status": 0}),
    (40, {}),
    (41, {"leaveCode": 8}),
    (41, {}),
    (42, {"startUtcMs": 1780000005120, "discontinueUtcMs": 1780000005120}),
    (42, {}),
    (81, {"result": "all_success"}),
    (100, {"status": "publishing"}),
    (1001, {"result": "total_success"}),
    (4711, {"anything": 1}),
]


@pytest.mark.parametrize(("cause", "certainty", "event_type", "details"), SAYING)
def test_an_event_that_says_something_is_the_evidence_of_its_cause(
    cause: CauseName, certainty: Certainty, event_type: int, details: dict[str, Any]
) -> None:
    notification = notified(event_type, details)
    explanation = told(known(State.RECORDING, notification, mode=web()))
    assert found(explanation)[0] == (cause, certainty)
    assert all(other.certainty is POSSIBLE for other in explanation.causes[1:])
    (evidence,) = explanation.causes[0].evidence
    assert evidence.item == notification
    assert evidence.at == after(7)
    assert re.match(rf"event {event_type}\b", evidence.what)
    assert str(explanation.causes[0]).endswith("at 10:02:07")


@pytest.mark.parametrize(("event_type", "details"), SAYING_NOTHING)
def test_an_event_that_says_that_all_is_well_is_no_evidence(event_type: int, details: dict[str, Any]) -> None:
    assert told(known(State.RECORDING, notified(event_type, details))).causes == ()


@pytest.mark.parametrize(
    ("event_type", "details"),
    [(11, {"exitStatus": 1}), (3, {"status": 20}), (41, {"leaveCode": 4}), (41, {"leaveCode": 0})],
)
def test_what_an_instance_says_that_was_left_behind_explains_nothing(
    event_type: int, details: dict[str, Any]
) -> None:
    notification = notified(event_type, details, uid=OTHER_UID)
    checkpoint = known(State.RECORDING, notification, superseded=frozenset({OTHER_UID}))
    assert told(checkpoint).causes == ()


def test_the_headline_of_the_issue() -> None:
    notification = notified(1, ERROR | {"module": 1, "errorCode": 32})
    (cause,) = told(known(State.RECORDING, notification)).causes
    assert str(cause) == "storage misconfigured: event 1, module 1, code 32 at 10:02:07"


def test_the_surest_comes_first_and_guesses_are_left_out_where_something_sure_explains_it() -> None:
    abnormal = notified(11, {"exitStatus": 1})
    guessed = told(known(State.FAILED, abnormal))
    assert found(guessed)[0] == (CauseName.ABNORMAL_EXIT, SAID)
    assert {certainty for _, certainty in found(guessed)[1:]} == {POSSIBLE}
    assert CauseName.IDS_WRONG not in names(guessed)
    sure = notified(1, ERROR | {"module": 1, "errorCode": 32})
    warning = notified(2, {"module": 1, "warnCode": 31})
    assert found(told(known(State.FAILED, warning, abnormal, sure))) == [
        (CauseName.STORAGE_MISCONFIGURED, SAID),
        (CauseName.ABNORMAL_EXIT, SAID),
        (CauseName.UPLOADED_AGAIN, LIKELY),
    ]


def test_an_abnormal_end_that_only_a_query_has_told_is_evidence_by_its_transition() -> None:
    history = (changed(FactKey.ENDED_WITHOUT_FILES, 5, State.FAILED),)
    explanation = told(known(State.FAILED, history=history))
    assert CauseName.ABNORMAL_EXIT in names(explanation)
    assert explanation.causes[0].evidence[0].item == history[0]
    assert "nobody has said" in explanation.summary


def test_what_we_have_stopped_ourselves_needs_no_guess() -> None:
    history = (changed(FactKey.STOP_SENT, 5, State.STOPPING), changed(FactKey.LEFT, 6, State.STOPPING))
    left = notified(41, {"leaveCode": 16})
    attempts = (tried(STOP, 404, 404),)
    checkpoint = known(State.STOPPING, left, history=history, attempts=attempts, left_at=BEGAN)
    assert told(checkpoint).causes == ()
    asked = known(State.STOPPING, left, left_at=BEGAN, stop_requested=True)
    assert told(asked).causes == ()


def test_a_recorder_that_leaves_because_something_went_wrong_was_stopped_by_nobody() -> None:
    left = notified(41, {"leaveCode": 16})
    error = notified(1, ERROR | {"module": 1, "errorCode": 32})
    assert names(told(known(State.FAILED, left, error))) == [CauseName.STORAGE_MISCONFIGURED]
    abnormal = notified(11, {"exitStatus": 1})
    assert CauseName.STOPPED_ELSEWHERE not in names(told(known(State.FAILED, left, abnormal)))


def test_the_evidence_is_told_from_the_oldest_on() -> None:
    exited, status = notified(11, {"exitStatus": 1}), notified(3, {"status": 20})
    earlier = evolve(status, sent_at=after(6))
    (cause, *_) = told(known(State.FAILED, exited, earlier)).causes
    assert [each.item for each in cause.evidence] == [earlier, exited]


def test_a_stop_of_which_nobody_knows_anything_is_likely_open() -> None:
    history = (changed(FactKey.STOP_SENT, 5, State.STOPPING),)
    explanation = told(known(State.STOPPING, history=history))
    assert found(explanation) == [(CauseName.STOP_UNCONFIRMED, LIKELY)]
    assert explanation.maybe_running
    assert "whether it has worked is not known" in explanation.summary
    assert explanation.until == BEGAN + timedelta(hours=72)


def test_a_stop_that_waits_for_its_sid_is_told() -> None:
    history = (changed(FactKey.START_SENT, 2, State.STARTING),)
    checkpoint = known(State.STARTING, history=history, sid=None, stop_requested=True)
    assert names(told(checkpoint)) == [CauseName.START_UNCONFIRMED, CauseName.STOP_REMEMBERED]


def test_an_answer_that_leaves_a_start_open_is_no_refusal() -> None:
    checkpoint = known(State.STARTING, attempts=(tried(START, 206, 65), tried(START, 206, 65)), sid=None)
    (cause,) = told(checkpoint).causes
    assert (cause.name, len(cause.evidence)) == (CauseName.UNDECIDED, 2)
    assert str(cause) == "call answered without success: start: HTTP 206, code 65 at 10:02:03 (and 1 more)"


def test_an_answer_without_a_code_has_a_source_too() -> None:
    checkpoint = known(attempts=(tried(UPDATE_LAYOUT, 503),))
    (cause,) = told(checkpoint).causes
    assert cause.source == "errors.yaml by_endpoint.updateLayout (http 503)"


def test_a_start_that_failed_before_one_that_worked_explains_nothing() -> None:
    assert told(known(attempts=(tried(START, 500, 502),))).causes == ()


def test_failovers_that_nobody_told_of_are_known_by_who_speaks() -> None:
    moves = tuple(Move(uid=each, sent_at=after(each), is_told=False) for each in (1, 2, 3))
    explanation = told(known(moves=moves[:1]))
    assert found(explanation) == [(CauseName.FAILED_OVER, SAID)]
    assert explanation.causes[0].evidence[0].what == "notified of by the recorder with uid 1"
    assert names(told(known(moves=moves))) == [CauseName.FAILOVERS_USED_UP, CauseName.FAILED_OVER]


def test_no_data_is_told_by_the_answer_or_by_the_transition() -> None:
    assert names(told(known(State.UPLOADED, no_data=True))) == [CauseName.NOBODY_SENT]
    history = (changed(FactKey.NO_RECORDED_DATA, 5, State.UPLOADED),)
    (cause,) = told(known(State.UPLOADED, no_data=True, history=history)).causes
    assert cause.evidence[0].item == history[0]
    files = (RecordedFile("a.m3u8"),)
    explanation = told(known(State.UPLOADED, no_data=True, files=files))
    assert explanation.causes == ()
    assert "in your bucket" in explanation.summary


def test_files_in_the_backup_are_told_by_the_event_or_by_the_transition() -> None:
    history = (changed(FactKey.BACKUPED, 5, State.BACKUPED),)
    (cause,) = told(known(State.BACKUPED, history=history)).causes
    assert cause.evidence[0].item == history[0]
    notification = notified(32, {"status": 0, "fileList": []})
    (cause,) = told(known(State.BACKUPED, notification, history=history)).causes
    assert cause.evidence[0].item == notification


def test_what_is_confirmed_too_late_is_likely_gone() -> None:
    unconfirmed = known(confirmed_at=None)
    assert told(unconfirmed, 90).causes == ()
    (cause,) = told(unconfirmed, 91).causes
    assert cause.name is CauseName.NOT_CONFIRMED
    assert cause.evidence[0].at == after(90)
    assert told(known(confirmed_at=None, start_sent_at=None), 91).causes == ()


def test_event_13_is_missed_only_where_it_would_have_been_seen() -> None:
    other = notified(40, {"status": 0})
    assert told(known(State.RECORDING, other), 10).causes == ()
    assert names(told(known(State.RECORDING, other), 11)) == [CauseName.NOT_REGISTERED]
    assert told(known(State.RECORDING), 11).causes == ()
    assert told(known(State.RECORDING, *[other] * 20), 11).causes == ()
    assert told(known(State.RECORDING, other, notified(13, {})), 11).causes == ()
    assert told(known(State.UPLOADED, other), 11).causes == ()


def test_an_upload_is_slow_after_twenty_minutes_or_while_it_says_so() -> None:
    going = known(State.STOPPING, left_at=BEGAN)
    assert told(going, 1200).causes == ()
    assert names(told(going, 1201)) == [CauseName.UPLOAD_SLOW]
    reports = [notified(33, {"progress": each}) for each in (5000, 8750)]
    (cause,) = told(known(State.STOPPING, *reports, left_at=BEGAN)).causes
    assert [each.what for each in cause.evidence] == ["event 33, 87.5 % uploaded"]
    done = notified(33, {"progress": 10000})
    assert told(known(State.STOPPING, done, left_at=BEGAN)).causes == ()
    exited = known(State.STOPPING, left_at=BEGAN, exited_at=BEGAN)
    assert names(told(exited, 61)) == [CauseName.NO_NEWS_OF_FILES]


def test_a_refusal_for_good_is_told_as_one() -> None:
    checkpoint = known(State.FAILED, attempts=(tried(START, 400, 2),), sid=None, acquired_at=None)
    explanation = told(checkpoint)
    assert names(explanation) == [CauseName.REFUSED]
    assert "nothing was started" in explanation.summary
    assert explanation.until is None


def test_out_of_control_is_not_running_once_it_has_left() -> None:
    history = (changed(FactKey.OUT_OF_CONTROL, 5, State.FAILED),)
    checkpoint = known(State.FAILED, history=history)
    assert told(checkpoint).maybe_running
    gone = evolve(checkpoint, standing=evolve(checkpoint.standing, left_at=after(6)))
    assert not told(gone).maybe_running


def test_the_same_cause_is_not_told_twice_by_the_table_for_one_certainty() -> None:
    rows = [(rule.name, rule.certainty) for rule in RULES]
    assert len(rows) == len(set(rows))
    answered = {CauseName.REFUSED, CauseName.UNDECIDED, CauseName.UNANSWERED}
    assert {rule.name for rule in RULES} == set(CauseName) - answered


def test_attempts_are_bounded_and_merge_by_their_moment() -> None:
    mine = Attempts()
    for each in range(2 * TRIED_KEPT):
        mine.add(START, tried(START, 500, seconds=each).attempt)
    assert [each.attempt.at for each in mine.kept] == [after(each) for each in range(10, 20)]
    mine.merge([tried(STOP, None, seconds=15.5), *mine.kept[:3]], 30)
    assert len(mine.kept) == TRIED_KEPT
    assert [each.operation for each in mine.kept].index(STOP) == 5


# The table against the reference.

TIMING = load("timing")
ERRORS = load("errors")


def resolve(tree: Any, path: str) -> Any:
    for part in re.findall(r"[^.\[\]]+", path):
        if isinstance(tree, list):
            rows: list[Any] = tree
            by_type = {row["eventType"]: row for row in rows if isinstance(row, dict)}
            tree = (by_type or rows)[int(part)]
        else:
            tree = tree[int(part) if part not in tree else part]
    return tree


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.name} {rule.certainty.name}")
def test_every_source_is_there(rule: Any) -> None:
    for reference in rule.source.split("; "):
        name, _, paths = reference.partition(".yaml ")
        table = load(name)
        for path in re.sub(r" \(.*\)", "", paths).split(", "):
            assert resolve(table, path) is not None
        answer = re.search(r" \(http (\d+), code (\d+)\)", paths)
        if answer:
            rows = resolve(table, re.sub(r" \(.*\)", "", paths))
            assert any((row["http"], row["code"]) == tuple(map(int, answer.groups())) for row in rows)


def test_every_documented_code_of_an_event_has_a_row() -> None:
    codes = ERRORS["event_codes"]
    cited = " ".join(rule.source for rule in RULES)
    for module in ("module_1_uploader", "module_2_service"):
        for code in codes["event_1_errorCode"][module]:
            assert f"event_1_errorCode.{module}.{code}" in cited
    for code in codes["event_1_errorCode"]["module_0_recorder"]["known"]:
        assert f"event_1_errorCode.module_0_recorder.known.{code}" in cited
    for code in set(codes["event_71_code"]) - {0}:
        assert f"event_71_code.{code}" in cited
    leave = load("events")["enums"]["leaveCode"]
    for bit in (0, 2, 4, 16):
        assert f"enums.leaveCode.{bit}" in cited
        assert leave[bit]
    for row in range(len(ERRORS["causes_of_404_soon_after_start"])):
        assert f"causes_of_404_soon_after_start[{row}]" in cited


def test_the_moments_are_the_documents() -> None:
    times = TIMING["times"]
    assert times["failovers_max"]["value"] == q.FAILOVERS_MAX
    assert times["event_13_within"]["value"] == q.REGISTERED_WITHIN
    assert times["start_confirmed_within"]["value"] == q.CONFIRMED_WITHIN
    assert times["failover_total"]["value"] == q.FAILOVER_SECONDS
    assert 60 * times["upload_normal"]["value"] == q.UPLOAD_NORMAL


def test_what_is_not_given_is_told_as_the_services_default() -> None:
    (idle,) = told(known(State.RECORDING, notified(41, {"leaveCode": 4}))).causes
    assert f"({TIMING['ranges']['maxIdleTime']['default']} s)" in idle.meaning
