"""An emulator on a port, and a program that records there, for tests that aren't coroutines."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx
from attrs import define

from agora_rec.clock import Clock
from agora_rec.emulator import Emulator, Settings, User
from tests.emulator.stage import example
from tests.support.served import served_emulator


@define
class Service:
    """The emulator that is served, where it is, and somebody who calls it."""

    emulator: Emulator
    url: str
    http: httpx.Client

    def acquire(self, cname: str, uid: str = "880011") -> httpx.Response:
        return self._post("/acquire", cname, uid, {})

    def start(self, cname: str = "class", name: str = "start_mix_hls_mp4", *, uid: str = "880011") -> str:
        """Start a recording by one of the reference's examples; its sid."""
        mode = "mix" if "mix" in name else "individual"
        resource_id = self.acquire(cname, uid).json()["resourceId"]
        answer = self._post(f"/resourceid/{resource_id}/mode/{mode}/start", cname, uid, example(name))
        sid: str = answer.json()["sid"]
        return sid

    def update_layout(self, sid: str, request: object, cname: str = "class") -> None:
        resource_id = self.api("GET", f"recordings/{sid}")["resource_id"]
        answer = self._post(
            f"/resourceid/{resource_id}/sid/{sid}/mode/mix/updateLayout", cname, "880011", request
        )
        assert answer.status_code == 200, answer.text

    def api(self, method: str, path: str, body: object = None) -> Any:
        answer = self.http.request(method, f"{self.url}/_emulator/api/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _post(self, path: str, cname: str, uid: str, request: object) -> httpx.Response:
        base = f"{self.url}/v1/apps/{self.emulator.app_id}/cloud_recording"
        return self.http.post(f"{base}{path}", json={"cname": cname, "uid": uid, "clientRequest": request})


@contextmanager
def serve(clock: Clock | None = None, **more: Any) -> Generator[Service]:
    """An emulator in which a recording is ready at once."""
    settings = Settings(latency=0, start_seconds=0, users=(User(uid=11), User(uid=12)))
    emulator = Emulator(**{"settings": settings, "clock": clock, "qps": None, **more})
    auth = (emulator.customer_id, emulator.customer_secret)
    with served_emulator(emulator) as (_, url), httpx.Client(auth=auth) as http:
        yield Service(emulator, url, http)
