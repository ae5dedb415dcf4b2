"""The reference's list of invalid bodies, case by case."""

from typing import Any

import httpx
import pytest

from agora_rec.emulator import Settings
from tests.emulator.bodies import LAYOUT, UIDS, both, put, start
from tests.emulator.stage import Stage, example, said, set_stage
from tests.support.reference import load

pytestmark = pytest.mark.anyio

INVALID_CASES: list[dict[str, str]] = load("requests")["invalid_cases"]
CASES: dict[str, list[tuple[str, Any]]] = {
    "resourceExpiredHour 0 or 721": [
        ("acquire", {"resourceExpiredHour": 0}),
        ("acquire", {"resourceExpiredHour": 721}),
    ],
    'uid "0", "abc" or "4294967296"': [("uid", "0"), ("uid", "abc"), ("uid", "4294967296")],
    "cname with a character outside the allowed set": [
        ("cname", "class/42"),
        ("cname", "größe"),
        ("cname", "a" * 1025),
    ],
    'avFileType ["mp4"]': [("start_mix_hls", put("recordingFileConfig.avFileType", ["mp4"]))],
    "subscribeAudioUids and unsubscribeAudioUids together": [
        (
            "start_mix_hls",
            both(
                put("recordingConfig.subscribeAudioUids", ["1"]),
                put("recordingConfig.unsubscribeAudioUids", ["2"]),
            ),
        ),
    ],
    "33 uids in one list": [("start_mix_hls", put("recordingConfig.unsubscribeVideoUids", UIDS))],
    "decryptionMode 7 without salt": [
        ("start_mix_hls", both(put("recordingConfig.decryptionMode", 7), put("recordingConfig.secret", "s"))),
    ],
    "transcodingConfig 1920 x 1088": [("start_mix_hls", put(LAYOUT, {"width": 1920, "height": 1088}))],
    "snapshotConfig with streamTypes 0": [("start_snapshot_only", put("recordingConfig.streamTypes", 0))],
    "clientRequest differs from acquire's startParameter": [("announced", None)],
    "cname or uid differs from acquire's": [("who", {"cname": "other"}), ("who", {"uid": "7"})],
    "resource ID older than 5 minutes": [("old", None)],
    "wrong bucket, keys or image URLs": [
        ("later", put("storageConfig.bucket", "wrong")),
        ("later", put("storageConfig.accessKey", "wrong")),
        ("later", put("storageConfig.secretKey", "wrong")),
        ("later", put(LAYOUT, {"backgroundImage": "http://wrong.example/"})),
        ("later", put(LAYOUT, {"backgroundConfig": [{"uid": "11", "image_url": "https://wrong.example/"}]})),
    ],
}


def test_every_invalid_case_of_the_reference_is_tried():
    assert set(CASES) == {case["change"] for case in INVALID_CASES}


async def play(stage: Stage, how: str, what: Any) -> httpx.Response:
    if how == "acquire":
        return await stage.acquire(what)
    if how in {"uid", "cname"}:
        return await stage.acquire(**{how: what})
    if how == "announced":
        resource_id = await stage.acquired({"startParameter": example("start_mix_hls")})
        return await stage.start(resource_id, {**example("start_mix_hls"), "token": "another"})
    if how == "who":
        return await stage.start(await stage.acquired(), example("start_mix_hls"), **what)
    if how == "old":
        resource_id = await stage.acquired()
        stage.clock.pass_by(300)
        return await stage.start(resource_id, example("start_mix_hls"))
    return await start(stage, how, what)


@pytest.mark.parametrize("case", INVALID_CASES, ids=lambda case: case["change"])
async def test_invalid_cases_end_as_the_reference_says(case: dict[str, str]):
    for how, what in CASES[case["change"]]:
        async with set_stage(
            Settings(wrong_values=frozenset({"wrong", "http://wrong.example/", "https://wrong.example/"}))
        ) as stage:
            if how == "later":
                request = example("start_mix_hls")
                what(request)
                recording = await stage.record(request=request)
                assert (await stage.query(recording)).status_code == 200
                stage.clock.pass_by(10)
                assert said(await stage.query(recording))[:2] == (404, 404)
                continue
            status, code, words = said(await play(stage, how, what))
            expected = case["expect"]
            assert f"{status} code {code}" in expected
            if "reason" in expected or "invalid_channel_name" in expected:
                assert str(words) in expected
