"""How the service is brought to each refusal that it produces by its own rules."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from agora_rec.emulator import AppIdRefusal, Settings, Upload
from agora_rec.vocabulary import OperationName
from tests.emulator.stage import NoAuth, Stage, Started, example
from tests.support.reference import load

ERRORS: dict[str, Any] = load("errors")
OTHER_APP = "a1" * 16
NAMES = {
    "acquire": OperationName.ACQUIRE,
    "start": OperationName.START,
    "query": OperationName.QUERY,
    "update": OperationName.UPDATE,
    "updateLayout": OperationName.UPDATE_LAYOUT,
    "stop": OperationName.STOP,
    "ncsIp": OperationName.NCS_IP,
}
SETTINGS = Settings(
    other_app_ids=frozenset({OTHER_APP}),
    expired_tokens=frozenset({"stale"}),
    wrong_tokens=frozenset({"forged"}),
    tokens_checked_at_start=True,
    older_layout_code=False,
)


async def make(stage: Stage, endpoint: str, recording: Started | None = None) -> httpx.Response:
    """A plain good call; all but acquire, start and ncsIp need a recording."""
    if endpoint == "acquire":
        return await stage.acquire()
    if endpoint == "ncsIp":
        return await stage.http.get("/v1/ncs/ip")
    if endpoint == "start":
        resource_id = await stage.acquired() if recording is None else recording.resource_id
        return await stage.start(resource_id, example("start_mix_hls"))
    assert recording is not None
    if endpoint == "query":
        return await stage.query(recording)
    return await stage.tell(recording, endpoint)


Producer = Callable[[Stage, str], Awaitable[httpx.Response]]


async def unauthorized(stage: Stage, endpoint: str) -> httpx.Response:
    stage.http.auth = NoAuth()
    return await make(stage, endpoint, Started("r", "s", "mix", "c", "1"))


async def wrong_credentials(stage: Stage, endpoint: str) -> httpx.Response:
    stage.http.auth = httpx.BasicAuth("somebody", "else")
    return await make(stage, endpoint, Started("r", "s", "mix", "c", "1"))


async def wrong_body(stage: Stage, endpoint: str) -> httpx.Response:
    if endpoint == "acquire":
        return await stage.acquire({"resourceExpiredHour": "24"})
    if endpoint == "start":
        return await stage.start(await stage.acquired(), {})
    recording = await stage.record()
    if endpoint == "query":
        return await stage.query(Started(recording.resource_id, recording.sid, "composite", "", ""))
    return await stage.tell(recording, endpoint, {"nonsense": True})


async def gone(stage: Stage, endpoint: str) -> httpx.Response:
    recording = await stage.record()
    stage.clock.pass_by(5)
    assert (await stage.stop(recording)).status_code == 200
    stage.clock.pass_by(5)
    return await make(stage, endpoint, recording)


async def somebody_else(stage: Stage, endpoint: str) -> httpx.Response:
    if endpoint == "start":
        return await stage.start(await stage.acquired(), example("start_mix_hls"), uid="7")
    recording = await stage.record()
    return await make(stage, endpoint, Started(recording.resource_id, recording.sid, "mix", "other", "7"))


async def unreadable(stage: Stage, endpoint: str) -> httpx.Response:
    if endpoint == "start":
        return await stage.start("Qm3-xT_a91", example("start_mix_hls"))
    recording = await stage.record()
    return await make(stage, endpoint, Started("no-id", recording.sid, "mix", "class-42", "880011"))


async def foreign_app(stage: Stage, endpoint: str) -> httpx.Response:
    if endpoint == "start":
        resource_id = await stage.acquired()
        stage.emulator.app_id = OTHER_APP
        return await stage.start(resource_id, example("start_mix_hls"))
    recording = await stage.record()
    stage.emulator.app_id = OTHER_APP
    return await make(stage, endpoint, recording)


async def too_many(stage: Stage, endpoint: str) -> httpx.Response:
    for number in range(50):
        await stage.record(uid=str(1000 + number))
    return await make(stage, endpoint)


async def no_capacity(stage: Stage, endpoint: str) -> httpx.Response:
    acquired = [await stage.acquired(uid=str(1000 + number)) for number in range(51)]
    answers = [
        await stage.start(resource_id, example("start_mix_hls"), uid=str(1000 + number))
        for number, resource_id in enumerate(acquired)
    ]
    assert {answer.status_code for answer in answers[:50]} == {200}
    return answers[50]


async def started_again(stage: Stage, endpoint: str) -> httpx.Response:
    recording = await stage.record()
    return await stage.start(recording.resource_id, example("start_mix_hls"))


async def conflict(stage: Stage, endpoint: str) -> httpx.Response:
    await stage.record()
    return await stage.start(await stage.acquired(), example("start_mix_hls"))


async def expired_token(stage: Stage, endpoint: str) -> httpx.Response:
    request = {**example("start_mix_hls"), "token": "stale"}
    return await stage.start(await stage.acquired(), request)


async def wrong_token(stage: Stage, endpoint: str) -> httpx.Response:
    request = {**example("start_mix_hls"), "token": "forged"}
    return await stage.start(await stage.acquired(), request)


async def old_resource(stage: Stage, endpoint: str) -> httpx.Response:
    resource_id = await stage.acquired()
    stage.clock.pass_by(300)
    return await stage.start(resource_id, example("start_mix_hls"))


async def hours_over(stage: Stage, endpoint: str) -> httpx.Response:
    recording = await stage.record(acquire={"resourceExpiredHour": 1})
    stage.clock.pass_by(3600)
    return await make(stage, endpoint, recording)


async def bad_cname(stage: Stage, endpoint: str) -> httpx.Response:
    return await stage.acquire(cname="class/42")


async def no_data(stage: Stage, endpoint: str) -> httpx.Response:
    stage.emulator.channel("class-42").empty()
    return await stage.stop(await stage.record())


async def slow_upload(stage: Stage, endpoint: str) -> httpx.Response:
    recording = await stage.record()
    stage.clock.pass_by(5)
    stage.emulator.inject(Upload(seconds=25))
    return await stage.stop(recording)


async def stopped_twice(stage: Stage, endpoint: str) -> httpx.Response:
    recording = await stage.record()
    stage.clock.pass_by(5)
    await stage.stop(recording)
    return await stage.stop(recording)


async def other_app(stage: Stage, endpoint: str) -> httpx.Response:
    stage.emulator.app_id = "unknown"
    return await make(stage, endpoint, Started("r", "s", "mix", "c", "1"))


async def no_route(stage: Stage, endpoint: str) -> httpx.Response:
    return await stage.http.put(stage.base + "/acquire")


async def too_fast(stage: Stage, endpoint: str) -> httpx.Response:
    answers = [await make(stage, endpoint, Started("r", "s", "mix", "c", "1")) for _ in range(11)]
    assert all(answer.status_code != 429 for answer in answers[:10])
    return answers[10]


NATURAL: dict[tuple[str, int, Any], tuple[Producer, dict[str, Any]]] = {
    ("any", 400, "appid is invalid"): (other_app, {}),
    ("any", 401, "Unauthorized"): (unauthorized, {}),
    ("any", 401, "Invalid authentication credentials"): (wrong_credentials, {}),
    ("any", 404, "no Route matched with those values"): (no_route, {}),
    ("any", 429, "API rate limit exceeded"): (too_fast, {"qps": 10, "settings": Settings(latency=0.0)}),
    ("any", 401, "invalid appid"): (
        other_app,
        {"settings": Settings(app_id_refusal=AppIdRefusal.OLDER)},
    ),
    ("acquire", 400, 2): (wrong_body, {}),
    ("acquire", 400, 400): (other_app, {"settings": Settings(app_id_refusal=AppIdRefusal.SERVICE)}),
    ("acquire", 400, 401): (bad_cname, {}),
    ("acquire", 400, 405): (make, {"settings": Settings(inactive_app_ids=frozenset({"e0" * 16}))}),
    ("acquire", 400, 406): (too_many, {}),
    ("acquire", 400, 62): (other_app, {"settings": Settings(app_id_refusal=AppIdRefusal.OLDER_SERVICE)}),
    ("acquire", 400, 1013): (bad_cname, {"settings": Settings(older_cname_code=True)}),
    ("start", 201, 7): (started_again, {}),
    ("start", 400, 2): (wrong_body, {}),
    ("start", 400, 53): (conflict, {}),
    ("start", 500, 502): (no_capacity, {}),
    ("start", 400, 109): (expired_token, {}),
    ("start", 400, 110): (wrong_token, {}),
    ("start", 400, 432): (somebody_else, {}),
    ("start", 400, 433): (old_resource, {}),
    ("start", 400, 1001): (unreadable, {}),
    ("start", 400, 1003): (foreign_app, {}),
    ("query", 400, 2): (wrong_body, {}),
    ("query", 404, 404): (gone, {}),
    ("query", 404, 501): (stopped_twice, {"settings": Settings(exiting_refused=True)}),
    ("query", 400, 1001): (unreadable, {}),
    ("query", 400, 1003): (foreign_app, {}),
    ("query", 400, 433): (hours_over, {}),
    ("update", 400, 2): (wrong_body, {}),
    ("update", 404, 404): (gone, {}),
    ("update", 400, 432): (somebody_else, {}),
    ("updateLayout", 400, 2): (wrong_body, {}),
    ("updateLayout", 404, 404): (gone, {}),
    ("updateLayout", 400, 1028): (wrong_body, {"settings": Settings(older_layout_code=True)}),
    ("updateLayout", 400, 432): (somebody_else, {}),
    ("stop", 206, 435): (no_data, {}),
    ("stop", 206, None): (slow_upload, {"settings": Settings(slow_stop_code=None)}),
    ("stop", 206, 50): (slow_upload, {}),
    ("stop", 400, 2): (wrong_body, {}),
    ("stop", 400, 49): (stopped_twice, {}),
    ("stop", 404, 404): (gone, {}),
    ("stop", 404, 501): (stopped_twice, {"settings": Settings(exiting_refused=True)}),
    ("stop", 400, 432): (somebody_else, {}),
    ("stop", 400, 1001): (unreadable, {}),
    ("stop", 400, 1003): (foreign_app, {}),
    ("ncsIp", 401, None): (wrong_credentials, {}),
}

ROWS: list[tuple[str, dict[str, Any]]] = [
    *(("any", row) for row in ERRORS["general"]),
    *((endpoint, row) for endpoint, rows in ERRORS["by_endpoint"].items() for row in rows),
]


def key_of(endpoint: str, row: dict[str, Any]) -> tuple[str, int, Any]:
    return endpoint, row["http"], row.get("message") if endpoint == "any" else row["code"]


def naturals() -> list[tuple[str, dict[str, Any]]]:
    return [(endpoint, row) for endpoint, row in ROWS if key_of(endpoint, row) in NATURAL]
