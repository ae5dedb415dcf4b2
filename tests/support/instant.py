"""A service that answers at once and in process, and keeps nothing: for what the library alone takes.

It stands in for HTTP and the service together (`Wire`). Every start works, every query says that the
recording runs. It knows no sessions, so that none of its memory is in any figure; the emulator keeps all that
it is told.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import anyio
from attrs import define, field

from agora_rec import CloudRecording
from agora_rec.clock import Clock
from agora_rec.codec import Body
from agora_rec.transport.wire import WireAnswer
from tests.support import secrets

_RESOURCE_ID: Final = 200
"""Characters, about as many as the service's own have."""
_IDS: Final = {"resourceId": "R" * _RESOURCE_ID, "sid": "5" * 32}
_FILES: Final = {
    "fileListMode": "json",
    "fileList": [
        {
            "fileName": "38f8e3cfdc474cd56fc1ceba380d7e1a_class-42.m3u8",
            "trackType": "audio_and_video",
            "uid": "0",
            "mixedAllUser": True,
            "isPlayable": True,
            "sliceStartTime": 1562724971626,
        }
    ],
}
_RUNNING: Final = {**_FILES, "status": 5, "sliceStartTime": 1562724971626}
_ANSWERS: Final = {
    "query": json.dumps({**_IDS, "serverResponse": _RUNNING}).encode(),
    "stop": json.dumps({**_IDS, "serverResponse": {**_FILES, "uploadingStatus": "uploaded"}}).encode(),
}


@define(eq=False)
class InstantService:
    """A `Wire` behind which everything works.

    Attributes:
        on_query: Told of each query, with the moment of its coming.
        calls: How many calls came.
    """

    on_query: Callable[[float], object] = field(default=lambda _: None)
    calls: int = 0

    def open(self, hosts: Sequence[str]) -> None:
        """Need nothing."""

    async def exchange(
        self,
        method: str,
        host: str,
        path: str,
        body: Body | None,
        seconds: float,
        *,
        fresh: bool = False,
    ) -> WireAnswer:
        """Answer by the path."""
        self.calls += 1
        call = path.rpartition("/")[2]
        if call == "query":
            self.on_query(anyio.current_time())
        answer = _ANSWERS.get(call) or json.dumps(self._begun(body)).encode()
        return WireAnswer(200, answer, None)

    async def aclose(self) -> None:
        """Have nothing to close."""

    def _begun(self, body: Body | None) -> dict[str, object]:
        """The answer to acquire and start, with ids that nobody else has."""
        assert body is not None
        asked: Any = json.loads(body.reveal())
        ids = {"resourceId": f"{self.calls:0{_RESOURCE_ID}}", "sid": f"{self.calls:032x}"}
        return {"cname": asked["cname"], "uid": asked["uid"], **ids}


def client_of(service: InstantService, *, qps: float | None, clock: Clock) -> CloudRecording:
    """A client of it, not yet open."""
    cloud = CloudRecording(
        "a" * 32,
        customer_id=secrets.CUSTOMER_ID,
        customer_secret=secrets.CUSTOMER_SECRET,
        qps=qps,
        clock=clock,
    )
    cloud._transport._wire = service  # nobody but benchmarks and tests of scale replaces HTTP as a whole
    return cloud
