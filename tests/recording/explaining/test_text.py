"""An explanation as people read it: whole, in UTC, on lines of its own, whatever the service has written."""

from datetime import timedelta, timezone

from attrs import evolve

from agora_rec import Mix, State
from agora_rec.lifecycle import FactKey
from agora_rec.notifications import RecordingError, UnknownEvent
from agora_rec.recording.explaining import explain, telling
from tests.recording.explaining.test_rules import ERROR, after, changed, known, notified, told, tried
from tests.support.cloud import START

MEANING = (
    "The service's check, after it had accepted the start, found the third-party storage wrong: "
    "vendor, region, bucket or keys."
)
THEN = (
    "compare vendor, region, bucket and keys with the vendor's console, and that the keys may write there; "
    "then start anew"
)
EVIL = "\x1b[2J\nforged: line\u202e"


def test_a_report_reads_from_the_state_to_what_has_happened() -> None:
    history = (changed(FactKey.ACQUIRED, 1, State.ACQUIRED), changed(FactKey.STARTED, 2))
    storage = notified(1, ERROR | {"module": 1, "errorCode": 32})
    checkpoint = known(
        State.FAILED,
        storage,
        storage,
        history=history,
        attempts=(tried(START, None),),
        reasons=frozenset({"why"}),
    )
    assert str(told(evolve(checkpoint, key="lesson-7"))).splitlines() == [
        "recording 'class-42' uid 880011 (key 'lesson-7'): FAILED since 10:02:02",
        "  at 2026-05-28 10:02:08 UTC: it has ended, and nobody has said that there are files",
        "  resource ID r",
        "  sid s",
        "",
        "1. storage misconfigured: event 1, module 1, code 32 at 10:02:07 (and 1 more)",
        "     event 1, module 1, code 32 at 10:02:07",
        f"   {MEANING}",
        f"   To do: {THEN}.",
        "   (errors.yaml event_codes.event_1_errorCode.module_1_uploader.32)",
        "",
        "What was given as a reason:",
        "  why",
        "",
        "What has happened:",
        "  10:02:01  idle -> acquired (acquired)",
        "  10:02:02  idle -> recording (started)",
        "  10:02:03  start: unanswered",
        "  10:02:07  event 1, module 1, code 32 - recording error",
        "  10:02:07  event 1, module 1, code 32 - recording error",
    ]


def test_moments_are_in_utc_and_have_their_date_where_it_is_another() -> None:
    checkpoint = known(history=(changed(FactKey.STARTED, 2),))
    there = timezone(timedelta(hours=8))
    explanation = explain(checkpoint, at=after(86400).astimezone(there))
    first, second, third, *_ = str(explanation).splitlines()
    assert first.endswith("RECORDING since 2026-05-28 10:02:02")
    assert second.startswith("  at 2026-05-29 10:02:00 UTC: ")
    assert third == "  something may be running; calls are taken until 2026-05-31 10:02:00"


def test_nothing_that_others_write_reaches_a_terminal_as_it_is() -> None:
    error = notified(1, ERROR | {"module": 0, "errorCode": 5, "errorMsg": EVIL, "errorLevel": 5})
    limit = notified(72, {"limitType": EVIL})
    stopped = notified(71, {"code": 4, "message": EVIL, "details": EVIL})
    checkpoint = known(
        State.FAILED, error, limit, stopped, sid=EVIL, resource_id=EVIL, reasons=frozenset({EVIL})
    )
    explanation = told(evolve(checkpoint, cname=EVIL, key=EVIL))
    for text in (str(explanation), *(str(cause) for cause in explanation.causes)):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "\nforged" not in text
    assert "\\x1b[2J\\nforged: line\\u202e" in str(explanation)


def test_an_event_without_a_moment_or_a_number_is_told_all_the_same() -> None:
    bare = evolve(notified(1, {}), sent_at=None, notified_at=None, event=RecordingError())
    assert telling.of_notification(bare).what == "event 1"
    explanation = told(known(State.RECORDING, bare))
    assert str(explanation.causes[0]) == "likely: error: event 1"
    assert str(explanation).splitlines()[-1] == "            event 1 - recording error"
    unknown = evolve(bare, event=UnknownEvent(event_type=4711), event_type=4711)
    assert telling.of_notification(unknown).what == "event 4711"
    assert telling.name_of(unknown) == "unknown event"


def test_what_a_slice_and_a_progress_say_is_told_where_they_say_it() -> None:
    gap = notified(42, {"startUtcMs": 1780000005120, "discontinueUtcMs": 1780000001000})
    assert telling.of_notification(gap).what == "event 42, after a gap of 4.1 s"
    assert telling.of_notification(notified(42, {})).what == "event 42"
    assert telling.of_notification(notified(33, {})).what == "event 33"
    assert telling.of_notification(notified(41, {})).what == "event 41"
    assert (
        telling.of_notification(notified(41, {"leaveCode": 6})).what
        == "event 41, leave code 6 (sig|no_users)"
    )


def test_a_recording_whose_hours_are_not_known_may_run_until_nobody_knows_when() -> None:
    checkpoint = known(acquired_at=None, start_sent_at=None)
    assert "  something may be running" in str(told(checkpoint)).splitlines()
    assert isinstance(checkpoint.described_mode(), Mix)
