"""The judge itself: mistakes are planted in what is answered, and it must see each of them."""

from typing import Any

import pytest
from attrs import evolve

from agora_rec.emulator.app import AsgiApp
from tests.schema.judge import Answered, Asked, Judge
from tests.schema.programme import PLAIN, WHO, Caller, MisjudgedError, caller
from tests.schema.validation import Document

JSON = {"content-type": "application/json"}
ANSWER = {
    "description": "a thing",
    "headers": {"X-Number": {"required": True, "schema": {"type": "string", "pattern": "^[0-9]+$"}}},
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
        }
    },
}
THING = {
    "operationId": "thing",
    "tags": ["control"],
    "security": [{"customer": []}],
    "parameters": [
        {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}},
        {"name": "full", "in": "query", "required": False, "schema": {"type": "boolean"}},
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
            }
        },
    },
    "responses": {"200": ANSWER, "400": {"description": "no", "content": ANSWER["content"]}},
}
JUDGE = Judge(Document({"paths": {"/things/{id}": {"post": THING}}, "components": {}}))
ASKED = Asked("POST", "/things/7", "full=true", {**JSON, "authorization": "Basic x"}, b'{"a":"b"}')
GOOD = Answered(200, {**JSON, "x-number": "12"}, b'{"id":1}')
REFUSED = Answered(400, JSON, b'{"id":1,"error":"invalid_request"}')


def test_a_good_answer_is_good():
    assert JUDGE.faults(ASKED, GOOD) == []


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (evolve(GOOD, status=500), "no answer 500 is described"),
        (evolve(GOOD, status=204), "no answer 204 is described"),
        (evolve(GOOD, headers=JSON), "its header X-Number is None"),
        (evolve(GOOD, headers={**JSON, "x-number": "1x"}), "its header X-Number is '1x'"),
        (evolve(GOOD, headers={"x-number": "1", "content-type": "text/html"}), "its Content-Type"),
        (evolve(GOOD, body=b"<html>"), "its body is no JSON"),
        (evolve(GOOD, body=b'{"id":NaN}'), "its body is no JSON"),
        (evolve(GOOD, body=b'{"id":"1"}'), "its body is wrong: $.id type"),
        (evolve(GOOD, body=b'{"id":1.0}'), "its body is wrong: $.id type"),
        (evolve(GOOD, body=b"{}"), "its body is wrong: $ required"),
        (REFUSED, "refused, though it is right"),
    ],
)
def test_a_wrong_answer_is_seen(answer: Answered, fault: str):
    (found,) = JUDGE.faults(ASKED, answer)
    assert found.startswith(fault)


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        (evolve(ASKED, path="/things/0"), "id is wrong"),
        (evolve(ASKED, path="/things/x"), "id is wrong"),
        (evolve(ASKED, path="/things/07"), "id is wrong"),
        (evolve(ASKED, query="full=maybe"), "full is wrong"),
        (evolve(ASKED, query="fill=true"), "fill isn't known"),
        (evolve(ASKED, headers=JSON), "no credentials"),
        (evolve(ASKED, headers={**ASKED.headers, "content-type": "text/plain"}), "its Content-Type is wrong"),
        (evolve(ASKED, body=b""), "no body"),
        (evolve(ASKED, body=b"{"), "its body is no JSON"),
        (evolve(ASKED, body=b'{"a":1}'), "$.a type"),
        (evolve(ASKED, body=b"{}"), "$ required"),
    ],
)
def test_a_wrong_question_may_be_refused_and_not_accepted(asked: Asked, wrong: str):
    assert JUDGE.faults(asked, REFUSED) == []
    assert JUDGE.faults(asked, GOOD) == [f"200, though it is wrong: {wrong}"]


def test_what_is_not_described_may_be_refused_and_may_not_break():
    elsewhere = evolve(ASKED, path="/things/7/more")
    assert JUDGE.faults(elsewhere, evolve(GOOD, status=404)) == []
    assert JUDGE.faults(evolve(ASKED, method="GET"), evolve(GOOD, status=500)) == [
        "500 to what isn't described"
    ]


def test_a_refusal_for_what_no_schema_can_say_is_no_fault():
    said = b'{"id":1,"code":2,"reason":"Start: invalid recordingConfig.transcodingConfig.width value!"}'
    assert JUDGE.faults(ASKED, evolve(REFUSED, body=said)) == []
    (fault,) = JUDGE.faults(ASKED, evolve(REFUSED, body=said.replace(b"width", b"fps")))
    assert fault.startswith("refused, though it is right")


def spoilt(app: AsgiApp, path_end: str, change: Any) -> AsgiApp:
    """An emulator with a mistake in some of its answers: `change` makes another body of a body."""

    async def spoiling(scope: Any, receive: Any, send: Any) -> None:
        began: dict[str, Any] = {}

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                began.update(message)
                return
            body = change(message["body"])
            kept = [pair for pair in began["headers"] if pair[0] != b"content-length"]
            await send({**began, "headers": [*kept, (b"content-length", str(len(body)).encode())]})
            await send({**message, "body": body})

        await app(scope, receive, sending if scope["path"].endswith(path_end) else send)

    return spoiling


def boom(_: bytes) -> bytes:
    raise ZeroDivisionError


async def begin(me: Caller) -> None:
    """A recording that is looked at."""
    places = {"appid": me.emulator.app_id}
    acquired = await me.ask("acquire", places, {**WHO, "clientRequest": {}})
    places["resourceid"] = acquired.json()["resourceId"]
    started = await me.ask("start_mix", places, {**WHO, "clientRequest": PLAIN["mix"]})
    await me.ask("query_mix", {**places, "sid": started.json()["sid"]})


@pytest.mark.anyio
async def test_a_recording_is_looked_at_without_a_fault():
    async with caller() as me:
        await begin(me)
        assert me.tally == {("acquire", 200): 1, ("start_mix", 200): 1, ("query_mix", 200): 1}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b'"status":', b'"state":', "$.serverResponse"),
        (b'"status":0', b'"status":"0"', "$.serverResponse"),
        (b'"uid":"', b'"uid":"0', "$.uid pattern"),
    ],
)
async def test_a_mistake_in_an_answer_of_the_emulator_is_seen(old: bytes, new: bytes, fault: str):
    async with caller(lambda app: spoilt(app, "/query", lambda body: body.replace(old, new))) as me:
        with pytest.raises(MisjudgedError) as seen:
            await begin(me)
        assert fault in str(seen.value)


@pytest.mark.anyio
async def test_an_endpoint_that_raises_is_seen():
    async with caller(lambda app: spoilt(app, "/query", boom)) as me:
        with pytest.raises(ZeroDivisionError):
            await begin(me)
