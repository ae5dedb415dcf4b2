"""The control API, over ASGI: the truth is read, users move, trouble is made, time passes."""

import json
from typing import Any
from urllib.parse import quote

import anyio
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount

from agora_rec.emulator import AcceleratedClock, ControlAccess, Emulator, Garble, Settings, SteppedClock
from agora_rec.emulator.control.endpoints import ENDPOINTS
from agora_rec.emulator.control.troubles import TROUBLES
from agora_rec.secret import MASK
from tests.emulator.control.desk import http_of, program, start_recording
from tests.emulator.stage import JSON, example, said
from tests.support.secrets import ACCESS_KEY, CUSTOMER_SECRET, SECRET_KEY

pytestmark = pytest.mark.anyio


async def test_it_says_itself_what_can_be_asked():
    async with program() as me:
        listed = (await me.http.get("/_emulator/api")).json()["endpoints"]
        assert (await me.http.get("/_emulator/api/")).json()["endpoints"] == listed
        assert len(listed) == len(ENDPOINTS)
        assert {"method": "GET", "path": "/_emulator/api/faults"}.items() <= listed[12].items()


async def test_recordings_are_listed_the_latest_first():
    async with program() as me:
        first = await me.stage.record(cname="a")
        second = await me.stage.record("start_individual", cname="b")
        me.stage.clock.pass_by(20)
        assert (await me.stage.stop(first)).status_code == 200
        me.stage.clock.pass_by(60)
        everything = await me.get("recordings")
        assert [each["sid"] for each in everything["recordings"]] == [second.sid, first.sid]
        assert everything["more"] is False
        ours, theirs = everything["recordings"]
        assert (ours["phase"], ours["mode"], ours["status"], ours["running"]) == (
            "recording",
            "individual",
            5,
            True,
        )
        assert (theirs["phase"], theirs["status"], theirs["end_reason"]) == ("gone", None, "stopped")
        assert theirs["uploading_status"] == "uploaded"
        assert theirs["files"] == list(me.emulator.sessions[0].files)

        async def sids(query: str) -> list[str]:
            return [each["sid"] for each in (await me.get(f"recordings?{query}"))["recordings"]]

        assert await sids("running=true") == [second.sid]
        assert await sids("running=false") == [first.sid]
        assert await sids("cname=a") == [first.sid]
        assert await sids("limit=1") == [second.sid]
        assert (await me.get("recordings?limit=1"))["more"] is True


async def test_one_recording_has_its_picture_and_its_history():
    async with program() as me:
        recording = await me.stage.record("start_mix_hls_mp4")
        assert (await me.get(f"recordings/{recording.sid}"))["phase"] == "starting"
        me.stage.clock.pass_by(20)
        me.emulator.channel(recording.cname).join(13, video=False)
        told = await me.get(f"recordings/{recording.sid}")
        picture = told["picture"]
        assert (picture["width"], picture["height"], picture["layout"]) == (1280, 720, "best_fit")
        assert [(tile["uid"], tile["video"]) for tile in picture["tiles"]] == [
            ("11", True),
            ("12", True),
            ("13", False),
        ]
        assert [each["what"] for each in told["history"]] == [
            "accepted",
            "ready",
            "first_slice",
            "first_playlist",
        ]
        assert told["history"][-1]["track_type"] == "audio_and_video"
        await me.stage.tell(recording, "updateLayout", example("updateLayout"))
        picture = (await me.get(f"recordings/{recording.sid}"))["picture"]
        assert (picture["layout"], picture["background_color"]) == ("custom", "#203040")
        assert picture["tiles"][1]["alpha"] == 0.9
        await me.stage.stop(recording)
        told = await me.get(f"recordings/{recording.sid}")
        assert (told["phase"], told["picture"]) == ("exiting", None)


async def test_what_was_never_there_is_not_found():
    async with program() as me:
        for path in ("recordings/nobody", "calls/7", "nothing", "recordings/a/b/c"):
            told = await me.ask("GET", path, status=404)
            assert told["error"] == "not_found"
        answer = await me.http.get("/_emulator/elsewhere")
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


async def test_a_page_that_pauses_is_on_hold():
    async with program() as me:
        recording = await me.stage.record("start_web_rtmp")
        me.stage.clock.pass_by(20)
        assert (await me.get(f"recordings/{recording.sid}"))["phase"] == "on_hold"


async def test_the_server_of_a_recording_is_lost_on_demand():
    async with program() as me:
        recording = await me.stage.record()
        path = f"recordings/{recording.sid}/failover"
        refused = await me.ask("POST", path, {}, status=409)
        assert (refused["error"], "not ready yet" in refused["message"]) == ("conflict", True)
        me.stage.clock.pass_by(20)
        told = await me.ask("POST", path, {"seconds": 30, "new_uid": "77", "old_reports": True})
        assert (told["new_uid"], told["phase"], told["instance_uid"]) == (77, "moving", "880011")
        assert said(await me.stage.query(recording))[0] == 404
        me.stage.clock.pass_by(31)
        assert (await me.get(f"recordings/{recording.sid}"))["instance_uid"] == "77"
        await me.ask("POST", path)  # all of it has defaults


async def test_every_wrong_field_is_named():
    async with program() as me:
        recording = await me.stage.record()
        body = {"seconds": 91, "new_uid": 0, "old_reports": "perhaps", "spare": None}
        wrong = await me.wrong("POST", f"recordings/{recording.sid}/failover", body)
        assert wrong == ["spare", "seconds", "new_uid", "old_reports"]
        assert await me.wrong("PUT", "channels/a%2Fb/users/0?x=1", {"audio": 1}) == [
            "cname",
            "uid",
            "x",
            "audio",
        ]
        assert await me.wrong("GET", "calls?limit=1001&since=-1&before=x") == ["since", "before", "limit"]
        assert await me.wrong("GET", "calls?limit=1&limit=2&since=1&since=2") == ["limit", "since"]
        assert await me.wrong("POST", "clock/advance") == ["seconds"]
        assert await me.wrong("GET", "calls?" + "&".join(["a=1"] * 51)) == [""]
        assert await me.wrong("POST", "faults", {"fault": ["delay"], "times": 0}) == ["fault", "times"]
        assert await me.wrong("POST", "health-check", {"event_types": list(range(51))}) == ["event_types"]
        assert await me.wrong("POST", "faults", {"fault": "cut", "host": ""}) == ["host"]
        assert await me.wrong("POST", "health-check", {"event_types": 41}) == ["event_types"]


@pytest.mark.parametrize("seconds", ["x", True, float("1e9"), -1, [1], "7"])
async def test_seconds_are_a_number_in_their_range(seconds: object):
    async with program() as me:
        assert await me.wrong("POST", "clock/advance", {"seconds": seconds}) == ["seconds"]


@pytest.mark.parametrize(
    ("content", "headers", "path"),
    [
        (b"{}", {"content-type": "text/plain"}, "Content-Type"),
        (b"{}", {}, "Content-Type"),
        (b"{", JSON, ""),
        (b"[]", JSON, ""),
        (b'{"seconds": NaN}', JSON, ""),
        (b"[" * 3000, JSON, ""),
    ],
)
async def test_a_body_is_a_json_object(content: bytes, headers: dict[str, str], path: str):
    async with program() as me:
        assert await me.wrong("POST", "faults", content=content, headers=headers) == [path]


async def test_a_body_is_of_a_bounded_size():
    async with program() as me:
        told = await me.ask("POST", "faults", status=413, content=b" " * 65_537, headers=JSON)
        assert told["error"] == "too_large"


async def test_another_method_is_told_which_ones_there_are():
    async with program() as me:
        answer = await me.http.put("/_emulator/api/faults")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST, DELETE")
        assert answer.json()["error"] == "wrong_method"


async def test_calls_are_listed_newest_first_and_in_pages():
    async with program() as me:
        for number in range(5):
            await me.stage.acquired(cname=f"c{number}")

        async def numbers(query: str) -> tuple[list[int], bool]:
            told = await me.get(f"calls?{query}")
            return [each["number"] for each in told["calls"]], told["more"]

        assert await numbers("") == ([5, 4, 3, 2, 1], False)
        assert await numbers("limit=2") == ([5, 4], True)
        assert await numbers("limit=2&before=4") == ([3, 2], True)
        assert await numbers("limit=2&before=2") == ([1], False)
        assert await numbers("since=3") == ([5, 4], False)
        assert await numbers("since=5") == ([], False)
        call = (await me.get("calls"))["calls"][0]
        assert (call["operation"], call["cname"], call["status"], call["fate"]) == (
            "acquire",
            "c4",
            200,
            "answered",
        )
        assert call["seconds"] == 0.01
        assert "body" not in call


async def test_one_call_has_its_body_without_secrets():
    async with program() as me:
        request = example("start_mix_hls")
        request["storageConfig"] |= {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}
        await me.stage.record(request=request)
        body = (await me.get("calls/2"))["body"]
        assert body["cname"] == "class-42"
        assert body["clientRequest"]["storageConfig"]["secretKey"] == MASK
        assert body["clientRequest"]["token"] == MASK


async def test_what_callers_made_up_is_cut_in_lists():
    async with program() as me:
        await me.stage.acquire(cname="x" * 5000)
        call = (await me.get("calls"))["calls"][0]
        assert len(call["cname"]) == 1025
        assert call["status"] == 400


async def test_notices_are_listed_without_secrets():
    async with program() as me:
        await me.stage.record("start_web_rtmp")
        me.stage.clock.pass_by(60)
        notices = (await me.get("notices"))["notices"]
        assert notices[-1]["number"] == 1
        assert {"recorder_started", "rtmp_publish_status"} & {each["event"] for each in notices}
        (push, *_) = [each for each in notices if each["event_type"] == 100]
        assert push["details"]["rtmpUrl"] == MASK


async def test_users_come_send_something_else_and_go():
    async with program() as me:
        assert await me.get("channels") == {"channels": [], "more": False}
        told = await me.get("channels/class%201")
        assert [user["uid"] for user in told["users"]] == ["11", "12"]
        await me.ask("PUT", "channels/class%201/users/13")
        told = await me.ask(
            "PUT", "channels/class%201/users/11", {"video": False, "host": False, "webm": True}
        )
        assert told["users"] == [
            {"uid": "11", "audio": True, "video": False, "host": False, "webm": True},
            {"uid": "12", "audio": True, "video": True, "host": True, "webm": False},
            {"uid": "13", "audio": True, "video": True, "host": True, "webm": False},
        ]
        told = await me.ask("PATCH", "channels/class%201/users/12", {"audio": False})
        assert told["users"][1] == {"uid": "12", "audio": False, "video": True, "host": True, "webm": False}
        told = await me.ask("PATCH", "channels/class%201/users/12", {"audio": True, "video": False})
        assert told["users"][1] == {"uid": "12", "audio": True, "video": False, "host": True, "webm": False}
        told = await me.ask("PATCH", "channels/class%201/users/99", {"audio": True}, status=404)
        assert told["message"] == "99 is not in this channel"
        told = await me.ask("DELETE", "channels/class%201/users/12")
        assert [user["uid"] for user in told["users"]] == ["11", "13"]
        assert me.emulator.channel("class 1").users == (11, 13)
        told = await me.ask("DELETE", "channels/class%201/users")
        assert told == {"cname": "class 1", "users": []}
        await me.get("channels/other")
        listed = await me.get("channels?limit=1")
        assert ([each["cname"] for each in listed["channels"]], listed["more"]) == (["other"], True)


async def test_an_empty_channel_ends_a_recording():
    async with program() as me:
        recording = await me.stage.record()
        me.stage.clock.pass_by(20)
        await me.ask("DELETE", f"channels/{recording.cname}/users")
        me.stage.clock.pass_by(400)
        assert (await me.get(f"recordings/{recording.sid}"))["end_reason"] == "idle"


SAMPLES: dict[str, dict[str, Any]] = {
    "delay": {"seconds": 3},
    "slow_answer": {"seconds": 3.5},
    "lose_answer": {"seconds": 1},
    "cut": {"seconds": 1},
    "unreachable": {},
    "refuse": {"status": 503, "code": 62, "reason": "busy", "message": "no", "acted": True},
    "garble": {"data": "<html>", "status": 502, "content_type": "text/html"},
    "upload": {"seconds": 30, "backuped": True},
}


def test_there_is_a_sample_of_every_fault():
    assert set(SAMPLES) == set(TROUBLES)


@pytest.mark.parametrize("name", SAMPLES)
async def test_every_fault_can_be_injected_and_is_shown_as_it_was_given(name: str):
    where = {"operation": "stop", "cname": "c", "uid": 7, "host": "api.agora.io", "times": "ever"}
    async with program() as me:
        await me.ask("POST", "faults", {"fault": name, **SAMPLES[name], **where})
        (waiting,) = (await me.get("faults"))["faults"]
        assert waiting == {"fault": name, **SAMPLES[name], **where, "uid": "7", "times": None}
        assert await me.ask("DELETE", "faults") == {"faults": []}


async def test_a_fault_has_the_defaults_of_its_kind():
    async with program() as me:
        told = await me.ask("POST", "faults", {"fault": "garble", "data": ""})
        (waiting,) = told["faults"]
        assert (waiting["status"], waiting["content_type"], waiting["times"]) == (200, "application/json", 1)


async def test_a_fault_takes_only_its_own_fields():
    async with program() as me:
        assert await me.wrong("POST", "faults", {"fault": "delay", "status": 503}) == ["status", "seconds"]
        assert await me.wrong("POST", "faults", {"fault": "fire", "seconds": 1}) == ["seconds", "fault"]


@pytest.mark.parametrize("text", ["\N{EURO SIGN}", "a\nb: c", "\x00", " ", ""])
async def test_a_fault_has_no_content_type_that_can_not_be_sent(text: str):
    async with program() as me:
        body = {"fault": "garble", "data": "x", "content_type": text}
        assert await me.wrong("POST", "faults", body) == ["content_type"]
    with pytest.raises(ValueError, match="content_type"):
        Garble(b"x", content_type=text)


@pytest.mark.parametrize(
    ("query", "wrong"),
    [("running=yes", "running"), ("running=", "running"), ("limit=", "limit"), ("limit=007", "limit")],
)
async def test_a_query_string_is_read_as_strictly_as_it_is_described(query: str, wrong: str):
    async with program() as me:
        assert await me.wrong("GET", f"recordings?{query}") == [wrong]


async def test_a_fault_happens_to_the_calls_that_fit():
    async with program() as me:
        body = {
            "fault": "refuse",
            "status": 503,
            "code": 62,
            "operation": "acquire",
            "cname": "b",
            "times": 1,
        }
        await me.ask("POST", "faults", body)
        assert said(await me.stage.acquire(cname="a"))[0] == 200
        assert said(await me.stage.acquire(cname="b"))[:2] == (503, 62)
        assert said(await me.stage.acquire(cname="b"))[0] == 200
        assert await me.get("faults") == {"faults": []}


async def notebook(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


async def test_deliveries_are_listed_and_the_receiver_is_tried():
    clock = SteppedClock()
    emulator = Emulator(webhooks_to=notebook, clock=clock, settings=Settings(latency=0))
    async with http_of(emulator) as http:
        await http.put("/_emulator/api/channels/c/users/7")
        told = (await http.get("/_emulator/api/deliveries")).json()
        assert told == {"receiver": True, "deliveries": [], "more": False}
        answer = await http.post("/_emulator/api/health-check", json={"event_types": [41, 31]})
        told = answer.json()
        assert told["healthy"] is True
        assert [(each["event_type"], each["code"]) for each in told["checks"]] == [(41, 200), (31, 200)]
        await start_recording(emulator)
        async with emulator.delivering():
            await http.post("/_emulator/api/clock/advance", json={"seconds": 10})
            await emulator.settled()
        told = (await http.get("/_emulator/api/deliveries?limit=1")).json()
        (latest,) = told["deliveries"]
        assert latest["state"] == "delivered"
        assert [each["status"] for each in latest["attempts"]] == [200]


async def test_without_a_receiver_there_is_nothing_to_try():
    async with program() as me:
        refused = await me.ask("POST", "health-check", {}, status=409)
        assert "--webhooks-to" in refused["message"]


async def test_a_clock_that_is_not_the_emulators_own_can_not_be_moved():
    async with program() as me:
        told = await me.get("clock")
        assert (told["dial"], told["movable"]) == ("own", False)
        assert told["now"] == "2026-05-28T20:40:00.000+00:00"
        assert (await me.ask("POST", "clock/advance", {"seconds": 1}, status=409))["error"] == "conflict"
    async with http_of(Emulator()) as http:
        assert (await http.get("/_emulator/api/clock")).json()["dial"] == "real"


@pytest.mark.parametrize(
    ("clock", "dial"),
    [(SteppedClock(), "stepped"), (AcceleratedClock(), "real"), (AcceleratedClock(60), "accelerated")],
)
async def test_a_dial_says_how_it_runs(clock: SteppedClock, dial: str):
    async with http_of(Emulator(clock=clock)) as http:
        told = (await http.get("/_emulator/api/clock")).json()
        assert (told["dial"], told["speed"], told["movable"]) == (dial, clock.speed, True)


async def test_a_stepped_clock_takes_everybody_along_before_the_answer_comes():
    clock = SteppedClock()
    emulator = Emulator(clock=clock)
    woken: list[float] = []

    async def every_minute() -> None:
        while True:
            await clock.sleep(60)
            woken.append(clock.monotonic())

    async with http_of(emulator) as http, anyio.create_task_group() as tasks:
        tasks.start_soon(every_minute)
        await anyio.wait_all_tasks_blocked()
        answer = await http.post("/_emulator/api/clock/advance", json={"seconds": 185})
        assert answer.json()["now"] == "2026-01-01T00:03:05.000+00:00"
        assert woken == [60, 120, 180]
        tasks.cancel_scope.cancel()


async def test_no_answer_has_a_secret():
    async with program(
        customer_secret=CUSTOMER_SECRET,
        webhooks_to="https://example.org/hook?token=t0ken",
        webhook_secret=SECRET_KEY,
    ) as me:
        request = example("start_mix_hls")
        request["storageConfig"] |= {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}
        recording = await me.stage.record(request=request)
        me.stage.clock.pass_by(20)
        paths = ["clock", "calls", "calls/1", "calls/2", "recordings", f"recordings/{recording.sid}"]
        paths += ["notices", "deliveries", "channels", "faults", ""]
        said_of_all = [(await me.http.get(f"/_emulator/api/{path}")).text for path in paths]
        said_of_all.append((await me.http.get("/_emulator/")).text)
        for text in said_of_all:
            for secret in (CUSTOMER_SECRET, ACCESS_KEY, SECRET_KEY, "t0ken"):
                assert secret not in text


async def test_it_works_wherever_the_application_is_mounted():
    emulator = Emulator()
    application = Starlette(routes=[Mount("/agora", app=emulator.app)])
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(base_url="http://127.0.0.1", transport=transport) as http:
        told = (await http.get("/agora/_emulator/api/clock")).json()
        assert told["dial"] == "real"
        answer = await http.get("/agora/_emulator")
        assert (answer.status_code, str(answer.next_request and answer.next_request.url)) == (
            308,
            "http://127.0.0.1/agora/_emulator/",
        )


async def test_switched_off_it_is_not_there():
    emulator = Emulator(control=ControlAccess.OFF)
    async with http_of(emulator) as http:
        answer = await http.get("/_emulator/api/clock")
    assert said(answer) == (404, None, "no Route matched with those values")
    assert emulator.calls[0].path == "/_emulator/api/clock"


async def test_what_it_is_asked_is_no_call_of_the_service():
    async with program() as me:
        await me.get("calls")
        await me.get("clock")
        assert me.emulator.calls == ()
        assert (await me.stage.http.get("/_emulatorx")).status_code == 404
        assert len(me.emulator.calls) == 1


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = sorted({each.name for endpoint in ENDPOINTS for each in endpoint.fields} | {"status", "data", "x"})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    endpoint=st.sampled_from(ENDPOINTS),
    place=st.text(max_size=12),
    body=st.dictionaries(st.sampled_from(NAMES), JSON_VALUES, max_size=5),
    query=st.text(max_size=20),
)
async def test_junk_gets_an_answer_that_says_so(endpoint: Any, place: str, body: dict[str, Any], query: str):
    async with program() as me:
        path = endpoint.path
        for field in endpoint.places:
            path = path.replace("{" + field.name + "}", quote(place, safe="") or "-")
        url = f"/_emulator/api/{path}?{quote(query, safe='=&')}"
        content = None if endpoint.method == "GET" else json.dumps(body)
        answer = await me.http.request(endpoint.method, url, content=content, headers=JSON)
        assert answer.status_code in {200, 400, 404, 405, 409}
        assert isinstance(answer.json(), dict)
