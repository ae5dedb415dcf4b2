"""Every row of errors.yaml over HTTP: by the service's own rules where it has them, else injected."""

import json
from typing import Any

import pytest

from agora_rec.emulator import Refuse, Settings
from tests.emulator.refusals import (
    NAMES,
    NATURAL,
    OTHER_APP,
    ROWS,
    SETTINGS,
    foreign_app,
    key_of,
    make,
    naturals,
    other_app,
    started_again,
    stopped_twice,
    unreadable,
)
from tests.emulator.stage import Started, example, said, set_stage
from tests.support.reference import load

pytestmark = pytest.mark.anyio


def id_of(value: object) -> str:
    if isinstance(value, dict):
        return f"{value['http']}-{value.get('code')}-{value.get('message')}"
    return str(value)


def test_every_natural_row_stands_in_the_reference():
    assert set(NATURAL) <= {key_of(endpoint, row) for endpoint, row in ROWS}


def test_only_trouble_inside_the_service_has_to_be_injected():
    injected = [row for endpoint, row in ROWS if key_of(endpoint, row) not in NATURAL]
    assert all(row["http"] >= 500 or row["code"] == 65 for row in injected)


def test_every_code_of_the_older_pages_is_played():
    rows = load("errors")["legacy_codes"]
    elsewhere = {8, 15, 65, 101}  # see test_conflicts; trouble; trouble; no code of the API
    assert set(rows) - {code for _, _, code in NATURAL} == elsewhere
    assert "not an API code" in rows[101]["meaning"]


@pytest.mark.parametrize(("endpoint", "row"), naturals(), ids=id_of)
async def test_the_service_refuses_by_its_own_rules(endpoint: str, row: dict[str, Any]):
    produce, options = NATURAL[key_of(endpoint, row)]
    for each in NAMES if endpoint == "any" else (endpoint,):
        if produce is other_app and each == "ncsIp":
            continue  # it names no App ID
        async with set_stage(**{"settings": SETTINGS, **options}) as stage:
            answer = await produce(stage, each)
        status, code, words = said(answer)
        assert (status, code) == (row["http"], row["code"])
        expected = row.get("reason") or row.get("message")
        assert expected is None or words == expected


@pytest.mark.parametrize(("endpoint", "row"), ROWS, ids=id_of)
async def test_every_row_can_be_injected(endpoint: str, row: dict[str, Any]):
    fault = Refuse(row["http"], code=row["code"], reason=row.get("reason"), message=row.get("message"))
    async with set_stage() as stage:
        recording = await stage.record(acquire={"resourceExpiredHour": 1})
        stage.clock.pass_by(30)
        for each, operation in NAMES.items():
            if endpoint in {"any", each}:
                stage.emulator.inject(fault, operation=operation)
                answer = await make(stage, each, recording)
                status, code, words = said(answer)
                assert (status, code) == (row["http"], row["code"])
                assert words == (row.get("reason") or row.get("message") or words)
                assert stage.emulator.calls[-1].status == row["http"]
                assert stage.emulator.calls[-1].code == row["code"]
        # A refusal that was not acted upon leaves everything as it was.
        assert [session.sid for session in stage.emulator.running()] == [recording.sid]


async def test_a_refusal_may_be_a_lie():
    async with set_stage() as stage:
        resource_id = await stage.acquired()
        stage.emulator.inject(Refuse(206, code=65, reason="request not completed", acted=True))
        answer = await stage.start(resource_id, example("start_mix_hls"))
        assert said(answer) == (206, 65, "request not completed")
        assert len(stage.emulator.running()) == 1
        again = await stage.start(resource_id, example("start_mix_hls"))
        assert said(again) == (201, 7, "already started")


async def test_a_refusal_carries_what_the_test_wants():
    async with set_stage() as stage:
        stage.emulator.inject(Refuse(500, code=15, extra={"resourceId": "Qm3", "sid": ""}))
        answer = await stage.acquire()
        assert answer.json() == {"resourceId": "Qm3", "sid": "", "code": 15}


async def test_a_refusal_without_words_is_a_proxys():
    async with set_stage() as stage:
        stage.emulator.inject(Refuse(502))
        assert said(await stage.acquire()) == (502, None, "Bad Gateway")
        stage.emulator.inject(Refuse(599))
        assert said(await stage.acquire()) == (599, None, "error")


def seen(endpoint: str, http: int) -> set[str]:
    rows = load("responses")["observed"]
    found = next(row for row in rows if row["endpoint"] == endpoint and row["http"] == http)
    return set(json.loads(found["shape"]))


async def test_bodies_may_be_those_seen_in_the_wild():
    async with set_stage(Settings(observed_bodies=True)) as stage:
        twice = await stopped_twice(stage, "stop")
        assert set(twice.json()) == seen("stop", 400)
        assert said(twice)[:2] == (400, 49)
        recording = Started(twice.json()["resourceId"], twice.json()["sid"], "mix", "class-42", "880011")
        stage.clock.pass_by(5)
        stopped = await stage.stop(recording)
        assert set(stopped.json()) == seen("stop", 404)
        assert stopped.json()["serverResponse"]["payload"]["message"] == "failed to find worker"
        queried = await stage.query(recording)
        assert set(queried.json()) == seen("query", 404)
        assert said(queried) == (404, 404, "failed to find worker")


async def test_the_body_of_201_may_tell_the_sid():
    async with set_stage(Settings(repeated_start_with_sid=True)) as stage:
        recording = await stage.record()
        answer = await stage.start(recording.resource_id, example("start_mix_hls"))
        assert answer.status_code == 201
        assert answer.json() == {
            "code": 7,
            "reason": "already started",
            "resourceId": recording.resource_id,
            "sid": recording.sid,
        }


async def test_the_body_of_201_is_the_documented_one():
    async with set_stage() as stage:
        answer = await started_again(stage, "start")
        assert answer.json() == json.loads(load("responses")["by_status"][201]["body"])


async def test_what_update_can_not_find_is_not_there():
    """No document gives update the codes 1001 and 1003."""
    async with set_stage(SETTINGS) as stage:
        for produce in (unreadable, foreign_app):
            for verb in ("update", "updateLayout"):
                stage.emulator.app_id = "e0" * 16
                assert said(await produce(stage, verb))[:2] == (404, 404)
                stage.clock.pass_by(30 * 60)
                stage.emulator.channel("class-42").empty()
                stage.clock.pass_by(30 * 60)


async def test_a_sid_of_another_recording_is_refused():
    async with set_stage() as stage:
        first = await stage.record()
        second = await stage.record(uid="7")
        mixed = Started(first.resource_id, second.sid, "mix", "class-42", "880011")
        assert said(await stage.query(mixed))[:2] == (400, 1003)
        assert said(await stage.stop(mixed))[:2] == (400, 1003)
        assert said(await stage.tell(mixed, "update"))[:2] == (404, 404)


async def test_an_unknown_sid_is_not_found():
    async with set_stage() as stage:
        recording = await stage.record()
        unknown = Started(recording.resource_id, "ab" * 16, "mix", "class-42", "880011")
        for verb in ("update", "updateLayout", "stop"):
            assert said(await stage.tell(unknown, verb)) == (404, 404, "failed to find worker")
        assert said(await stage.query(unknown)) == (404, 404, "failed to find worker")


async def test_a_resource_id_that_nobody_remembers():
    async with set_stage(seed=1) as other:
        foreign = await other.acquired()
        recording = await other.record()
    async with set_stage(seed=2) as stage:
        assert said(await stage.start(foreign, example("start_mix_hls")))[:2] == (400, 433)
        assert said(await stage.query(recording))[:2] == (404, 404)
        assert said(await stage.stop(recording))[:2] == (404, 404)


@pytest.mark.parametrize("verb", ["query", "update", "stop"])
async def test_the_mode_must_stay_the_same(verb: str):
    async with set_stage() as stage:
        recording = await stage.record()
        recording.mode = "individual"
        assert said(await make(stage, verb, recording)) == (
            400,
            2,
            f"{verb.title()}: invalid mode value!",
        )


@pytest.mark.parametrize("mode", ["individual", "web"])
async def test_layouts_belong_to_mix(mode: str):
    async with set_stage() as stage:
        recording = await stage.record("start_web" if mode == "web" else "start_individual")
        assert said(await stage.tell(recording, "updateLayout"))[:2] == (400, 2)


async def test_a_start_is_only_repeated_while_it_means_something():
    async with set_stage(Settings(start_seconds=0.0)) as stage:
        recording = await stage.record(acquire={"resourceExpiredHour": 1})
        stage.clock.pass_by(400)
        assert said(await stage.start(recording.resource_id, example("start_mix_hls")))[:2] == (201, 7)
        await stage.stop(recording)
        assert said(await stage.start(recording.resource_id, example("start_mix_hls")))[:2] == (400, 433)
        short = await stage.record(uid="7")
        stage.clock.pass_by(1)
        await stage.stop(short)
        stage.clock.pass_by(30)
        assert said(await stage.start(short.resource_id, example("start_mix_hls"), uid="7"))[:2] == (201, 7)


async def test_web_recordings_have_a_limit_of_their_own():
    async with set_stage(Settings(concurrent_limit=1, web_concurrent_limit=2)) as stage:
        await stage.record()
        assert said(await stage.acquire())[:2] == (400, 406)
        for number in (1, 2):
            await stage.record("start_web", uid=str(number))
        assert said(await stage.acquire({"scene": 1}))[:2] == (400, 406)


async def test_a_place_is_free_when_the_worker_has_gone():
    async with set_stage(Settings(concurrent_limit=1)) as stage:
        recording = await stage.record()
        stage.clock.pass_by(5)
        await stage.stop(recording, async_stop=True)
        assert said(await stage.acquire())[:2] == (400, 406)
        stage.clock.pass_by(2)
        assert said(await stage.acquire())[0] == 200


async def test_limits_are_per_app_id():
    async with set_stage(Settings(concurrent_limit=1, other_app_ids=frozenset({OTHER_APP}))) as stage:
        await stage.record()
        stage.emulator.app_id = OTHER_APP
        await stage.record()
        assert len(stage.emulator.running()) == 2
