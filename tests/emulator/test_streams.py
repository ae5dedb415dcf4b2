"""Whose streams are recorded, and which playlists they lead to."""

from typing import Any

import pytest

from agora_rec.emulator import Settings, User
from tests.emulator.stage import example, set_stage

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ({}, {"11a", "11v", "12a", "12v"}),
        ({"subscribeAudioUids": ["#allstream#"]}, {"11a", "12a"}),
        ({"subscribeVideoUids": ["12"]}, {"12v"}),
        ({"subscribeAudioUids": ["11"], "subscribeVideoUids": ["12"]}, {"11a", "12v"}),
        ({"unsubscribeAudioUids": ["11"]}, {"12a"}),
        ({"unSubscribeAudioUids": ["11"], "unsubscribeVideoUids": ["12"]}, {"12a", "11v"}),
        ({"streamTypes": 0}, {"11a", "12a"}),
        ({"streamTypes": 1}, {"11v", "12v"}),
    ],
)
async def test_subscriptions_choose_the_playlists(lists: dict[str, Any], expected: set[str]):
    async with set_stage() as stage:
        request = example("start_individual")
        request["recordingConfig"] = {"channelType": 0, "subscribeUidGroup": 0, **lists}
        await stage.record("start_individual", request=request)
        stage.clock.pass_by(100)
        names = stage.emulator.sessions[0].files
        found = {name.split("__uid_s_")[1].replace("__uid_e_", "")[:3] for name in names}
    assert found == expected


async def test_updates_change_who_is_recorded_from_then_on():
    async with set_stage() as stage:
        request = example("start_individual")
        request["recordingConfig"] = {"channelType": 0, "subscribeAudioUids": ["11"]}
        recording = await stage.record("start_individual", request=request)
        stage.clock.pass_by(10)
        lists = {
            "audioUidList": {"subscribeAudioUids": ["12"]},
            "videoUidList": {"unsubscribeVideoUids": ["11"]},
        }
        await stage.tell(recording, "update", {"streamSubscribe": lists})
        stage.clock.pass_by(100)
        await stage.tell(recording, "update", {"storageConfig": example("update_sts")["storageConfig"]})
        await stage.query(recording)
        names = stage.emulator.sessions[0].files
        found = {name.split("__uid_s_")[1].replace("__uid_e_", "")[:3] for name in names}
    assert found == {"11a", "12a", "12v"}


async def test_only_as_many_users_are_recorded_as_the_group_says():
    async with set_stage(Settings(users=tuple(User(uid=uid) for uid in range(1, 5)))) as stage:
        await stage.record("start_individual_and_snapshots", uid="7")
        request = example("start_individual")
        request["recordingConfig"] = {"channelType": 0, "subscribeUidGroup": 0, "streamTypes": 0}
        await stage.record("start_individual", request=request)
        stage.clock.pass_by(100)
        assert [len(session.files) for session in stage.emulator.sessions] == [8, 2]


async def test_late_comers_have_playlists_that_begin_late():
    async with set_stage(Settings(latency=0.0)) as stage:
        recording = await stage.record("start_individual")
        channel = stage.emulator.channel("class-42")
        channel.leave(12)
        stage.clock.pass_by(32)
        channel.join(12, video=False)
        assert channel.users == (11, 12)
        stage.clock.pass_by(59)
        assert len(stage.emulator.sessions[0].files) == 2
        stage.clock.pass_by(1)
        files = (await stage.query(recording)).json()["serverResponse"]["fileList"]
        assert [(each["uid"], each["trackType"]) for each in files] == [
            ("11", "audio"),
            ("11", "video"),
            ("12", "audio"),
        ]
        assert files[2]["sliceStartTime"] - files[0]["sliceStartTime"] == 30_000


@pytest.mark.parametrize(("streams", "kind"), [(0, "audio"), (1, "video"), (2, "audio_and_video")])
async def test_a_mixed_file_says_what_it_holds(streams: int, kind: str):
    async with set_stage() as stage:
        request = example("start_mix_hls_mp4")
        request["recordingConfig"]["streamTypes"] = streams
        recording = await stage.record("start_mix_hls_mp4", request=request)
        stage.clock.pass_by(100)
        files = (await stage.query(recording)).json()["serverResponse"]["fileList"]
    assert {each["trackType"] for each in files} == {kind}


async def test_screenshots_alone_leave_no_playlists():
    async with set_stage() as stage:
        recording = await stage.record("start_snapshot_only")
        stage.clock.pass_by(100)
        assert (await stage.query(recording)).json()["serverResponse"] == {"status": 5}
        assert (await stage.stop(recording)).json()["serverResponse"] == {"uploadingStatus": "uploaded"}
        assert stage.emulator.sessions[0].files == ()
