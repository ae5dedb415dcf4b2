"""What stands before the service: routes, credentials, App IDs, the log of calls."""

import base64

import httpx
import pytest

from agora_rec.emulator import Call, Emulator, Fate, Settings
from agora_rec.vocabulary import ModeName, OperationName
from tests.emulator.stage import EXAMPLES, JSON, NoAuth, example, said, set_stage
from tests.support.reference import load

pytestmark = pytest.mark.anyio

NO_ROUTE = (404, None, "no Route matched with those values")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/v1"),
        ("GET", "/v3/ncs/ip"),
        ("POST", "/v1/ncs/ip"),
        ("GET", "/v1/ncs/ip/"),
        ("GET", "{base}/acquire"),
        ("POST", "{base}/Acquire"),
        ("POST", "{base}/acquire/"),
        ("POST", "/us{base}/acquire"),
        ("POST", "/na/eu{base}/acquire"),
        ("POST", "/v1/apps//cloud_recording/acquire"),
        ("POST", "/v1/apps/x/cloud-recording/acquire"),
        ("POST", "{base}/resourceid//mode/mix/start"),
        ("POST", "{base}/resourceid/r/mode//start"),
        ("POST", "{base}/resourceid/r/mode/mix/stop"),
        ("GET", "{base}/resourceid/r/sid//mode/mix/query"),
        ("POST", "{base}/resourceid/r/sid/s/mode/mix/query"),
        ("POST", "{base}/resourceid/r/sid/s/mode/mix/updatelayout"),
        ("POST", "{base}/resourceid/r/sid//mode/mix/stop"),
        ("PUT", "{base}/resourceid/r/sid/s/mode/mix/stop"),
        ("DELETE", "{base}"),
    ],
)
async def test_other_methods_and_paths_have_no_route(method: str, path: str):
    async with set_stage() as stage:
        answer = await stage.http.request(method, path.replace("{base}", stage.base))
        assert said(answer) == NO_ROUTE
        [call] = stage.emulator.calls
        assert (call.operation, call.status, call.reason) == (None, 404, NO_ROUTE[2])


@pytest.mark.parametrize("region", ["na", "eu", "ap", "cn"])
async def test_a_service_region_may_stand_before_the_path_as_agoras_client_puts_it(region: str):
    assert f"/{region}" in load("hosts")["official_clients"]["python"]["path_prefix"]
    async with set_stage() as stage:
        body = {"cname": "c", "uid": "1", "clientRequest": {}}
        answer = await stage.http.post(f"/{region}{stage.base}/acquire", json=body)
        assert answer.status_code == 200
        assert stage.emulator.calls[0].host == "127.0.0.1"


async def test_parts_of_a_path_may_be_encoded():
    async with set_stage() as stage:
        recording = await stage.record()
        encoded = "".join(f"%{byte:02X}" for byte in recording.resource_id.encode())
        answer = await stage.http.get(
            f"{stage.base}/resourceid/{encoded}/sid/{recording.sid}/mode/mix/query?a=b"
        )
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !",
        "Basic größe",
        "Bearer " + base64.b64encode(b"emulated-customer:emulated-secret").decode(),
        "Basic " + base64.b64encode(b"emulated-customer:wrong").decode(),
        "Basic " + base64.b64encode(b"emulated-customer").decode(),
    ],
)
async def test_badly_built_credentials_are_wrong_ones(header: str):
    async with set_stage() as stage:
        stage.http.auth = NoAuth()
        headers = [(b"authorization", header.encode("latin-1"))]
        answer = await stage.http.get("/v1/ncs/ip", headers=httpx.Headers(headers))
        assert said(answer) == (401, None, "Invalid authentication credentials")


async def test_the_scheme_of_the_credentials_has_no_case():
    async with set_stage() as stage:
        stage.http.auth = NoAuth()
        encoded = base64.b64encode(b"emulated-customer:emulated-secret").decode()
        answer = await stage.http.get("/v1/ncs/ip", headers={"Authorization": f"basic {encoded}"})
        assert answer.status_code == 200


async def test_a_wrong_app_id_is_the_gateways_business_beyond_acquire():
    from agora_rec.emulator import AppIdRefusal  # noqa: PLC0415 - one test

    async with set_stage(Settings(app_id_refusal=AppIdRefusal.SERVICE)) as stage:
        stage.emulator.app_id = "other"
        assert said(await stage.acquire()) == (400, 400, "invalid_appid")
        assert said(await stage.start("r", {})) == (400, None, "appid is invalid")


async def test_a_second_is_over_after_a_second():
    async with set_stage(Settings(latency=0.0), qps=2) as stage:

        async def statuses() -> list[int]:
            return [(await stage.http.get("/v1/ncs/ip")).status_code for _ in range(3)]

        assert await statuses() == [200, 200, 429]
        stage.clock.pass_by(0.999)
        assert await statuses() == [429, 429, 429]
        stage.clock.pass_by(0.001)
        assert await statuses() == [200, 200, 429]
        assert stage.emulator.peak_calls_per_second == 6


async def test_the_log_holds_what_was_said_without_the_secrets():
    async with set_stage() as stage:
        request = example("start_web_rtmp")
        request["token"] = "channel-token"
        request["storageConfig"].update(accessKey="storage-key", secretKey="storage-secret")
        await stage.record("start_web_rtmp", request=request)
        start = stage.emulator.calls[1]
        assert (start.operation, start.mode, start.cname, start.uid) == (
            OperationName.START,
            ModeName.WEB,
            "class-42",
            "880011",
        )
        assert (start.status, start.code, start.fate) == (200, None, Fate.ANSWERED)
        assert start.body == {
            "cname": "class-42",
            "uid": "880011",
            "clientRequest": {
                **request,
                "token": "***",
                "storageConfig": {**request["storageConfig"], "accessKey": "***", "secretKey": "***"},
                "extensionServiceConfig": {
                    "extensionServices": [
                        request["extensionServiceConfig"]["extensionServices"][0],
                        {
                            **request["extensionServiceConfig"]["extensionServices"][1],
                            "serviceParam": {"outputs": [{"rtmpUrl": "***"}]},
                        },
                    ]
                },
            },
        }
        everything = repr(
            (stage.emulator, stage.emulator.calls, stage.emulator.sessions, stage.emulator.settings)
        )
        for secret in ("channel-token", "storage-", "rtmp://", "emulated-secret"):
            assert secret not in everything


@pytest.mark.parametrize("name", ["Token", "SECRETKEY", "accesskey", "salt", "stsToken"])
async def test_a_misspelt_name_hides_its_secret_too(name: str):
    async with set_stage() as stage:
        await stage.acquire({"startParameter": {name: "hush", "deep": [{name: ["hush"]}]}})
        assert "hush" not in repr(stage.emulator.calls)


@pytest.mark.parametrize("body", [b'"hush"', b"hush", b'["hush"]'])
async def test_a_body_that_is_no_object_is_not_kept(body: bytes):
    async with set_stage() as stage:
        await stage.post("/acquire", body)
        assert stage.emulator.calls[0].body == f"{len(body)} bytes, no JSON object"


async def test_a_body_where_none_belongs_is_not_kept():
    async with set_stage() as stage:
        await stage.http.request("GET", "/v1/ncs/ip", content=b"{}", headers=JSON)
        await stage.http.get("/v1/ncs/ip")
        assert [call.body for call in stage.emulator.calls] == ["2 bytes, no JSON object", None]


async def test_the_log_knows_whom_a_query_is_about():
    async with set_stage() as stage:
        recording = await stage.record()
        await stage.query(recording)
        await stage.http.get(f"{stage.base}/resourceid/forgotten/sid/{recording.sid}/mode/mix/query")
        await stage.http.get(f"{stage.base}/resourceid/forgotten/sid/unknown/mode/mix/query")
        known, half, unknown = stage.emulator.calls[2:]
        assert (known.cname, known.uid, known.resource_id, known.sid) == (
            "class-42",
            "880011",
            recording.resource_id,
            recording.sid,
        )
        assert (half.cname, half.uid, half.resource_id) == ("class-42", "880011", "forgotten")
        assert (unknown.cname, unknown.uid, unknown.sid) == (None, None, "unknown")


async def test_the_log_is_in_the_order_of_arrival():
    async with set_stage() as stage:
        for _ in range(3):
            await stage.acquire()
        calls = stage.emulator.calls
        assert [call.number for call in calls] == [1, 2, 3]
        assert [call.at for call in calls] == sorted(call.at for call in calls)
        assert all(isinstance(call, Call) for call in calls)
        assert calls[0].resource_id != calls[1].resource_id


async def test_the_sessions_tell_the_truth():
    async with set_stage() as stage:
        recording = await stage.record()
        stage.clock.pass_by(20)
        [running] = stage.emulator.running()
        assert (
            running.cname,
            running.uid,
            running.sid,
            running.resource_id,
            running.app_id,
            running.mode,
        ) == (
            "class-42",
            "880011",
            recording.sid,
            recording.resource_id,
            stage.emulator.app_id,
            ModeName.MIX,
        )
        assert (running.running, running.gone, running.ended_at, running.end_reason) == (
            True,
            False,
            None,
            None,
        )
        assert running.uploading_status is None
        await stage.stop(recording)
        assert stage.emulator.running() == ()
        [ended] = stage.emulator.sessions
        assert ended.ended_at is not None
        assert not ended.gone
        stage.clock.pass_by(10)
        assert stage.emulator.sessions[0].gone


def test_an_emulator_needs_nothing_but_itself():
    emulator = Emulator()
    assert (len(emulator.app_id), emulator.base_url) == (32, "http://127.0.0.1")
    assert emulator.sessions == ()
    assert emulator.channel("any").users == (11, 12)
    with pytest.raises(KeyError):
        emulator.life("none")


async def test_the_examples_of_the_reference_are_taken_as_they_are():
    async with set_stage() as stage:
        for name in ("acquire_rtc", "acquire_web"):
            assert (await stage.post("/acquire", EXAMPLES[name])).status_code == 200
