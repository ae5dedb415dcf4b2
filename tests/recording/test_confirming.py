"""What `wait_started` makes of answers and events together, and what its errors list, in order.

The emulator notifies and answers in virtual time; without webhooks there are answers only.
"""

import pickle
from collections.abc import Iterable

import anyio
import pytest
from attrs import evolve

from agora_rec import Cause, CauseName, Certainty, Mix, Recording, RecordingGone, State, WaitTimedOut
from agora_rec.emulator import LoseAnswer, PageTrouble, Refuse
from agora_rec.errors import DocumentedCause
from agora_rec.recording.explaining import advice
from agora_rec.recording.ledger import STORE_LOOK_EVERY
from agora_rec.recording.waiting import REASONS_WITHIN
from tests.recording.explaining.lives import LIKELY, POSSIBLE, SAID, Life, a_life
from tests.support.backends import virtual_time
from tests.support.cloud import QUERY, bucket, calling, mix, stage, web
from tests.support.secrets import ACCESS_KEY, SECRET_KEY

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

NOT_FOUND = Refuse(404, code=404, reason="failed to find worker")
PAGE = "https://example.com/lesson"
EVERYTHING = frozenset(range(1, 2000))
WRONG = evolve(mix(), storage=bucket(bucket="wrong"))

MEANING = (
    "The service's check, after it had accepted the start, found the third-party storage wrong: "
    "vendor, region, bucket or keys."
)

NOT_FOUND_CAUSES = [
    (CauseName.CHECK_FAILED, POSSIBLE),
    (CauseName.IDLE, POSSIBLE),
    (CauseName.TOKEN_SUSPECTED, POSSIBLE),
    (CauseName.UID_TAKEN, POSSIBLE),
    (CauseName.IDS_WRONG, POSSIBLE),
]


def listed(causes: Iterable[DocumentedCause]) -> list[tuple[str, Certainty]]:
    return [(cause.name, cause.certainty) for cause in causes]


def moments(life: Life) -> list[int]:
    """When queries arrived, in whole seconds from the first call on."""
    first = life.emulator.calls[0].at
    return [
        round((call.at - first).total_seconds()) for call in life.emulator.calls if call.operation is QUERY
    ]


async def refused(recording: Recording, seconds: float = 90.0) -> RecordingGone:
    with pytest.raises(RecordingGone) as caught:
        await recording.wait_started(seconds)
    return caught.value


async def in_vain(recording: Recording, seconds: float = 90.0) -> WaitTimedOut:
    with pytest.raises(WaitTimedOut) as caught:
        await recording.wait_started(seconds)
    assert recording.state is State.RECORDING, "unconfirmed is not ended"
    return caught.value


async def test_a_wrong_bucket_is_listed_as_the_events_tell_it() -> None:
    async with a_life(lost=frozenset({3, 41}), wrong_values=frozenset({"wrong"})) as life:
        recording = await life.begun(WRONG)
        gone = await refused(recording)
        assert listed(gone.causes) == [
            (CauseName.STORAGE_MISCONFIGURED, SAID),
            (CauseName.ABNORMAL_EXIT, SAID),
        ]
        assert gone.said == (
            "high availability registered: event 13 at 00:00:01",
            "recorder started: event 40, status 0 at 00:00:02",
            "uploader started: event 30, status 0 at 00:00:02",
            "recording error: event 1, module 1, code 32, 'storage refused' at 00:00:05",
        )
        assert gone.evidence == recording.notifications[: len(gone.evidence)]
        (cause, _) = gone.causes
        assert isinstance(cause, Cause)
        assert cause.evidence[0].item in gone.evidence
        first, *more = str(gone).splitlines()
        assert first.startswith("The recording is gone (cname 'class-42'")
        assert "Query: status 20 (abnormal exit)." in first
        assert more[0] == "The service has said:"
        assert more[1:5] == [f"  {each}" for each in gone.said]
        assert more[5:8] == [
            "What explains it, most likely first:",
            "  1. certain: storage misconfigured: event 1, module 1, code 32, 'storage refused' at 00:00:05",
            f"     {MEANING} To do: {advice.STORAGE}.",
        ]
        assert more[8].startswith("  2. certain: abnormal exit: ")
        assert len(more) == 10
        assert str(pickle.loads(pickle.dumps(gone))) == str(gone)  # noqa: S301 - our own bytes
        assert moments(life) == [5]


async def test_a_wrong_key_is_named_and_not_shown() -> None:
    async with a_life(wrong_values=frozenset({ACCESS_KEY}), check_seconds=1.0) as life:
        gone = await refused(await life.begun())
        assert listed(gone.causes)[0] == (CauseName.STORAGE_MISCONFIGURED, SAID)
        assert moments(life) == [], "the events have told its end before the first look"
        for text in (str(gone), repr(gone)):
            assert ACCESS_KEY not in text
            assert SECRET_KEY not in text


async def test_a_wrong_bucket_that_ends_in_404s_is_explained_by_the_one_event_that_came() -> None:
    wrong = frozenset({"wrong"})
    async with a_life(lost=EVERYTHING - {1}, wrong_values=wrong, check_seconds=1.0) as life:
        gone = await refused(await life.begun(WRONG))
        assert gone.cause == "the service has not known it for 90 s"
        assert listed(gone.causes) == [(CauseName.STORAGE_MISCONFIGURED, SAID)]
        assert gone.said == ("recording error: event 1, module 1, code 32, 'storage refused' at 00:00:01",)
        assert moments(life) == [5, 10, 20, 35, 50, 65, 80]


async def test_a_token_that_the_channel_refuses_is_listed() -> None:
    async with a_life(wrong_tokens=frozenset({"t"})) as life:
        gone = await refused(await life.begun(token="t"))
        assert listed(gone.causes)[0] == (CauseName.TOKEN_WRONG, SAID)
        assert "recorder started" not in str(gone), "who has the wrong token never gets into the channel"
        assert "high availability registered: event 13" in str(gone), "so event 13 proves no start"


async def test_a_page_that_cannot_be_opened_is_listed() -> None:
    troubles = {PAGE: PageTrouble.UNREACHABLE}
    async with a_life(page_troubles=troubles, page_trouble_seconds=4.0) as life:
        gone = await refused(await life.begun(web(url=PAGE)))
        assert listed(gone.causes)[0] == (CauseName.PAGE_UNREACHABLE, SAID)
        assert POSSIBLE not in {cause.certainty for cause in gone.causes}
        assert any(each.startswith("web recorder stopped: event 71, code 5") for each in gone.said)
        assert "compare the url, and whether the page is open to the internet" in str(gone)


@pytest.mark.parametrize("webhooks", [True, False])
async def test_what_nobody_knows_from_the_first_look_on_has_the_documented_causes(webhooks: bool) -> None:  # noqa: FBT001 - a parameter
    """Without webhooks, and where all events are lost: nothing can be more than possible."""
    client = {} if webhooks else {"webhook_secret": None}
    async with a_life(lost=EVERYTHING) as life, stage(client=client) as on:
        recording = await (life.begun() if webhooks else on.started())
        emulator = life.emulator if webhooks else on.emulator
        emulator.inject(NOT_FOUND, operation=QUERY, times=None)
        gone = await refused(recording)
        assert recording.state is State.STOPPING
        assert listed(gone.causes) == NOT_FOUND_CAUSES
        assert (gone.said, gone.evidence) == ((), ())
        lines = str(gone).splitlines()
        assert lines[1:3] == [
            "No event has come in; wrong parameters are told by events only, which need a webhook.",
            "What explains it, most likely first:",
        ]
        assert [line.split(":")[0] for line in lines[3::2]] == [f"  {n}. possible" for n in range(1, 6)]
        assert str(gone).count("To do: ") == len(NOT_FOUND_CAUSES)
        assert len(str(gone)) < 4000


async def test_a_failover_during_the_confirmation_is_not_the_end() -> None:
    async with a_life() as life:
        recording = await life.begun()
        await anyio.sleep(3)
        life.emulator.fail_over(recording.sid or "", seconds=50.0)
        await recording.wait_started()
        assert recording.state is State.RECORDING
        assert moments(life) == [5, 10, 20, 35, 50, 65]
        await recording.ensure_stopped()


async def test_a_failover_that_outlasts_the_wait_is_not_the_end_either() -> None:
    async with a_life() as life:
        recording = await life.begun()
        await anyio.sleep(3)
        life.emulator.fail_over(recording.sid or "", seconds=90.0)
        waited = await in_vain(recording)
        assert listed(waited.causes) == [(CauseName.BEING_MOVED, POSSIBLE), *NOT_FOUND_CAUSES]
        assert waited.said[-1] == "status updated: event 3, status 4 at 00:00:02"
        assert "The recording goes on: wait again" in str(waited)
        await recording.wait_started()
        await recording.ensure_stopped()


async def test_answers_that_say_nothing_of_it_are_never_a_verdict() -> None:
    async with stage() as on:
        recording = await on.started()
        on.emulator.inject(Refuse(500), operation=QUERY, times=None)
        waited = await in_vain(recording, 300.0)
        assert listed(waited.causes) == [(CauseName.REFUSED, SAID), (CauseName.NOT_CONFIRMED, LIKELY)]
        lines = str(waited).splitlines()
        assert lines[3].startswith("  1. certain: call refused: query: HTTP 500")
        assert lines[5].startswith("  2. likely: not confirmed in time: nothing has said that it records")


async def test_event_13_before_the_first_look_confirms_nothing() -> None:
    async with a_life(lost=EVERYTHING - {13}) as life:
        recording = await life.begun()
        life.emulator.inject(LoseAnswer(), operation=QUERY, times=None)
        waited = await in_vain(recording)
        assert waited.said == ("high availability registered: event 13 at 00:00:01",)
        assert listed(waited.causes) == [(CauseName.UNANSWERED, SAID), (CauseName.NOT_CONFIRMED, LIKELY)]
        life.emulator.clear_faults()
        await recording.wait_started()


async def test_event_13_defers_no_verdict() -> None:
    """Where it was registered, and denied ever since, it has not begun: the documented time is over."""
    async with a_life(lost=EVERYTHING - {13}) as life:
        recording = await life.begun()
        life.emulator.inject(NOT_FOUND, operation=QUERY, times=None)
        gone = await refused(recording)
        assert gone.said == ("high availability registered: event 13 at 00:00:01",)
        assert listed(gone.causes) == NOT_FOUND_CAUSES


async def test_event_40_before_the_first_look_spares_no_query() -> None:
    async with a_life(lost=EVERYTHING - {40}) as life:
        recording = await life.begun()
        await recording.wait_started()
        assert moments(life) == [5]
        await recording.wait_started()
        assert moments(life) == [5], "what is confirmed is not asked again"


async def test_event_40_counts_where_nobody_can_be_asked_or_there_is_no_time_to() -> None:
    async with a_life(lost=EVERYTHING - {40}) as life:
        recording = await life.begun()
        await recording.wait_started(timeout=3)
        assert moments(life) == []
        life.emulator.inject(Refuse(503), operation=QUERY, times=None)
        await recording.wait_started()
        assert recording.state is State.RECORDING


async def test_what_event_40_has_shown_is_given_the_time_of_a_failover() -> None:
    async with a_life(lost=EVERYTHING - {40}) as life:
        recording = await life.begun()
        life.emulator.inject(NOT_FOUND, operation=QUERY, times=None)
        waited = await in_vain(recording)
        assert waited.said == ("recorder started: event 40, status 0 at 00:00:02",)
        gone = await refused(recording, 200.0)
        assert gone.cause == "the service has not known it for 90 s"


async def test_an_event_that_comes_after_a_denial_is_looked_into() -> None:
    async with a_life(lost=EVERYTHING - {40}, start_seconds=7.0) as life:
        recording = await life.begun()
        life.emulator.inject(NOT_FOUND, operation=QUERY, times=2)
        await recording.wait_started()
        assert moments(life) == [5, 10, 20]


async def test_a_recording_that_is_only_being_prepared_is_not_confirmed_by_an_event() -> None:
    async with a_life(lost=EVERYTHING - {40}, start_seconds=7.0) as life:
        recording = await life.begun()
        await recording.wait_started()
        assert moments(life) == [5, 10]


async def test_an_end_that_a_query_tells_waits_for_its_reason_and_not_longer() -> None:
    lost = EVERYTHING - {11}
    async with a_life(lost=lost, wrong_values=frozenset({"wrong"}), exit_seconds=30.0) as life:
        recording = await life.begun(WRONG)
        with anyio.fail_after(5.1 + REASONS_WITHIN):
            gone = await refused(recording)
        assert listed(gone.causes) == [
            (CauseName.ABNORMAL_EXIT, SAID),
            (CauseName.CHECK_FAILED, POSSIBLE),
            (CauseName.IDLE, POSSIBLE),
            (CauseName.TOKEN_SUSPECTED, POSSIBLE),
            (CauseName.UID_TAKEN, POSSIBLE),
        ]
    assert REASONS_WITHIN > STORE_LOOK_EVERY, "an event may come to another worker"


async def test_the_first_look_is_five_seconds_after_the_sid_whenever_the_wait_begins() -> None:
    async with a_life(lost=EVERYTHING) as life:
        recording = await life.begun()
        await anyio.sleep(3)
        await recording.wait_started()
        assert moments(life) == [5]
    async with a_life(lost=EVERYTHING) as life:
        recording = await life.begun()
        await anyio.sleep(60)
        await recording.wait_started()
        assert moments(life) == [60]


@pytest.mark.parametrize(
    ("mode", "looks"),
    [
        (mix(max_idle_time=5), [5, 9, 13, 17, 21]),
        (mix(max_idle_time=15), [5, 10, 20]),
        (mix(max_idle_time=14), [5, 10, 20]),
        (web(), [5, 10, 20]),
    ],
    ids=["5 s", "15 s", "14 s", "page"],
)
async def test_two_looks_are_closer_than_the_idle_time(mode: Mix, looks: list[float]) -> None:
    """timing.yaml `query_interval_confirm`."""
    async with stage(latency=0, start_seconds=18.0, web_start_seconds=18.0) as on:
        recording = await on.started(mode=mode)
        began = on.clock.monotonic()
        await recording.wait_started()
        assert on.times_of(QUERY, since=began) == looks


async def test_what_was_confirmed_is_so_after_its_end_too() -> None:
    async with a_life() as life, anyio.create_task_group() as tasks:
        recording = await life.begun()
        waiting = [await calling(tasks, recording.wait_started) for _ in range(2)]
        await anyio.sleep(20)
        await recording.stop()
        assert [(caller.is_back, caller.error) for caller in waiting] == [(True, None)] * 2
        await recording.wait_started()
