"""A stage for tests of the emulator: plain httpx calls against it, on a clock that jumps over every wait."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import anyio.lowlevel
import httpx
from attrs import define, field

from agora_rec.emulator import Emulator, Settings
from tests.support.reference import load

EXAMPLES: Mapping[str, str] = load("requests")["examples"]
JSON = {"content-type": "application/json"}


@define
class JumpClock:
    """A clock that nobody waits for: sleeping moves it. For calls that come one after another."""

    moment: datetime = datetime(2026, 5, 28, 20, 40, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.pass_by(seconds)
        await anyio.lowlevel.checkpoint()

    def move_on_after(self, seconds: float | None) -> AbstractContextManager[anyio.CancelScope]:
        return anyio.CancelScope()

    def pass_by(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@define
class HandClock(JumpClock):
    """A clock that moves only when the test moves it; sleepers and scopes wait for that."""

    _moved: anyio.Event = field(factory=anyio.Event, init=False)
    _scopes: list[tuple[datetime, anyio.CancelScope]] = field(
        factory=list[tuple[datetime, anyio.CancelScope]], init=False
    )

    async def sleep(self, seconds: float) -> None:
        wake = self.moment + timedelta(seconds=seconds)
        await anyio.lowlevel.checkpoint()
        while self.moment < wake:
            await self._moved.wait()

    def move_on_after(self, seconds: float | None) -> AbstractContextManager[anyio.CancelScope]:
        scope = anyio.CancelScope()
        if seconds is not None:
            self._scopes.append((self.moment + timedelta(seconds=seconds), scope))
        return scope

    def pass_by(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        self._moved.set()
        self._moved = anyio.Event()
        for end, scope in self._scopes:
            if end <= self.moment:
                scope.cancel()
        self._scopes = [(end, scope) for end, scope in self._scopes if end > self.moment]

    async def advance(self, seconds: float) -> None:
        """Let this time pass in steps of a second at most, and each time whatever wakes up come to rest.

        Not beside uvicorn: on asyncio anyio looks every 0.1 s whether all rest, and uvicorn never does then.
        """
        while seconds > 0:
            await anyio.wait_all_tasks_blocked()
            self.pass_by(min(seconds, 1.0))
            seconds -= 1.0
        await anyio.wait_all_tasks_blocked()


def example(name: str) -> dict[str, Any]:
    """The clientRequest of one of the reference's examples."""
    body: dict[str, Any] = json.loads(EXAMPLES[name])["clientRequest"]
    return body


@define
class Started:
    """A recording that was started over HTTP."""

    resource_id: str
    sid: str
    mode: str
    cname: str
    uid: str


class NoAuth(httpx.Auth):
    """Nothing at all; httpx's `auth` attribute takes no None."""


@define
class Stage:
    emulator: Emulator
    http: httpx.AsyncClient
    clock: JumpClock = field(factory=JumpClock)

    @property
    def base(self) -> str:
        return f"/v1/apps/{self.emulator.app_id}/cloud_recording"

    async def post(self, path: str, body: object, **options: Any) -> httpx.Response:
        content = body if isinstance(body, str | bytes) else json.dumps(body)
        return await self.http.post(self.base + path, content=content, **{"headers": JSON, **options})

    async def acquire(
        self, request: object = None, *, cname: object = "class-42", uid: object = "880011"
    ) -> httpx.Response:
        return await self.post("/acquire", {"cname": cname, "uid": uid, "clientRequest": request or {}})

    async def acquired(self, request: object = None, **who: str) -> str:
        answer = await self.acquire(request, **who)
        assert answer.status_code == 200, answer.text
        resource_id: str = answer.json()["resourceId"]
        return resource_id

    async def start(
        self,
        resource_id: str,
        request: object,
        *,
        mode: str = "mix",
        cname: object = "class-42",
        uid: object = "880011",
        **options: Any,
    ) -> httpx.Response:
        return await self.post(
            f"/resourceid/{resource_id}/mode/{mode}/start",
            {"cname": cname, "uid": uid, "clientRequest": request},
            **options,
        )

    async def record(
        self,
        name: str = "start_mix_hls",
        *,
        mode: str | None = None,
        cname: str = "class-42",
        uid: str = "880011",
        acquire: dict[str, Any] | None = None,
        request: object = None,
    ) -> Started:
        """Acquire and start, by one of the reference's examples."""
        mode = mode or {"mix": "mix", "web": "web"}.get(
            name.partition("_")[2].partition("_")[0], "individual"
        )
        scene = {"scene": 1} if mode == "web" else {}
        resource_id = await self.acquired({**scene, **(acquire or {})}, cname=cname, uid=uid)
        answer = await self.start(
            resource_id, example(name) if request is None else request, mode=mode, cname=cname, uid=uid
        )
        assert answer.status_code == 200, answer.text
        return Started(resource_id, answer.json()["sid"], mode, cname, uid)

    def path_of(self, recording: Started, verb: str) -> str:
        return f"/resourceid/{recording.resource_id}/sid/{recording.sid}/mode/{recording.mode}/{verb}"

    async def query(self, recording: Started) -> httpx.Response:
        return await self.http.get(self.base + self.path_of(recording, "query"))

    async def tell(
        self, recording: Started, verb: str, request: object = None, **who: object
    ) -> httpx.Response:
        """One of update, updateLayout and stop."""
        body = {"cname": recording.cname, "uid": recording.uid, "clientRequest": request or {}, **who}
        return await self.post(self.path_of(recording, verb), body)

    async def stop(self, recording: Started, **request: object) -> httpx.Response:
        return await self.tell(recording, "stop", request)


@asynccontextmanager
async def set_stage(settings: Settings | None = None, **options: Any) -> AsyncGenerator[Stage]:
    """An emulator without a rate limit (unless asked for), and an httpx client that may speak to it."""
    clock = JumpClock()
    emulator = Emulator(clock=clock, settings=settings, **{"qps": None, **options})
    auth = (emulator.customer_id, emulator.customer_secret)
    async with httpx.AsyncClient(
        base_url=emulator.base_url, transport=emulator.transport(), auth=auth
    ) as http:
        yield Stage(emulator, http, clock)


def said(answer: httpx.Response) -> tuple[int, object, object]:
    """Status, code and reason or message of an answer."""
    body = answer.json()
    return answer.status_code, body.get("code"), body.get("reason", body.get("message"))
