"""A bounded run of what `python -m tests.openapi` does at length: all is as it is described."""

from collections import Counter
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agora_rec.emulator import Emulator, Settings
from agora_rec.emulator.schema import SHAPES, BadField, Context, check
from tests.schema.generation import Drawn, Maker
from tests.schema.judge import BEYOND_SCHEMAS, Judge
from tests.schema.programme import DESCRIPTION, PLAIN, WHO, Caller, caller, play
from tests.schema.test_description import NOW, WAYS, told
from tests.schema.validation import Document

DOCUMENTS = {name: Document(told(way)) for name, way in WAYS.items() if name != "later"}
BODIES = [
    *(("StartBody", mode) for mode in PLAIN),
    *(("UpdateBody", mode) for mode in PLAIN),
    ("UpdateLayoutBody", "mix"),
    ("AcquireBody", None),
    ("StopBody", "web"),
]


@settings(max_examples=100, deadline=None)
@given(st.data(), st.sampled_from(sorted(DOCUMENTS)), st.sampled_from(BODIES))
def test_a_body_is_taken_if_and_only_if_it_is_as_the_description_says(
    data: Any, way: str, body: tuple[str, str | None]
):
    (shape, mode), document = body, DOCUMENTS[way]
    schemas = document.content["components"]["schemas"]
    schema = schemas.get(shape) or schemas[f"{shape}.{mode}"]
    value = Maker(Drawn(data.draw), document).make(schema)
    faults = document.faults(value, schema)
    wrong = wrong_field(shape, value, Context(mode=mode, now=NOW, settings=WAYS[way]))
    if wrong is None:
        assert not faults
    else:
        assert faults or BEYOND_SCHEMAS.fullmatch(f"Start: invalid {wrong} value!")


def wrong_field(shape: str, value: object, context: Context) -> str | None:
    try:
        check(SHAPES, shape, value, context)
    except BadField as bad:
        return bad.path
    return None


def test_whatever_is_asked_is_answered_as_the_description_says():
    tally: Counter[str] = Counter()

    @settings(max_examples=15, deadline=None)
    @given(st.data(), st.sampled_from(sorted(DOCUMENTS)))
    def run(data: Any, way: str) -> None:
        async def one() -> None:
            async with caller(settings=WAYS[way]) as me:
                await play(me, Drawn(data.draw))
                tally.update(name for name, status in me.tally if status in {200, 206})

        anyio.run(one)

    run()
    reached = ("query", "update", "stop", "recording", "fail_over")
    assert sum(tally[name] for name in tally if name.startswith(reached)) > 5


@pytest.mark.anyio
async def test_what_is_checked_later_may_be_anything_as_the_description_says():
    async with caller(settings=WAYS["later"]) as me:
        places = {"appid": me.emulator.app_id}
        acquired = await me.ask("acquire", places, {**WHO, "clientRequest": {}})
        request = {
            **PLAIN["mix"],
            "storageConfig": {"vendor": "none"},
            "recordingConfig": {"channelType": 0, "transcodingConfig": 7},
        }
        places["resourceid"] = acquired.json()["resourceId"]
        started = await me.ask("start_mix", places, {**WHO, "clientRequest": request})
        assert started.status_code == 200


@pytest.mark.anyio
async def test_places_that_are_taken_are_answered_as_the_description_says():
    async with caller(settings=Settings(latency=0, concurrent_limit=1, web_concurrent_limit=0)) as me:
        places = {"appid": me.emulator.app_id}
        for uid in ("1", "2"):
            answer = await me.ask("acquire", places, {**WHO, "uid": uid, "clientRequest": {}})
            places[uid] = answer.json()["resourceId"]
        statuses = []
        for uid in ("1", "1", "2"):
            answer = await me.ask(
                "start_mix",
                {**places, "resourceid": places[uid]},
                {**WHO, "uid": uid, "clientRequest": PLAIN["mix"]},
            )
            statuses.append(answer.status_code)
        assert statuses == [200, 201, 500]
        refused = await me.ask("acquire", places, {**WHO, "uid": "3", "clientRequest": {}})
        assert refused.json()["code"] == 406


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_it_is_so_on_a_socket():
    emulator = Emulator(qps=1, settings=Settings(latency=0))
    async with emulator.serve() as served, httpx.AsyncClient(base_url=served.url) as http:
        document = Document((await http.get(DESCRIPTION)).json())
        emulator.base_url = served.url
        me = Caller(emulator, http, Judge(document))
        for _ in range(2):
            await me.ask("ncs_ip_v1", {})
        await me.ask("clock", {})
        await me.ask("recordings", {}, query={"limit": "0"})
        assert set(me.tally) == {
            *(("ncs_ip_v1", status) for status in (200, 429)),
            ("clock", 200),
            ("recordings", 400),
        }
