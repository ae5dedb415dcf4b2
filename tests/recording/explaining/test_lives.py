"""`recording.explain()` over whole lives that the emulator plays, in virtual time, webhooks and all."""

import re
from typing import Any

import anyio
import pytest
from attrs import evolve

from agora_rec import AgoraRecError, CauseName, MemoryStore, State, UploadStatusUnknown, WaitTimedOut
from agora_rec.emulator import LoseAnswer, PageTrouble, Refuse, Upload
from tests.recording.explaining.lives import LIKELY, POSSIBLE, SAID, a_life, found, names
from tests.support.backends import virtual_time
from tests.support.cloud import CNAME, QUERY, START, STOP, a_client, bucket, mix, web

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

EVERYTHING = frozenset(range(1, 2000))
PAGE = "https://example.com/lesson"


async def test_a_wrong_bucket_is_named_with_the_event_that_says_so_and_its_moment() -> None:
    async with a_life(wrong_values=frozenset({"wrong"})) as life:
        recording = await life.begun(evolve(mix(), storage=bucket(bucket="wrong")))
        await recording.wait_finished()
        told = recording.explain()
        assert told.state is State.FAILED
        assert found(told)[0] == (CauseName.STORAGE_MISCONFIGURED, SAID)
        assert CauseName.ABNORMAL_EXIT in names(told)
        assert POSSIBLE not in {cause.certainty for cause in told.causes}
        line = r"storage misconfigured: event 1, module 1, code 32.* at \d\d:\d\d:\d\d"
        assert re.fullmatch(line, str(told.causes[0]))
        assert told.causes[0].evidence[0].item in recording.notifications
        assert not told.maybe_running


@pytest.mark.parametrize(
    ("setting", "cause"),
    [("expired_tokens", CauseName.TOKEN_EXPIRED), ("wrong_tokens", CauseName.TOKEN_WRONG)],
)
async def test_a_token_that_the_channel_refuses_is_named(setting: str, cause: CauseName) -> None:
    tokens: dict[str, Any] = {setting: frozenset({"t"})}
    async with a_life(**tokens) as life:
        recording = await life.begun(token="t")
        await recording.wait_finished()
        assert names(recording.explain())[0] is cause


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        (PageTrouble.NEVER_READY, CauseName.PAGE_NOT_READY),
        (PageTrouble.UNREACHABLE, CauseName.PAGE_UNREACHABLE),
        (PageTrouble.NO_ENGINE, CauseName.ENGINE_FAILED),
        (PageTrouble.BREAKS, CauseName.PAGE_RECORDER_FAILED),
        (PageTrouble.WEBGL, CauseName.PAGE_NOT_RECORDABLE),
        (PageTrouble.BANDWIDTH, CauseName.PAGE_NOT_RECORDABLE),
    ],
)
async def test_what_is_wrong_with_a_page_is_named(trouble: PageTrouble, cause: CauseName) -> None:
    async with a_life(page_troubles={PAGE: trouble}) as life:
        recording = await life.begun(web(url=PAGE, ready_timeout=20))
        await recording.wait_finished()
        told = recording.explain()
        assert found(told)[0] == (cause, SAID)
        if trouble is PageTrouble.NEVER_READY:
            assert "20 s" in told.causes[0].meaning
            assert CauseName.PAGE_RELOADED in names(told)


async def test_an_empty_channel_ends_it_after_max_idle_time() -> None:
    async with a_life() as life:
        recording = await life.begun(mix(max_idle_time=45))
        await recording.wait_started()
        life.emulator.channel(CNAME).empty()
        await recording.wait_finished()
        told = recording.explain()
        assert found(told) == [(CauseName.IDLE, SAID)]
        assert "(45 s)" in told.causes[0].meaning
        assert told.state is State.UPLOADED


async def test_a_recording_that_is_well_has_nothing_to_explain() -> None:
    async with a_life() as life:
        recording = await life.begun()
        assert recording.explain().maybe_running
        await recording.wait_started()
        await anyio.sleep(100)
        told = recording.explain()
        assert told.causes == ()
        assert "Nothing that is known speaks of trouble." in str(told)
        assert told.until is not None
        assert (await recording.ensure_stopped()).in_bucket
        assert recording.explain().causes == ()
        assert recording.explain().until is None


async def test_nothing_is_to_be_explained_before_the_beginning() -> None:
    async with a_life() as life:
        told = life.cloud.recording(CNAME, 7, mix()).explain()
        assert (told.causes, told.since, told.maybe_running) == ((), None, False)
        assert "sid" not in str(told)


async def test_a_start_that_is_refused_is_explained_by_the_table_of_errors() -> None:
    async with a_life() as life:
        life.emulator.inject(Refuse(status=400, code=53), operation=START)
        recording = life.cloud.recording(CNAME, 7, mix())
        with pytest.raises(AgoraRecError):
            await recording.ensure_started()
        told = recording.explain()
        assert found(told) == [(CauseName.REFUSED, SAID)]
        (cause,) = told.causes
        assert cause.evidence[0].what == "start: HTTP 400, code 53"
        assert "another recording with this cname and uid runs" in cause.meaning
        assert cause.source == "errors.yaml by_endpoint.start (http 400, code 53)"


async def test_a_lost_answer_to_a_start_says_what_may_run_and_until_when() -> None:
    async with a_life(lost=EVERYTHING, repeated_start_with_sid=True) as life:
        life.emulator.inject(LoseAnswer(), operation=START, times=None)
        recording = life.cloud.recording(CNAME, 7, mix(), resource_expired_hour=2)
        with pytest.raises(AgoraRecError):
            await recording.ensure_started()
        told = recording.explain()
        assert told.state is State.STARTING
        assert told.maybe_running
        assert told.until is not None
        assert (told.until - told.history[0].at).total_seconds() == 2 * 3600
        assert found(told) == [(CauseName.UNANSWERED, SAID), (CauseName.START_UNCONFIRMED, LIKELY)]
        assert told.causes[0].evidence[0].what.startswith("start: unanswered, RemoteProtocolError")
        life.emulator.clear_faults()
        await recording.ensure_stopped()


async def test_a_recording_that_isnt_found_has_the_documented_causes_and_their_evidence() -> None:
    async with a_life() as life:
        recording = await life.begun()
        await recording.wait_started()
        life.emulator.inject(Refuse(status=404, code=404), operation=QUERY, times=None)
        for _ in range(2):
            with pytest.raises(AgoraRecError):
                await recording.query()
        told = recording.explain()
        assert {certainty for _, certainty in found(told)} == {POSSIBLE}
        assert names(told) == [
            CauseName.BEING_MOVED,
            CauseName.CHECK_FAILED,
            CauseName.IDLE,
            CauseName.TOKEN_SUSPECTED,
            CauseName.UID_TAKEN,
            CauseName.IDS_WRONG,
        ]
        assert [each.what for each in told.causes[0].evidence] == ["query: HTTP 404, code 404"] * 2
        await anyio.sleep(100)
        assert CauseName.BEING_MOVED not in names(recording.explain())
        life.emulator.clear_faults()
        await recording.query()
        told = recording.explain()
        assert told.causes == ()
        assert [each.attempt.status for each in told.tried] == [404, 404, 200]
        await recording.query()
        assert len(recording.explain().tried) == 3
        await recording.ensure_stopped()


async def test_a_page_that_isnt_found_has_causes_of_its_own() -> None:
    async with a_life() as life:
        recording = await life.begun(web())
        life.emulator.inject(Refuse(status=404, code=404), operation=QUERY, times=1)
        with pytest.raises(AgoraRecError):
            await recording.query()
        assert CauseName.PAGE_SUSPECTED in names(recording.explain())
        assert CauseName.UID_TAKEN not in names(recording.explain())
        await recording.ensure_stopped()


async def test_a_failover_is_told_once_it_is_over() -> None:
    async with a_life() as life:
        recording = await life.begun()
        await recording.wait_started()
        life.emulator.fail_over(recording.sid or "")
        await anyio.sleep(120)
        told = recording.explain()
        assert (CauseName.FAILED_OVER, SAID) in found(told)
        assert "event 12" in str(told)
        await recording.ensure_stopped()


async def test_files_in_the_backup_are_told_with_the_event_that_says_so() -> None:
    async with a_life(backup_buckets=frozenset({"recordings"})) as life:
        recording = await life.begun()
        await anyio.sleep(30)
        await recording.ensure_stopped()
        told = recording.explain()
        assert told.state is State.BACKUPED
        assert (CauseName.IN_BACKUP, SAID) in found(told)


async def test_nobody_who_sends_a_stream_leaves_no_files() -> None:
    async with a_life() as life:
        life.emulator.channel(CNAME).empty()
        recording = await life.begun()
        await recording.ensure_stopped()
        told = recording.explain()
        assert (CauseName.NOBODY_SENT, SAID) in found(told)
        assert "nobody sent a stream" in told.summary


async def test_a_stop_that_is_refused_says_that_it_may_still_run() -> None:
    async with a_life() as life:
        recording = await life.begun()
        life.emulator.inject(Refuse(status=401), operation=STOP, times=None)
        with pytest.raises(AgoraRecError):
            await recording.stop()
        told = recording.explain()
        assert names(told)[:2] == [CauseName.REFUSED, CauseName.STOP_FAILED]
        assert "customer ID" in told.causes[0].meaning
        assert told.maybe_running
        life.emulator.clear_faults()
        await recording.ensure_stopped()


async def test_a_slow_upload_and_lost_news_of_it_are_told_apart() -> None:
    async with a_life(lost=frozenset({31, 32, 11})) as life:
        recording = await life.begun()
        await anyio.sleep(65)
        life.emulator.inject(Upload(4000), operation=STOP)
        await recording.stop(async_stop=True)
        await anyio.sleep(130)
        told = recording.explain()
        assert (CauseName.UPLOAD_SLOW, LIKELY) in found(told)
        assert told.state is State.STOPPING
        assert "where its files are" in told.summary
    async with a_life(lost=frozenset({31, 32})) as life:
        recording = await life.begun()
        await anyio.sleep(30)
        await recording.stop(async_stop=True)
        await anyio.sleep(130)
        assert (CauseName.NO_NEWS_OF_FILES, LIKELY) in found(recording.explain())


async def test_a_recording_that_isnt_registered_may_not_survive_its_server() -> None:
    async with a_life(register_seconds=None) as life:
        recording = await life.begun()
        await recording.wait_started()
        await anyio.sleep(20)
        assert found(recording.explain()) == [(CauseName.NOT_REGISTERED, POSSIBLE)]
        await recording.ensure_stopped()


async def test_hours_that_are_over_are_told_loudly() -> None:
    async with a_life() as life:
        recording = await life.begun(resource_expired_hour=1)
        life.emulator.inject(Refuse(status=400, code=433), operation=QUERY)
        with pytest.raises(AgoraRecError):
            await recording.query()
        told = recording.explain()
        assert found(told)[0] == (CauseName.OUT_OF_CONTROL, SAID)
        assert told.maybe_running
        assert "may still run" in told.summary


async def test_what_one_worker_has_tried_is_evidence_for_all() -> None:
    store = MemoryStore()
    async with a_life(client={"store": store}) as life, a_client(life.emulator, store=store) as other:
        recording = await life.cloud.claim("lesson", cname=CNAME, uid=7, mode=mix())
        await recording.ensure_started()
        elsewhere = await other.find("lesson")
        assert elsewhere is not None
        life.emulator.inject(Refuse(status=404, code=404), operation=QUERY, times=None)
        for each in (recording, elsewhere):
            with pytest.raises(AgoraRecError):
                await each.query()
            await anyio.sleep(1)
        for each in (recording, elsewhere):
            await each.hearing.keep_pace()
            assert [tried.attempt.status for tried in each.explain().tried] == [404, 404]
        life.emulator.clear_faults()
        await recording.ensure_stopped()


async def test_the_error_of_a_wait_for_the_end_has_what_explains_it() -> None:
    async with a_life() as life:
        recording = await life.begun()
        with pytest.raises(WaitTimedOut) as waited:
            await recording.wait_finished(timeout=5)
        assert waited.value.causes == ()
        assert waited.value.said[-1].startswith("status updated: event 3, status 4 at ")
        life.emulator.inject(Refuse(status=404, code=404), operation=QUERY, times=None)
        with pytest.raises(AgoraRecError):
            await recording.query()
        with pytest.raises(WaitTimedOut) as waited:
            await recording.wait_finished(timeout=1)
        assert waited.value.causes == recording.explain().causes != ()
        life.emulator.clear_faults()
        await recording.ensure_stopped()


async def test_an_unknown_upload_notes_what_explains_it_and_no_guess() -> None:
    async with a_life(lost=EVERYTHING - {1, 33}) as life:
        recording = await life.begun()
        await anyio.sleep(65)
        life.emulator.inject(Upload(4000), operation=STOP)
        await recording.stop(async_stop=True)
        with pytest.raises(UploadStatusUnknown) as caught:
            await recording.wait_finished(timeout=5000)
        (note,) = caught.value.__notes__
        assert note.startswith("agora_rec: likely: upload slow: ")
    async with a_life(lost=EVERYTHING) as life:
        recording = await life.begun(mix(max_idle_time=30))
        life.emulator.channel(CNAME).empty()
        with pytest.raises(UploadStatusUnknown) as caught:
            await recording.wait_finished()
        assert names(recording.explain()) != []
        assert not hasattr(caught.value, "__notes__")
