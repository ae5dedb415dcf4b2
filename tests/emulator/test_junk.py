"""Whatever comes in, a documented answer goes out: never an exception, never a 500 by accident."""

import json
import random
from typing import Any
from urllib.parse import quote

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emulator.bodies import mode_of
from tests.emulator.stage import EXAMPLES, NoAuth, Stage, example, set_stage

KNOWN = {200, 201, 206, 400, 401, 404}
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
BODIES = [name for name in EXAMPLES if not name.startswith("acquire")]


def dump(value: object) -> bytes:
    """JSON with lone surrogates as escapes, which UTF-8 itself can't hold."""
    return json.dumps(value).encode()


async def calls(stage: Stage) -> list[tuple[str, str]]:
    """Method and path of every call, about recordings of all modes that run."""
    found = [("GET", "/v1/ncs/ip"), ("POST", f"{stage.base}/acquire")]
    for name, uid in (("start_mix_hls", "1"), ("start_individual", "2"), ("start_web_rtmp", "3")):
        recording = await stage.record(name, uid=uid)
        fresh = await stage.acquired({"scene": 1} if recording.mode == "web" else {}, uid="4")
        found.append(("POST", f"{stage.base}/resourceid/{fresh}/mode/{recording.mode}/start"))
        for verb, method in (
            ("query", "GET"),
            ("update", "POST"),
            ("updateLayout", "POST"),
            ("stop", "POST"),
        ):
            found.append((method, stage.base + stage.path_of(recording, verb)))
    return found


def judge(answer: httpx.Response) -> None:
    assert answer.status_code in KNOWN
    body = answer.json()
    assert isinstance(body, dict)
    if answer.status_code == 200:
        assert "code" not in body
    else:
        assert {"code", "message", "serverResponse"} & set(body)


async def throw(body: bytes, headers: dict[str, str]) -> None:
    async with set_stage() as stage:
        for method, path in await calls(stage):
            answer = await stage.http.request(method, path, content=body, headers=headers)
            judge(answer)
        assert len(stage.emulator.sessions) >= 3
        repr(stage.emulator.calls)


JSON = {"content-type": "application/json"}


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=64))
def test_any_bytes(body: bytes):
    anyio.run(throw, body, JSON)


@pytest.mark.anyio
@pytest.mark.parametrize("depth", [70, 500, 900, 980, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
async def test_a_body_is_refused_that_is_nested_beyond_reason(depth: int, opening: bytes, closing: bytes):
    deep = opening * depth + b"1" + closing * depth
    async with set_stage() as stage:
        for body in (deep, b'{"cname":"a","uid":"1","clientRequest":{"startParameter":' + deep + b"}}"):
            answer = await stage.post("/acquire", body)
            assert (answer.status_code, answer.json()["code"]) == (400, 2)
        assert "no JSON object" in repr(stage.emulator.calls)


@pytest.mark.anyio
async def test_a_body_with_many_brackets_need_not_be_deep():
    async with set_stage() as stage:
        assert (await stage.acquire({"startParameter": {"a": [[]] * 100}})).status_code == 200


@settings(max_examples=60, deadline=None)
@given(values)
def test_any_json(value: Any):
    anyio.run(throw, dump({"cname": "class-42", "uid": "1", "clientRequest": value}), JSON)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for name, item in value.items():
            found += places(item, (*path, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            found += places(item, (*path, number))
    return found


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(BODIES), st.randoms(use_true_random=False), values, st.booleans())
def test_a_good_body_with_one_place_changed(name: str, chance: random.Random, value: Any, rename: bool):  # noqa: FBT001
    request = example(name)
    spots = places(request)
    if spots:
        *steps, last = chance.choice(spots)
        place: Any = request
        for step in steps:
            place = place[step]
        if rename and isinstance(place, dict):
            place[str(value)] = place.pop(last)
        else:
            place[last] = value

    async def play() -> None:
        async with set_stage() as stage:
            mode = mode_of(name)
            started = "start_web_rtmp" if name in {"update_onhold", "update_rtmp"} else "start_mix_hls"
            if name.startswith("start"):
                resource_id = await stage.acquired({"scene": 1} if mode == "web" else {})
                body = dump({"cname": "class-42", "uid": "880011", "clientRequest": request})
                judge(await stage.post(f"/resourceid/{resource_id}/mode/{mode}/start", body))
            else:
                recording = await stage.record(started)
                body = dump({"cname": "class-42", "uid": "880011", "clientRequest": request})
                judge(await stage.post(stage.path_of(recording, name.partition("_")[0]), body))
            stage.clock.pass_by(100)
            assert all(session.started_at for session in stage.emulator.sessions)

    anyio.run(play)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS"]),
    st.lists(
        st.sampled_from(
            ["v1", "apps", "cloud_recording", "resourceid", "sid", "mode", "mix", "stop", "query"]
        )
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
        max_size=12,
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20),
)
def test_any_path_and_any_credentials(method: str, parts: list[str], authorization: str):
    async def play() -> None:
        async with set_stage() as stage:
            path = "/".join(["", *(quote(part, safe="") for part in parts)]).encode()
            url = httpx.URL(stage.emulator.base_url).copy_with(raw_path=path)
            judge(await stage.http.request(method, url))
            headers = httpx.Headers([(b"authorization", authorization.encode("latin-1"))])
            stage.http.auth = NoAuth()
            assert (await stage.http.request(method, url, headers=headers)).status_code in {401, 404}

    anyio.run(play)


@pytest.mark.parametrize("name", BODIES)
def test_the_examples_themselves_are_good(name: str):
    assert places(example(name)) or name == "stop"
