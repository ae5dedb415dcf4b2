"""Where documents disagree about requests and events, both sides can be played."""

from typing import Any

import pytest

from agora_rec.emulator import EndReason, EventType, Settings
from tests.emulator.bodies import LAYOUT, MODERATION, both, put, start
from tests.emulator.stage import EXAMPLES, example, said, set_stage
from tests.support.reference import load

pytestmark = pytest.mark.anyio

TYPES = {
    shape: {row["name"]: row for row in rows["fields"]} for shape, rows in load("requests")["types"].items()
}
STORAGE = example("start_mix_hls")["storageConfig"]
MEASURES = {"width": 640, "height": 360, "fps": 15, "bitrate": 500}
HTTP_IMAGE = put(LAYOUT, {"backgroundConfig": [{"uid": "11", "image_url": "http://a.example/b.jpg"}]})


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (put("storageConfig.region", 99), 32),
        (put("storageConfig.vendor", 9), 32),
        (put("storageConfig.secretKey", ""), 32),
        (put(LAYOUT, {"width": 1920, "height": 1088}), 2),
        (put(LAYOUT, {"mixedVideoLayout": 3}), 2),
        (both(put(LAYOUT, {"mixedVideoLayout": 3}), put("storageConfig.vendor", 9)), 32),
    ],
)
async def test_what_is_wrong_with_storage_or_transcoding_may_be_found_later(change: Any, error: int):
    assert "asynchronous check" in load("errors")["seed_sequences"][2]["condition"]
    async with set_stage() as stage:
        assert said(await start(stage, "start_mix_hls", change))[:2] == (400, 2)
    async with set_stage(Settings(configs_checked_later=True)) as stage:
        request = example("start_mix_hls")
        change(request)
        recording = await stage.record(request=request)
        assert (await stage.query(recording)).status_code == 200
        stage.clock.pass_by(10)
        assert said(await stage.query(recording))[:2] == (404, 404)
        (session,) = stage.emulator.sessions
        assert (session.end_reason, session.files) == (EndReason.WRONG_PARAMETERS, ())
        told = {notice.event_type: notice.details for notice in stage.emulator.notices}
    assert told[EventType.ERROR]["errorCode"] == error
    assert told[EventType.SESSION_EXIT]["exitStatus"] == 1


@pytest.mark.parametrize("body", ["{}", "[]", "", '{"clientRequest":{"storageConfig":7}}'])
async def test_all_else_is_found_at_once(body: str):
    async with set_stage(Settings(configs_checked_later=True)) as stage:
        resource_id = await stage.acquired()
        answer = await stage.post(f"/resourceid/{resource_id}/mode/mix/start", body)
        assert said(answer)[:2] == (400, 2)
        for change in (
            put("recordingConfig.channelType", 7),
            put("recordingConfig", {}),
            lambda request: request.pop("storageConfig"),
        ):
            assert said(await start(stage, "start_mix_hls", change))[:2] == (400, 2)


async def test_acquire_may_be_taken_without_a_client_request():
    row = next(
        row for row in load("requests")["types"]["AcquireBody"]["fields"] if row["name"] == "clientRequest"
    )
    assert row["required"]
    assert "optional" in row["note"]
    for optional, status in ((False, 400), (True, 200)):
        async with set_stage(Settings(client_request_optional=optional)) as stage:
            answer = await stage.post("/acquire", {"cname": "c", "uid": "1"})
            assert answer.status_code == status
            assert (await stage.post("/acquire", "[]")).status_code == 400
            assert (await stage.acquire({"scene": 7})).status_code == 400


async def test_images_of_users_come_over_https_or_as_older_documents_have_it_over_http():
    row = TYPES["UserBackground"]["image_url"]
    assert "HTTPS" in row["rules"]
    assert "HTTP too" in row["note"]
    for taken, status in ((False, 400), (True, 200)):
        async with set_stage(Settings(http_images_taken=taken)) as stage:
            assert (await start(stage, "start_mix_hls", HTTP_IMAGE)).status_code == status


@pytest.mark.parametrize(
    ("given", "older"),
    [
        (MEASURES, 200),
        ({**MEASURES, "width": 1921, "height": 1}, 400),
        ({**MEASURES, "height": 1921, "width": 1}, 400),
        ({**MEASURES, "bitrate": 6501}, 400),
        ({**MEASURES, "fps": 60}, 200),
        *[({name: MEASURES[name] for name in MEASURES if name != left_out}, 400) for left_out in MEASURES],
    ],
)
async def test_transcoding_was_stricter_once(given: dict[str, int], older: int):
    rows = TYPES["TranscodingConfig"]
    assert "all required" in rows["width"]["note"]
    assert "at most 6500" in rows["bitrate"]["note"]
    for setting, status in ((False, 200), (True, older)):
        async with set_stage(Settings(older_transcoding=setting)) as stage:
            assert (await start(stage, "start_mix_hls", put(LAYOUT, given))).status_code == status


@pytest.mark.parametrize(("wished", "older"), [(24, 24), (25, 15), (60, 60), (120, 15)])
async def test_there_were_few_frame_rates_once(wished: int, older: int):
    assert "any other value is taken as 15" in TYPES["TranscodingConfig"]["fps"]["note"]
    for setting, fps in ((False, wished), (True, older)):
        async with set_stage(Settings(older_transcoding=setting)) as stage:
            change = put(LAYOUT, {**MEASURES, "fps": wished})
            assert (await start(stage, "start_mix_hls", change)).is_success
            (session,) = stage.emulator._service.office.sessions.values()
            assert session.plan.mix is not None
            assert session.plan.mix.fps == fps


async def test_a_vertical_layout_says_who_is_large_or_shows_nobody_there():
    row = TYPES["TranscodingConfig"]["maxResolutionUid"]
    assert row["when"] == "mixedVideoLayout is 2"
    assert "left out" in row["note"]
    for optional, status in ((False, 400), (True, 200)):
        async with set_stage(Settings(large_uid_optional=optional)) as stage:
            vertical = {"mixedVideoLayout": 2}
            assert (await start(stage, "start_mix_hls", put(LAYOUT, vertical))).status_code == status
            recording = await stage.record(uid="5")
            assert (await stage.tell(recording, "updateLayout", vertical)).status_code == status


async def test_what_is_recorded_may_have_to_say_what_files_it_makes():
    row = TYPES["StartClientRequest"]["recordingFileConfig"]
    assert row["required"] == "conditional"
    assert "optional (table and samples" in row["when"]
    for required, status in ((False, 200), (True, 400)):
        async with set_stage(Settings(file_config_required=required)) as stage:
            request = example("start_mix_hls")
            assert "recordingFileConfig" not in request
            answer = await stage.start(await stage.acquired(), request)
            assert answer.status_code == status
            await stage.record("start_snapshot_only", uid="5")


@pytest.mark.parametrize(
    ("given", "taken", "older"),
    [
        ("application/json;charset=utf-8", True, True),
        ("application/json", True, False),
        ("text/plain", False, False),
    ],
)
async def test_the_content_type_was_one_text_once(given: str, taken: bool, older: bool):  # noqa: FBT001
    headers = load("requests")["transport"]["request_headers"]["Content-Type"]
    assert "exactly this value" in headers["older_docs"]
    assert load("errors")["legacy_codes"][8]["meaning"].startswith(
        "request header or form: wrong Content-Type"
    )
    for exact in (False, True):
        for code in (2, 8):
            settings = Settings(older_content_type=exact, older_form_code=code == 8)
            async with set_stage(settings) as stage:
                answer = await stage.post(
                    "/acquire", EXAMPLES["acquire_rtc"], headers={"content-type": given}
                )
                is_taken = older if exact else taken
                assert said(answer)[:2] == ((200, None) if is_taken else (400, code))


async def test_a_body_that_is_no_json_was_another_code_once():
    for code in (2, 8):
        async with set_stage(Settings(older_form_code=code == 8)) as stage:
            assert said(await stage.post("/acquire", "{"))[:2] == (400, code)
            assert said(await stage.post("/acquire", "{}"))[:2] == (400, 2)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("start_mix_hls", put("storageConfig", {**STORAGE, "vendor": 0, "region": 0})),
        ("start_mix_hls", put("storageConfig", {**STORAGE, "vendor": 4, "region": 0})),
        ("start_mix_hls", put("storageConfig", {**STORAGE, "vendor": 1, "region": 17})),
        ("start_mix_hls", put("storageConfig", {**STORAGE, "vendor": 8, "region": 0})),
        ("start_mix_hls", put("recordingConfig.privateParams", "{}")),
        ("start_individual", put("appsCollection", {"combinationPolicy": "default"})),
        ("start_individual", put("extensionServiceConfig.extensionServices", [MODERATION])),
        ("start_web", put("extensionServiceConfig.apiVersion", "v1")),
    ],
)
async def test_what_left_the_documents_may_be_refused(name: str, change: Any):
    for taken, status in ((True, 200), (False, 400)):
        async with set_stage(Settings(legacy_taken=taken)) as stage:
            answer = await start(stage, name, change)
            assert answer.status_code == status
            assert (await stage.acquire({"regionAffinity": 3})).status_code == status
            assert (await stage.acquire({"scene": 2})).status_code == status
            await stage.record(name, uid="5")


async def test_the_oldest_answers_name_nobody():
    endpoints = load("responses")["endpoints"]
    assert "resourceId only" in endpoints["acquire"][200]["note"]
    assert "resourceId and sid only" in endpoints["start"][200]["note"]
    async with set_stage(Settings(oldest_answers=True)) as stage:
        acquired = (await stage.acquire()).json()
        assert list(acquired) == ["resourceId"]
        started = (await stage.start(acquired["resourceId"], example("start_mix_hls"))).json()
        assert sorted(started) == ["resourceId", "sid"]
        assert started["resourceId"] == acquired["resourceId"]


@pytest.mark.parametrize(("swapped", "waits"), [(False, False), (True, True)])
async def test_one_page_has_the_two_kinds_of_stop_the_other_way_round(swapped: bool, waits: bool):  # noqa: FBT001
    (row,) = load("requests")["types"]["StopClientRequest"]["fields"]
    assert "swapped" in row["note"]
    async with set_stage(Settings(async_stop_swapped=swapped, upload_seconds=10)) as stage:
        for uid, asked in (("1", True), ("2", False)):
            recording = await stage.record(uid=uid)
            stage.clock.pass_by(5)
            before = stage.clock.moment
            answer = await stage.stop(recording, async_stop=asked)
            took = (stage.clock.moment - before).total_seconds()
            status = answer.json()["serverResponse"]["uploadingStatus"]
            assert (took >= 10, status) == ((True, "uploaded") if asked is waits else (False, "unknown"))


@pytest.mark.parametrize(("name", "always"), [("start_mix_hls", False), ("start_individual", True)])
async def test_the_start_of_a_mix_may_be_left_out(name: str, always: bool):  # noqa: FBT001
    rows = {row["name"]: row for row in load("responses")["endpoints"]["query"][200]["serverResponse"]}
    assert "individual only" in rows["sliceStartTime"]["note"]
    for setting in (True, False):
        async with set_stage(Settings(slice_start_in_mix=setting)) as stage:
            answer = await stage.query(await stage.record(name))
            assert ("sliceStartTime" in answer.json()["serverResponse"]) == (setting or always)


async def test_only_audio_was_playable_once():
    rows = {row["name"]: row for row in load("responses")["types"]["RtcFile"]["fields"]}
    assert "audio playlist true, video playlist false" in rows["isPlayable"]["note"]
    for older in (False, True):
        async with set_stage(Settings(older_playable=older)) as stage:
            one, mixed = (
                await stage.record("start_individual"),
                await stage.record("start_mix_hls_mp4", uid="5"),
            )
            stage.clock.pass_by(70)
            for recording in (one, mixed):
                files = (await stage.query(recording)).json()["serverResponse"]["fileList"]
                for file in files:
                    assert file["isPlayable"] == (not older or file["trackType"] != "video")


async def test_a_push_had_no_state_in_queries_once():
    rows = {row["name"]: row for row in load("responses")["types"]["RtmpPayload"]["fields"]}
    assert "absent in the 2022 sample" in rows["state"]["when"]
    for told in (True, False):
        async with set_stage(Settings(rtmp_state_in_query=told)) as stage:
            answer = await stage.query(await stage.record("start_web_rtmp"))
            services = answer.json()["serverResponse"]["extensionServiceState"]
            assert ("state" in services[1]["payload"]) == told
            assert "state" in services[0]["payload"]


@pytest.mark.parametrize("key", ["fileName", "filename"])
async def test_names_of_files_may_be_spelled_otherwise_in_events(key: str):
    settings = Settings(event_file_key=key, backup_buckets=frozenset({"b"}))
    async with set_stage(settings) as stage:
        request = example("start_individual")
        request["appsCollection"] = {"combinationPolicy": "postpone_transcoding"}
        request["transcodeOptions"] = {"transConfig": {"transMode": "audioMix"}}
        recording = await stage.record(request=request, acquire={"scene": 2}, mode="individual")
        stage.clock.pass_by(70)
        answer = await stage.stop(recording)
        assert all("fileName" in each for each in answer.json()["serverResponse"]["fileList"])
        stage.clock.pass_by(100)
        told: dict[int, Any] = {int(each.event_type): each.details for each in stage.emulator.notices}
    assert all(key in each for each in told[32]["fileList"])
    assert key in told[90]


@pytest.mark.parametrize("vendor", [5, 6])
async def test_a_region_that_has_no_effect_could_be_any(vendor: int):
    assert "any value" in load("storage")["vendors"][vendor]["note"]
    change = both(put("storageConfig.vendor", vendor), put("storageConfig.region", 7))
    for older, status in ((False, 400), (True, 200)):
        async with set_stage(Settings(older_regions=older)) as stage:
            assert (await start(stage, "start_mix_hls", change)).status_code == status


@pytest.mark.parametrize(
    ("name", "medium"),
    [("subscribeAudioUids", "audio"), ("unsubscribeVideoUids", "video")],
)
async def test_an_empty_list_is_nobody_or_not_allowed(name: str, medium: str):
    assert any("not allowed" in rule for rule in TYPES["RecordingConfig"]["subscribeAudioUids"]["rules"])
    for refused, status in ((False, 200), (True, 400)):
        async with set_stage(Settings(empty_lists_refused=refused)) as stage:
            assert (
                await start(stage, "start_mix_hls", put(f"recordingConfig.{name}", []))
            ).status_code == status
            recording = await stage.record(uid="5")
            update: dict[str, Any] = {"streamSubscribe": {f"{medium}UidList": {name: []}}}
            assert (await stage.tell(recording, "update", update)).status_code == status


@pytest.mark.parametrize(("stopped", "code", "older"), [(False, 4, 2), (True, 16, 8)])
async def test_leave_codes_were_numbered_differently_once(stopped: bool, code: int, older: int):  # noqa: FBT001
    leave = load("events")["enums"]["leaveCode"]
    names = {number: word for number, word in leave.items() if isinstance(number, int)}
    assert names[code] == leave["legacy"][older]
    for setting, expected in ((False, code), (True, older)):
        async with set_stage(Settings(older_leave_codes=setting)) as stage:
            recording = await stage.record("start_mix_hls_mp4")
            stage.clock.pass_by(5)
            stage.emulator.channel("class-42").empty()
            if stopped:
                await stage.stop(recording)
            stage.clock.pass_by(60)
            (left,) = [
                notice for notice in stage.emulator.notices if notice.event_type is EventType.RECORDER_LEAVE
            ]
            assert left.details["leaveCode"] == expected
