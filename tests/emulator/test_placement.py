"""Where recordings are placed."""

from typing import Any

import httpx
import pytest

from agora_rec.emulator import Emulator, Settings
from tests.emulator.stage import Stage, example, set_stage
from tests.support.reference import load

pytestmark = pytest.mark.anyio

ROWS = {row["name"]: row for row in load("requests")["types"]["AcquireClientRequest"]["fields"]}
REGIONS = load("hosts")["regions"]
AREAS: dict[str, str] = ROWS["region"]["enum"]
WORDS = {**{words: area for area, words in AREAS.items()}, "China": "CN", "Southeast Asia": "AP"}
ANYWHERE = {"vendor": 6, "region": 0, "bucket": "b", "accessKey": "a", "secretKey": "s"}


async def areas(stage: Stage, *requests: dict[str, Any], host: str = "127.0.0.1") -> list[str]:
    """Where recordings come to lie that are acquired so; each excludes those before it if it says so."""
    http = httpx.AsyncClient(
        base_url=f"http://{host}", transport=stage.emulator.transport(), auth=stage.http.auth
    )
    here = Stage(stage.emulator, http, stage.clock)
    resource_ids: list[str] = []
    for number, request in enumerate(requests):
        told = {**request}
        if told.pop("apart", False):
            told["excludeResourceIds"] = resource_ids
        uid = str(number + 1)
        resource_ids.append(await here.acquired(told, uid=uid))
        body = {**example("start_mix_hls"), "storageConfig": ANYWHERE}
        assert (await here.start(resource_ids[-1], body, uid=uid)).status_code == 200
    return [session.area for session in stage.emulator.sessions]


async def test_a_region_is_a_restriction_whatever_is_excluded():
    async with set_stage() as stage:
        requests = [{"region": area, "regionAffinity": 1, "apart": True} for area in AREAS]
        assert await areas(stage, *requests, *requests) == [*AREAS, *AREAS]


async def test_an_affinity_is_a_preference():
    wanted = {number: WORDS.get(words, "EU") for number, words in ROWS["regionAffinity"]["enum"].items()}
    async with set_stage(Settings(nearest_area="EU")) as stage:
        assert await areas(stage, *({"regionAffinity": number} for number in wanted)) == [*wanted.values()]


@pytest.mark.parametrize("suffix", ["agora.io", "sd-rtn.com"])
async def test_a_regional_host_says_where_its_caller_is(suffix: str):
    for region in REGIONS:
        async with set_stage(Settings(nearest_area="CN")) as stage:
            host = f"{region['prefix']}.{suffix}"
            assert await areas(stage, {}, host=host) == [region["area"].replace("US", "NA")]
            assert stage.emulator.calls[0].host == host


async def test_what_is_excluded_is_somewhere_else_as_long_as_there_is_such_a_place():
    async with set_stage(Settings(nearest_area="AP")) as stage:
        first, *others, fifth = await areas(stage, *[{"apart": True}] * 5)
        assert (first, fifth) == ("AP", "AP")
        assert {first, *others} == set(AREAS)


async def test_only_what_runs_and_belongs_to_the_app_is_kept_away_from():
    async with set_stage(Settings(other_app_ids=frozenset({"f0" * 16}))) as stage:
        recording = await stage.record()
        stage.clock.pass_by(5)
        request = {"excludeResourceIds": [recording.resource_id, "whatever", await stage.acquired(uid="3")]}
        base = f"/v1/apps/{'f0' * 16}/cloud_recording"
        foreign = Stage(stage.emulator, stage.http, stage.clock)
        assert stage.emulator.sessions[0].area == "NA"
        body = {"cname": "class-42", "uid": "4", "clientRequest": request}
        answer = await foreign.http.post(f"{base}/acquire", json=body)
        there = answer.json()["resourceId"]
        apart = await stage.record(uid="5", acquire=request)
        await stage.stop(recording)
        again = await stage.record(uid="6", acquire=request)
        placed = {session.sid: session.area for session in stage.emulator.sessions}
        resources = stage.emulator._service.office.resources
    assert resources[there].area == "NA"
    assert (placed[apart.sid], placed[again.sid]) == ("EU", "NA")


def test_callers_are_in_an_area():
    with pytest.raises(ValueError, match="nearest_area"):
        Emulator(settings=Settings(nearest_area="US"))
