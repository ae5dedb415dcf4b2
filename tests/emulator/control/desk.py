"""A program that drives an emulator by its control API, over ASGI, on a clock that jumps over every wait."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from attrs import define

from agora_rec.emulator import Emulator
from tests.emulator.stage import Stage, example, set_stage

LOCAL = ("127.0.0.1", 4711)


@define
class Program:
    """What it asks goes to `/_emulator/api/`; answers come as JSON."""

    stage: Stage
    http: httpx.AsyncClient

    @property
    def emulator(self) -> Emulator:
        return self.stage.emulator

    async def ask(
        self, method: str, path: str, body: object = None, *, status: int = 200, **more: Any
    ) -> Any:
        if body is not None:
            more["json"] = body
        answer = await self.http.request(method, f"/_emulator/api/{path}", **more)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/json"
        return answer.json()

    async def get(self, path: str, **more: Any) -> Any:
        return await self.ask("GET", path, **more)

    async def wrong(self, method: str, path: str, body: object = None, **more: Any) -> list[str]:
        """The fields that are wrong."""
        said = await self.ask(method, path, body, status=400, **more)
        assert said["error"] == "invalid_request"
        return [each["path"] for each in said["violations"]]


def http_of(emulator: Emulator, *, client: tuple[str, int] = LOCAL, **more: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(emulator.app, client=client)
    return httpx.AsyncClient(**{"base_url": emulator.base_url, "transport": transport, **more})


async def start_recording(emulator: Emulator, cname: str = "c") -> str:
    """Start one by plain calls; its sid."""
    auth = (emulator.customer_id, emulator.customer_secret)
    base = f"{emulator.base_url}/v1/apps/{emulator.app_id}/cloud_recording"
    who = {"cname": cname, "uid": "880011"}
    async with httpx.AsyncClient(base_url=base, transport=emulator.transport(), auth=auth) as http:
        acquired = (await http.post("/acquire", json={**who, "clientRequest": {}})).json()
        path = f"/resourceid/{acquired['resourceId']}/mode/mix/start"
        started = await http.post(path, json={**who, "clientRequest": example("start_mix_hls")})
    sid: str = started.json()["sid"]
    return sid


@asynccontextmanager
async def program(**options: Any) -> AsyncGenerator[Program]:
    async with set_stage(**options) as stage, http_of(stage.emulator) as http:
        yield Program(stage, http)
