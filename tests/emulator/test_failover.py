"""Recordings that lose their server: 404 for a while, another uid, new files; at most three times."""

import pytest

from agora_rec.emulator import EndReason, MomentKind, PageTrouble
from agora_rec.emulator.resources import Ids
from tests.emulator.programmes import STS_SECONDS, moments, page, still, story, web_watched, with_sts
from tests.emulator.stage import Stage, Started, example, said, set_stage

pytestmark = pytest.mark.anyio

STILL = still()


async def record(stage: Stage, name: str = "start_mix_hls_mp4") -> Started:
    """A recording that has been going on for 100 seconds."""
    recording = await stage.record(name)
    stage.clock.pass_by(100)
    return recording


async def test_for_a_while_nobody_knows_of_it_and_then_it_goes_on():
    async with set_stage(STILL) as stage:
        recording = await record(stage)
        new_uid = stage.emulator.fail_over(recording.sid, seconds=60)
        assert new_uid is not None
        for verb in ("update", "updateLayout", "stop"):
            assert said(await stage.tell(recording, verb)) == (404, 404, "failed to find worker")
        assert said(await stage.query(recording)) == (404, 404, "failed to find worker")
        [session] = stage.emulator.running()
        assert (session.uid, session.instance_uid, session.gone) == ("880011", "880011", False)
        stage.clock.pass_by(59.9)
        assert said(await stage.query(recording))[0] == 404
        stage.clock.pass_by(0.1)
        assert (await stage.query(recording)).json()["serverResponse"]["status"] == 5
        [session] = stage.emulator.running()
        assert (session.uid, session.instance_uid) == ("880011", str(new_uid))
        stage.clock.pass_by(30)
        answer = await stage.stop(recording)
        names = [each["fileName"] for each in answer.json()["serverResponse"]["fileList"]]
    begin = f"{recording.sid}_class-42"
    # The MP4 file that the lost server was writing is in no bucket.
    assert names == [f"{begin}.m3u8", f"bak0_{begin}.m3u8", f"bak0_{begin}_0.mp4"]


async def test_events_tell_of_the_move_each_under_its_own_uid():
    async with set_stage(STILL) as stage:
        recording = await record(stage)
        new_uid = stage.emulator.fail_over(recording.sid, seconds=60)
        stage.clock.pass_by(100)
        await stage.stop(recording)
        stage.clock.pass_by(10)
        told = [(at, number) for at, number in moments(stage, *range(1, 101)) if at >= 100 and number != 3]
        uids = {
            int(notice.event_type): notice.uid
            for notice in stage.emulator.notices
            if (notice.happened_at - stage.emulator.sessions[0].started_at).total_seconds() >= 100
        }
        assert story(stage, 12) == [(160, {"newUid": new_uid})]
        [_, (_, again)] = story(stage, 42)
        assert (again["startUtcMs"] - again["discontinueUtcMs"]) == 60_000
        assert [name for _, name in story(stage, 4)] == [
            {"fileList": f"{recording.sid}_class-42.m3u8"},
            {"fileList": f"bak0_{recording.sid}_class-42.m3u8"},
        ]
        sequences = [notice.sequence for notice in stage.emulator.notices]
        assert sequences == list(range(len(sequences)))
    # No progress while nobody is there to tell of it, nor of streams that end.
    assert told == [
        (160, 12),
        (160, 13),
        (160, 40),
        (160, 43),
        (160, 44),
        (160, 42),
        (175, 4),
        (180, 33),
        (200, 41),
        (200.5, 33),
        (200.5, 31),
        (202, 11),
    ]
    assert uids.pop(12) == "880011"
    assert set(uids.values()) == {str(new_uid)}


@pytest.mark.parametrize("new", [False, True])
async def test_the_move_itself_may_be_told_under_either_uid(new: bool):  # noqa: FBT001
    async with set_stage(still(failover_under_new_uid=new, register_seconds=None)) as stage:
        recording = await record(stage)
        stage.emulator.fail_over(recording.sid, seconds=30, new_uid=99)
        stage.clock.pass_by(40)
        [move] = [notice for notice in stage.emulator.notices if notice.event_type == 12]
        assert move.uid == move.payload["uid"] == ("99" if new else "880011")
        assert moments(stage, 13) == []


async def test_who_was_lost_before_it_was_registered_never_was():
    async with set_stage(still(register_seconds=30.0)) as stage:
        recording = await stage.record()
        stage.clock.pass_by(10)
        stage.emulator.fail_over(recording.sid, seconds=5)
        stage.clock.pass_by(40)
        assert moments(stage, 12, 13) == [(15, 12), (15, 13)]


async def test_progress_counts_what_was_recorded():
    async with set_stage(STILL) as stage:
        recording = await record(stage)
        stage.emulator.fail_over(recording.sid, seconds=90)
        stage.clock.pass_by(150)
        # 58 s (3 slices), then 98 s (6), and after the gap 98 s + 50 s (9).
        assert story(stage, 33) == [(60, {"progress": 7500}), (240, {"progress": 9000})]


async def test_an_old_recorder_may_still_report_that_it_was_ended():
    async with set_stage(STILL) as stage:
        recording = await record(stage)
        stage.emulator.fail_over(recording.sid, seconds=30, old_reports=True)
        stage.clock.pass_by(100)
        assert len(stage.emulator.running()) == 1
        ends = [
            (int(notice.event_type), notice.uid, notice.details)
            for notice in stage.emulator.notices
            if notice.event_type in {41, 11}
        ]
        assert moments(stage, 41, 12, 11) == [(100, 41), (130, 12), (132, 11)]
    assert [(number, uid) for number, uid, _ in ends] == [(41, "880011"), (11, "880011")]
    assert [details.get("leaveCode", details.get("exitStatus")) for _, _, details in ends] == [2, 1]


async def test_a_page_moves_too():
    async with set_stage(STILL) as stage:
        recording = await record(stage, "start_web_rtmp")
        await stage.tell(recording, "update", {"webRecordingConfig": {"onhold": False}})
        stage.clock.pass_by(20)
        stage.emulator.fail_over(recording.sid, seconds=30, old_reports=True)
        stage.clock.pass_by(60)
        await stage.stop(recording)
        stage.clock.pass_by(10)
        assert moments(stage, 12, 13, 70, 42, 40, 41, 71) == [
            (1, 13),
            (5, 70),
            (100, 42),
            (150, 12),
            (150, 13),
            (150, 70),
            (150, 42),
            (180, 71),
        ]
        assert [(at, each["status"]) for at, each in story(stage, 100)][-2:] == [
            (150, "connecting"),
            (151, "publishing"),
        ]
        [(_, stopped)] = story(stage, 71)
        names = [each["filename"] for each in stopped["fileList"]]
        assert names == [f"{recording.sid}_class-42.m3u8", f"bak0_{recording.sid}_class-42.m3u8"]


async def test_individual_files_and_screenshots_are_numbered_by_the_move():
    async with set_stage(STILL) as stage:
        recording = await record(stage, "start_individual_and_snapshots")
        stage.emulator.fail_over(recording.sid, seconds=30)
        stage.clock.pass_by(65)
        stage.emulator.fail_over(recording.sid, seconds=30)
        stage.clock.pass_by(65)
        await stage.stop(recording)
        stage.clock.pass_by(5)
        prefixes = [each["fileName"].partition(recording.sid)[0] for _, each in story(stage, 45)]
        [(_, uploaded)] = story(stage, 31)
        listed = [each["fileName"].partition(recording.sid)[0] for each in uploaded["fileList"]]
    assert prefixes == ["", "", "", "", "", "", "bak0_", "bak0_", "bak1_", "bak1_"]
    # The second server was lost before its first playlist (after a minute), and all of it with it.
    assert listed == [""] * 4 + ["bak1_"] * 4


async def test_what_was_being_written_is_lost():
    async with set_stage(STILL) as stage:
        recording = await stage.record()
        stage.clock.pass_by(10)
        stage.emulator.fail_over(recording.sid, seconds=30)
        stage.clock.pass_by(20)
        assert stage.emulator.sessions[0].files == ()
        stage.clock.pass_by(10)
        answer = await stage.query(recording)
        assert (answer.json()["serverResponse"]["status"], answer.json()["serverResponse"]["fileList"]) == (
            4,
            "",
        )
        stage.emulator.channel("class-42").empty()
        assert said(await stage.stop(recording))[:2] == (206, 435)


async def test_a_query_names_the_newest_playlist():
    async with set_stage(STILL) as stage:
        recording = await record(stage, "start_mix_hls")
        stage.emulator.fail_over(recording.sid, seconds=30)
        stage.clock.pass_by(44)
        first = (await stage.query(recording)).json()["serverResponse"]["fileList"]
        stage.clock.pass_by(1)
        second = (await stage.query(recording)).json()["serverResponse"]["fileList"]
    assert first == f"term1/day2/{recording.sid}_class-42.m3u8"
    assert second == f"term1/day2/bak0_{recording.sid}_class-42.m3u8"


async def test_a_fourth_loss_ends_it():
    async with set_stage(STILL) as stage:
        recording = await record(stage)
        for number in range(3):
            assert stage.emulator.fail_over(recording.sid, seconds=30) is not None
            stage.clock.pass_by(60)
            assert stage.emulator.sessions[0].files[-1].startswith(f"bak{number}_")
        before = [each for each in stage.emulator.sessions[0].files if each.endswith(".m3u8")]
        assert stage.emulator.fail_over(recording.sid) is None
        assert said(await stage.query(recording))[:2] == (404, 404)
        stage.clock.pass_by(300)
        assert said(await stage.query(recording))[:2] == (404, 404)
        [session] = stage.emulator.sessions
        assert (session.running, session.gone, session.end_reason) == (
            False,
            True,
            EndReason.FAILED_OVER_TOO_OFTEN,
        )
        assert list(session.files) == before
        # Nobody is left to say what became of the files, or that they left.
        assert session.uploading_status == "unknown"
        assert moments(stage, 41, 31, 32, 11) == [(282, 11)]
        assert story(stage, 11) == [(282, {"exitStatus": 1})]
        assert story(stage, 3)[-1][1]["status"] == 20
        kinds = [moment.kind for moment in stage.emulator.life(recording.sid)]
        assert kinds.count(MomentKind.INTERRUPTED) == kinds.count(MomentKind.MOVED) == 3
        assert MomentKind.STORED not in kinds


async def test_nobody_is_left_to_tell_of_progress():
    async with set_stage(still(exit_seconds=200.0)) as stage:
        recording = await record(stage)
        for _ in range(4):
            stage.emulator.fail_over(recording.sid, seconds=1)
            stage.clock.pass_by(2)
        stage.clock.pass_by(300)
        assert moments(stage, 33, 11) == [(60, 33), (306, 11)]


async def test_nobody_watches_the_channel_during_the_move():
    async with set_stage(STILL) as stage:
        recording = await record(stage)
        channel = stage.emulator.channel("class-42")
        channel.empty()
        stage.emulator.fail_over(recording.sid, seconds=60)
        stage.clock.pass_by(50)
        channel.join(880011)  # the old recorder's uid: nobody has it now
        channel.leave(880011)
        stage.clock.pass_by(10 + 29.9)
        assert len(stage.emulator.running()) == 1
        stage.clock.pass_by(0.2)
        assert stage.emulator.running() == ()
        assert moments(stage, 41) == [(190, 41)]


async def test_a_channel_that_was_empty_before_the_move_is_watched_anew():
    async with set_stage(STILL) as stage:
        recording = await record(stage)
        stage.emulator.channel("class-42").empty()
        stage.clock.pass_by(20)
        stage.emulator.fail_over(recording.sid, seconds=5)
        stage.clock.pass_by(5)
        stage.emulator.channel("class-42").join(11)
        stage.clock.pass_by(100)
        assert len(stage.emulator.running()) == 1


async def test_the_new_recorder_may_meet_its_uid_in_the_channel():
    async with set_stage(STILL) as stage:
        recording = await record(stage)
        assert stage.emulator.fail_over(recording.sid, seconds=30, new_uid=12) == 12
        stage.clock.pass_by(30)
        assert stage.emulator.sessions[0].end_reason is EndReason.UID_TAKEN
        stage.clock.pass_by(1)
        # The move itself is told, and so is who has left.
        assert moments(stage, 12, 13, 40, 41) == [
            (1, 13),
            (2, 40),
            (130, 12),
            (130, 13),
            (130, 40),
            (130, 41),
        ]


async def test_what_would_end_it_during_the_move_ends_it_afterwards():
    async with set_stage(still(wrong_values=frozenset({"b"}), check_seconds=110.0)) as stage:
        recording = await record(stage)
        stage.emulator.fail_over(recording.sid, seconds=30)
        stage.clock.pass_by(20)
        assert len(stage.emulator.running()) == 1
        stage.clock.pass_by(20)
        assert moments(stage, 12, 1, 41, 11) == [(130, 12), (130, 1), (130, 41), (132, 11)]


async def test_hours_that_are_over_during_the_move_are_over_afterwards():
    async with set_stage(STILL) as stage:
        recording = await stage.record("start_web")
        stage.clock.pass_by(3 * 3600)
        stage.emulator.fail_over(recording.sid, seconds=30)
        stage.clock.pass_by(40)
        assert moments(stage, 12, 71) == [(3 * 3600 + 30, 12), (3 * 3600 + 30, 71)]


async def test_the_trouble_of_a_page_waits_for_the_end_of_the_move():
    async with set_stage(page(PageTrouble.GOES_SILENT)) as stage:
        recording = await stage.record("start_web")
        stage.clock.pass_by(60)
        stage.emulator.fail_over(recording.sid, seconds=30)
        stage.clock.pass_by(40)
        assert [at for at, _ in story(stage, 73)] == [90]


async def test_a_push_that_is_lost_with_its_server_connects_anew():
    async with set_stage(STILL) as stage:
        await web_watched(stage)
        stage.clock.pass_by(5.5)
        stage.emulator.fail_over(stage.emulator.sessions[0].sid, seconds=30)
        stage.clock.pass_by(40)
        told = [(at, each["status"]) for at, each in story(stage, 100)]
    assert told == [(5, "connecting"), (35.5, "connecting"), (36.5, "publishing")]


async def test_a_storage_token_may_run_out_during_the_move():
    async with set_stage(STILL) as stage:
        recording = await stage.record(request=with_sts(stage))
        stage.clock.pass_by(STS_SECONDS - 10)
        stage.emulator.fail_over(recording.sid, seconds=30)
        stage.clock.pass_by(60)
        assert [at for at, _ in story(stage, 34)] == [STS_SECONDS]


async def test_a_start_that_is_repeated_during_the_move_is_known_and_told_of_by_nobody():
    async with set_stage(STILL) as stage:
        recording = await record(stage)
        stage.emulator.fail_over(recording.sid)
        count = len(story(stage, 3))
        request = example("start_mix_hls_mp4")
        assert said(await stage.start(recording.resource_id, request))[:2] == (201, 7)
        again = await stage.acquired()
        assert said(await stage.start(again, request))[:2] == (400, 53)
        stage.clock.pass_by(60)
        assert len(story(stage, 3)) == count


async def test_who_waits_for_notices_is_told():
    async with set_stage(STILL) as stage:
        recording = await record(stage)
        told: list[str] = []
        stage.emulator._service.watchers.append(lambda: told.append("changed"))
        stage.emulator.fail_over(recording.sid)
        assert told == ["changed"]


async def test_new_uids_do_not_change_the_next_ids():
    async def ids(*, moves: bool) -> list[str]:
        async with set_stage(STILL, seed=7) as stage:
            recording = await record(stage)
            if moves:
                assert stage.emulator.fail_over(recording.sid) not in {None, 880011}
            return [recording.sid, (await stage.record(uid="7")).sid]

    assert await ids(moves=True) == await ids(moves=False)


async def test_a_random_uid_is_nobody_elses(monkeypatch: pytest.MonkeyPatch):
    drawn = iter(["880011", "12", "99"])
    monkeypatch.setattr(Ids, "uid", lambda _: next(drawn))
    async with set_stage(STILL) as stage:
        recording = await record(stage)
        assert stage.emulator.fail_over(recording.sid) == 99


@pytest.mark.parametrize("seconds", [0, -1, 90.1, float("nan"), float("inf")])
async def test_a_move_takes_as_long_as_moves_do(seconds: float):
    async with set_stage(STILL) as stage:
        recording = await record(stage)
        with pytest.raises(ValueError, match="seconds is"):
            stage.emulator.fail_over(recording.sid, seconds=seconds)
        assert (await stage.query(recording)).status_code == 200


@pytest.mark.parametrize("new_uid", [0, -1, 1 << 32])
async def test_a_new_uid_is_a_uid(new_uid: int):
    async with set_stage(STILL) as stage:
        recording = await record(stage)
        with pytest.raises(ValueError, match="new_uid is"):
            stage.emulator.fail_over(recording.sid, new_uid=new_uid)


async def test_a_new_uid_is_new():
    async with set_stage(STILL) as stage:
        recording = await record(stage)
        with pytest.raises(ValueError, match="had the uid"):
            stage.emulator.fail_over(recording.sid, new_uid=880011)


async def test_only_what_runs_can_be_moved():
    async with set_stage(STILL) as stage:
        with pytest.raises(KeyError):
            stage.emulator.fail_over("nothing")
        recording = await stage.record()
        with pytest.raises(ValueError, match="not ready"):
            stage.emulator.fail_over(recording.sid)
        stage.clock.pass_by(20)
        stage.emulator.fail_over(recording.sid)
        with pytest.raises(ValueError, match="moved already"):
            stage.emulator.fail_over(recording.sid)
        stage.clock.pass_by(60)
        await stage.stop(recording)
        with pytest.raises(ValueError, match="has ended"):
            stage.emulator.fail_over(recording.sid)
