"""Random programmes of calls, made of the emulator's description: recordings begin, and anything is asked."""

import json
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import quote

import httpx
from attrs import define, field

from agora_rec.emulator import Emulator
from agora_rec.emulator.app import AsgiApp
from tests.emulator.stage import JumpClock
from tests.schema.generation import Chance, Maker
from tests.schema.judge import Answered, Asked, Judge
from tests.schema.validation import Document, Schema

DESCRIPTION: Final = "/_emulator/openapi.json"
LOCAL: Final = ("127.0.0.1", 4711)
_STORAGE: Final = {"vendor": 1, "region": 0, "bucket": "b", "accessKey": "a", "secretKey": "s"}
_PAGE: Final = {
    "serviceName": "web_recorder_service",
    "serviceParam": {
        "url": "https://example.org/board",
        "audioProfile": 0,
        "videoWidth": 640,
        "videoHeight": 360,
        "maxRecordingHour": 1,
    },
}
_ANYWAY: Final = {"storageConfig": _STORAGE, "recordingFileConfig": {"avFileType": ["hls"]}}
PLAIN: Final[Mapping[str, Any]] = {
    "individual": {"recordingConfig": {"channelType": 0, "subscribeUidGroup": 0}, **_ANYWAY},
    "mix": {"recordingConfig": {"channelType": 0}, **_ANYWAY},
    "web": {"extensionServiceConfig": {"extensionServices": [_PAGE]}, **_ANYWAY},
}
"""What each mode needs to begin, with whatever settings."""
WHO: Final = {"cname": "class-42", "uid": "880011"}
_LOOKS: Final = 4
"""How much oftener recordings are looked at and changed than all else is asked."""
_ODD: Final = 15
"""One place in so many holds something else than what is there."""
_OK: Final = 200


async def receiver(scope: Any, receive: Any, send: Any) -> None:
    """Somebody who takes every notification."""
    await receive()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


class MisjudgedError(AssertionError):
    """An answer isn't what the description says of it, or a question wasn't judged as it says."""


@define
class Caller:
    """Asks an emulator, and has every answer judged by a description."""

    emulator: Emulator
    http: httpx.AsyncClient
    judge: Judge
    tally: Counter[tuple[str, int]] = field(factory=Counter[tuple[str, int]])
    slowest: tuple[float, str] = (0.0, "")
    """Seconds, and what was asked."""

    @property
    def operations(self) -> dict[str, tuple[str, str, Schema]]:
        """Everything that can be asked: the method, the path, what is told of it."""
        paths: dict[str, dict[str, Schema]] = self.judge.document.content["paths"]
        return {
            told["operationId"]: (method, path, told)
            for path, item in paths.items()
            for method, told in item.items()
        }

    async def ask(
        self,
        name: str,
        places: Mapping[str, str],
        body: object = None,
        query: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Ask one thing, by its operation ID.

        Raises:
            MisjudgedError: the description says something else.
        """
        method, path, told = self.operations[name]
        for place, value in places.items():
            path = path.replace(f"{{{place}}}", quote(value, safe=""))
        who = httpx.BasicAuth(self.emulator.customer_id, self.emulator.customer_secret)
        request = self.http.build_request(
            method,
            httpx.URL(self.emulator.base_url).copy_with(raw_path=path.encode()),
            content=None if body is None else json.dumps(body),
            headers={} if body is None else {"content-type": "application/json"},
        )
        request.url = request.url.copy_merge_params(query or {})
        began = time.monotonic()
        answer = await self.http.send(request, auth=who if told["security"] else None)
        self.slowest = max(self.slowest, (time.monotonic() - began, name))
        asked = Asked(
            method=method.upper(),
            path=path,
            query=request.url.query.decode(),
            headers=request.headers,
            body=request.content,
        )
        faults = self.judge.faults(asked, Answered(answer.status_code, answer.headers, answer.content))
        if faults:
            raise MisjudgedError(
                f"{name} {asked.path}?{asked.query} {asked.body!r} -> {answer.text}: {faults}"
            )
        self.tally[name, answer.status_code] += 1
        return answer


@asynccontextmanager
async def caller(
    wrap: Callable[[AsgiApp], AsgiApp] = lambda app: app, **options: Any
) -> AsyncGenerator[Caller]:
    """A caller of a new emulator, who has read its description; `wrap` may put something before it."""
    emulator = Emulator(clock=JumpClock(), qps=None, **{"webhooks_to": receiver, **options})
    transport = httpx.ASGITransport(wrap(emulator.app), client=LOCAL)
    async with httpx.AsyncClient(transport=transport, base_url=emulator.base_url) as http:
        document = Document((await http.get(DESCRIPTION)).json())
        yield Caller(emulator, http, Judge(document))


async def play(me: Caller, chance: Chance, steps: int = 6) -> None:
    """Begin a recording, as oddly as the description allows, and ask anything about it."""
    make = Maker(chance, me.judge.document).make
    mode = chance.pick(sorted(PLAIN))
    places = {"appid": me.emulator.app_id, **WHO, "number": "1"}
    await me.ask("acquire", places, _body(me, chance, make, "acquire"))
    scene = {"scene": 1} if mode == "web" else {}
    acquired = await me.ask("acquire", places, {**WHO, "clientRequest": scene})
    places["resourceid"] = acquired.json()["resourceId"]
    started = await me.ask(f"start_{mode}", places, _body(me, chance, make, f"start_{mode}"))
    if started.status_code != _OK:
        started = await me.ask(f"start_{mode}", places, {**WHO, "clientRequest": PLAIN[mode]})
    places["sid"] = started.json()["sid"]
    names = [name for name in me.operations if name.rpartition("_")[2] not in {*PLAIN} - {mode}]
    names += [name for name in names if name.startswith(("query", "update"))] * _LOOKS
    for _ in range(steps):
        await _step(me, chance, make, chance.pick(names), places)


Make = Callable[[Schema], Any]


async def _step(me: Caller, chance: Chance, make: Make, name: str, places: Mapping[str, str]) -> None:
    await me.emulator.clock.sleep(chance.pick((0, 0, 1, 3, 20, 90, 400)))
    _, _, told = me.operations[name]
    known = dict(places)
    query: dict[str, str] = {}
    for each in told.get("parameters", ()):
        if each["in"] == "query" and chance.seldom(2):
            query[each["name"]] = _as_text(make(each["schema"]))
        elif chance.seldom(_ODD):
            known[each["name"]] = _as_text(make(each["schema"])) or "0"
    await me.ask(name, known, _body(me, chance, make, name), query)
    me.emulator.clear_faults()  # what they do is no description's business


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _body(me: Caller, chance: Chance, make: Make, name: str) -> Any:
    """A body for that call, as a rule about the recording that there is."""
    _, _, told = me.operations[name]
    if "requestBody" not in told:
        return None
    ((_, content),) = told["requestBody"]["content"].items()
    body = make(content["schema"])
    if isinstance(body, dict) and "clientRequest" in body and not chance.seldom(_ODD):
        return {**body, **WHO}
    return body
