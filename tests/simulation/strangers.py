"""Somebody else with the same App ID, who records the same channel with the same uid, and no library."""

import base64
import json
import random
from typing import Any

import httpx
from attrs import define

from agora_rec import Clock
from agora_rec.emulator import Emulator
from tests.simulation.checks import Checks
from tests.simulation.specs import Spec
from tests.simulation.trace import Trace


@define(eq=False)
class Stranger:
    """Starts a recording of a spec's channel and uid at a random moment, and stops it some time later."""

    spec: Spec
    emulator: Emulator
    checks: Checks
    clock: Clock
    trace: Trace
    rng: random.Random

    async def intrude(self, within: float) -> None:
        """Come, stay, go; whatever fails is left as it is."""
        await self.clock.sleep(self.rng.uniform(0, within))
        resource = (await self._post("acquire", {})).get("resourceId")
        if resource is None:
            return
        self.checks.foreign.add(resource)
        storage = {"vendor": 1, "region": 0, "bucket": "b", "accessKey": "a", "secretKey": "s"}
        request = {"recordingConfig": {"channelType": 0}, "storageConfig": storage}
        sid = (await self._post(f"resourceid/{resource}/mode/mix/start", request)).get("sid")
        if not sid:
            return
        self.trace.note("stranger", f"records {self.spec.cname} as {self.spec.uid}")
        await self.clock.sleep(self.rng.uniform(1, 60))
        await self._post(f"resourceid/{resource}/sid/{sid}/mode/mix/stop", {})
        self.trace.note("stranger", f"has left {self.spec.cname}")

    async def _post(self, path: str, request: dict[str, Any]) -> dict[str, Any]:
        account = f"{self.emulator.customer_id}:{self.emulator.customer_secret}"
        body = {"cname": self.spec.cname, "uid": str(self.spec.uid), "clientRequest": request}
        self.emulator.clear_faults()  # what is left there was meant for the client
        response = await self.emulator.transport().handle_async_request(
            httpx.Request(
                "POST",
                f"https://api.example/v1/apps/{self.emulator.app_id}/cloud_recording/{path}",
                headers={
                    "content-type": "application/json",
                    "authorization": f"Basic {base64.b64encode(account.encode()).decode()}",
                },
                content=json.dumps(body).encode(),
            )
        )
        answer: dict[str, Any] = json.loads(await response.aread())
        return answer
