"""The services that left the documents: VoD, audio moderation, postponed audio mixing."""

from typing import Any

import pytest

from agora_rec.emulator import EventType
from tests.emulator.programmes import SCAN, VOD, mixed_later, moments, still, story, with_service
from tests.emulator.stage import example, set_stage
from tests.support.reference import load

pytestmark = pytest.mark.anyio

TYPES: dict[str, Any] = load("responses")["types"]


def names_of(shape: str) -> set[str]:
    return {row["name"] for row in TYPES[shape]["fields"]}


async def test_a_video_on_demand_is_made_of_a_mixed_recording():
    async with set_stage(still(upload_seconds=5.0)) as stage:
        recording = await stage.record(request=with_service("start_mix_hls", VOD))
        stage.clock.pass_by(60)
        assert "vod" in VOD["serviceName"]
        (service,) = (await stage.query(recording)).json()["serverResponse"]["extensionServiceState"]
        assert set(service) == {"serviceName", "payload"}
        assert set(service["payload"]) == names_of("VodPayload")
        assert service["payload"]["state"] == "inProgress"
        (video,) = service["payload"]["videoInfo"]
        (session,) = stage.emulator.sessions
        assert (video["fileName"],) == session.files
        await stage.stop(recording, async_stop=True)
        (service,) = (await stage.query(recording)).json()["serverResponse"]["extensionServiceState"]
        assert service["payload"]["state"] == "idle"
        stage.clock.pass_by(60)
        assert moments(stage, EventType.VOD_STARTED, EventType.VOD_TRIGGERED) == [(17, 60), (65, 61)]
        ((_, said),) = story(stage, EventType.VOD_STARTED)
        assert said == {"aliVodInfo": {"videoId": video["videoId"]}}


async def test_without_a_stream_there_is_no_video():
    async with set_stage(still(users=())) as stage:
        recording = await stage.record(request=with_service("start_mix_hls", VOD))
        stage.clock.pass_by(20)
        await stage.stop(recording)
        stage.clock.pass_by(60)
        assert moments(stage, EventType.VOD_STARTED, EventType.VOD_TRIGGERED) == []


@pytest.mark.parametrize("broken", [False, True])
async def test_each_users_audio_is_listened_to(broken: bool):  # noqa: FBT001
    name = SCAN["serviceName"]
    async with set_stage(still(broken_services=frozenset({name}) if broken else frozenset())) as stage:
        request = with_service("start_individual", SCAN)
        recording = await stage.record("start_individual", request=request)
        stage.clock.pass_by(10)
        stage.emulator.channel("class-42").leave(12)
        stage.clock.pass_by(20)
        (service,) = (await stage.query(recording)).json()["serverResponse"]["extensionServiceState"]
        (state,) = service["streamState"]
        assert set(state) == names_of("StreamState")
        assert (state["uid"], state["status"]) == ("11", "failed" if broken else "inProgress")
        await stage.stop(recording)
        stage.clock.pass_by(10)
        told = [
            (at, said["streamUid"]) for event_type in (202, 203, 201) for at, said in story(stage, event_type)
        ]
    begun, over = [(2, 11), (2, 12)], [(10, 12), (30, 11)]
    assert told == (begun if broken else [*begun, *over])


async def test_two_may_listen():
    async with set_stage(still()) as stage:
        request = with_service("start_individual", SCAN)
        other = {"serviceName": "yitu_voice_async_scan", "serviceParam": {}}
        request["extensionServiceConfig"]["extensionServices"].append(other)
        recording = await stage.record("start_individual", request=request)
        stage.clock.pass_by(10)
        services = (await stage.query(recording)).json()["serverResponse"]["extensionServiceState"]
        told = {said["serviceName"] for _, said in story(stage, 202)}
    assert [each["serviceName"] for each in services] == ["aliyun_voice_async_scan", "yitu_voice_async_scan"]
    assert told == {each["serviceName"] for each in services}


async def test_nobody_tells_that_listening_ended_with_a_lost_server():
    async with set_stage(still()) as stage:
        request = with_service("start_individual", SCAN)
        recording = await stage.record("start_individual", request=request)
        stage.clock.pass_by(10)
        stage.emulator.fail_over(recording.sid, seconds=30)
        stage.clock.pass_by(50)
        assert moments(stage, 202, 203) == [(2, 202), (2, 202), (40, 202), (40, 202)]


@pytest.mark.parametrize("container", [None, "mp3", "m4a", "aac"])
async def test_one_audio_file_is_mixed_afterwards(container: str | None):
    form = load("files")["names"]["postponed_mixing"][container or "mp3"]
    async with set_stage(still(mixing_seconds=600.0)) as stage:
        request = mixed_later(container)
        request["storageConfig"]["fileNamePrefix"] = ["a"]
        recording = await stage.record("start_individual", acquire={"scene": 2}, request=request)
        stage.clock.pass_by(60)
        await stage.stop(recording)
        stage.clock.pass_by(700)
        name = form.replace("<sid>", recording.sid).replace("<cname>", "class-42").replace("<index>", "0")
        assert moments(stage, 80, 90, 1001) == [(60.5, 80), (660.5, 1001)]
        (_, result) = story(stage, 1001)[0]
        assert result == {"result": "total_success", "fileList": [{"fileName": f"a/{name}"}]}
        scenes = {
            notice.payload["serviceScene"]
            for notice in stage.emulator.notices
            if notice.event_type in {80, 1001}
        }
    assert scenes == {"postpone_transcode::transcode"}
    assert scenes < set(load("events")["enums"]["serviceScene"])


async def test_what_is_in_the_backup_can_not_be_mixed():
    async with set_stage(still(backup_buckets=frozenset({"b"}))) as stage:
        request = mixed_later()
        recording = await stage.record("start_individual", acquire={"scene": 2}, request=request)
        stage.clock.pass_by(60)
        await stage.stop(recording)
        stage.clock.pass_by(100)
        files = stage.emulator.sessions[0].files
        (_, failed), (_, result) = *story(stage, 90), *story(stage, 1001)
    storage = example("start_individual")["storageConfig"]
    assert failed == {
        "vendor": storage["vendor"],
        "region": storage["region"],
        "bucket": "b",
        "fileName": ";".join(files),
    }
    assert result == {"result": "failed", "fileList": []}


async def test_nothing_is_mixed_of_nothing():
    async with set_stage(still(users=())) as stage:
        recording = await stage.record("start_individual", acquire={"scene": 2}, request=mixed_later())
        stage.clock.pass_by(20)
        await stage.stop(recording)
        stage.clock.pass_by(100)
        assert moments(stage, 80, 90, 1001) == []
