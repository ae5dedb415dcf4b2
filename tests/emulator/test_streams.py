"""Whose streams are recorded, and which playlists they lead to."""

import re
from typing import Any

import pytest

from agora_rec.emulator import EventType, Settings, User
from tests.emulator.stage import example, set_stage
from tests.support.reference import load

pytestmark = pytest.mark.anyio

FIELDS = {
    shape: {row["name"]: row for row in rows["fields"]} for shape, rows in load("requests")["types"].items()
}


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
        request["recordingConfig"] = {"channelType": 0, "subscribeUidGroup": 0, "subscribeAudioUids": ["11"]}
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


@pytest.mark.parametrize("group", range(6))
async def test_as_many_users_at_once_are_recorded_as_the_group_has_places(group: int):
    words = FIELDS["RecordingConfig"]["subscribeUidGroup"]["enum"][group]
    places = int(re.findall(r"\d+", words)[-1])
    users = tuple(User(uid=uid, video=False) for uid in range(1, places + 3))
    async with set_stage(Settings(users=users, latency=0.0)) as stage:
        request = example("start_individual")
        request["recordingConfig"] = {"channelType": 0, "subscribeUidGroup": group}
        await stage.record("start_individual", request=request)
        stage.clock.pass_by(100)
        (session,) = stage.emulator.sessions
        assert len(session.files) == places
        # Whoever waits has the place of one who goes, in the order of coming.
        stage.emulator.channel("class-42").leave(1)
        stage.clock.pass_by(100)
        (session,) = stage.emulator.sessions
        assert [name for name in session.files if f"uid_s_{places + 1}__" in name] == [session.files[-1]]
        assert len(session.files) == places + 1


@pytest.mark.parametrize("mode", ["mix", "individual"])
async def test_the_video_of_so_many_users_at_once_is_recorded_and_the_audio_of_all(mode: str):
    most = load("timing")["ranges"]["recorded_video_users"]["max"]
    users = tuple(User(uid=uid) for uid in range(1, most + 4))
    settings = Settings(users=users, latency=0.0, mixed_streams_by_user=True)
    async with set_stage(settings) as stage:
        request = example("start_mix_hls" if mode == "mix" else "start_individual")
        request["recordingConfig"] = {"channelType": 0}
        if mode == "individual":
            request["recordingConfig"]["subscribeUidGroup"] = 5
        await stage.record(request=request, mode=mode)
        stage.clock.pass_by(30)
        stage.emulator.channel("class-42").leave(2)
        stage.clock.pass_by(30)
        begun = {
            medium: [
                notice.details["streamUid"]
                for notice in stage.emulator.notices
                if notice.event_type is event and notice.details["state"] == 0
            ]
            for medium, event in (
                ("audio", EventType.AUDIO_STATE_CHANGED),
                ("video", EventType.VIDEO_STATE_CHANGED),
            )
        }
    everybody = [str(user.uid) for user in users]
    assert begun == {"audio": everybody, "video": everybody[: most + 1]}


async def test_an_audience_sends_nothing_in_a_live_broadcast():
    async with set_stage(Settings(latency=0.0, users=())) as stage:
        channel = stage.emulator.channel("class-42")
        channel.join(11)
        channel.join(5, host=False)
        live = await stage.record("start_mix_hls_mp4", request=live_request())
        talk = await stage.record("start_mix_hls_mp4", uid="7")
        channel.leave(11)
        stage.clock.pass_by(20)
        statuses = [(await stage.query(each)).json()["serverResponse"]["status"] for each in (live, talk)]
        assert statuses == [4, 5]
        channel.unpublish(5)
        channel.publish(5, video=False)
        stage.clock.pass_by(20)
        assert (await stage.query(live)).json()["serverResponse"]["status"] == 5
        # Who sends is a host, and keeps it going.
        channel.unpublish(5)
        stage.clock.pass_by(600)
        assert len(stage.emulator.running()) == 2


def live_request() -> dict[str, Any]:
    request = example("start_mix_hls_mp4")
    request["recordingConfig"]["channelType"] = 1
    return request


async def test_what_users_begin_and_cease_to_send_is_told_and_recorded():
    async with set_stage(Settings(latency=0.0, users=(User(uid=11, video=False), User(uid=12)))) as stage:
        recording = await stage.record("start_individual")
        channel = stage.emulator.channel("class-42")
        stage.clock.pass_by(10)
        channel.publish(11)
        channel.publish(12)  # sends both already
        stage.clock.pass_by(10)
        channel.unpublish(11, audio=False)
        stage.clock.pass_by(10)
        channel.unpublish(11, video=False)
        channel.publish(11, audio=False)
        assert channel.users == (11, 12)
        stage.clock.pass_by(60)
        said = [
            (notice.details["streamUid"], notice.event_type.value, notice.details["state"])
            for notice in stage.emulator.notices
            if notice.event_type in {EventType.AUDIO_STATE_CHANGED, EventType.VIDEO_STATE_CHANGED}
            and notice.details["streamUid"] == "11"
        ]
        files = (await stage.query(recording)).json()["serverResponse"]["fileList"]
    assert said == [("11", 43, 0), ("11", 44, 0), ("11", 44, 1), ("11", 43, 1), ("11", 44, 0)]
    assert {(each["uid"], each["trackType"]) for each in files} == {
        ("11", "audio"),
        ("11", "video"),
        ("12", "audio"),
        ("12", "video"),
    }


@pytest.mark.parametrize("verb", ["publish", "unpublish"])
async def test_who_is_not_there_sends_nothing(verb: str):
    async with set_stage() as stage:
        channel = stage.emulator.channel("class-42")
        channel.leave(11)
        with pytest.raises(LookupError, match="11 is not in the channel class-42"):
            getattr(channel, verb)(11)
