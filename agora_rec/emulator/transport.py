"""The service in process: an httpx transport that needs no socket. The only module here that knows httpx.

It goes past ASGI, straight to the core: an in-process caller can then see a broken connection as httpx
would report it, and its read timeout counts on the emulator's clock.
"""

import httpx
from attrs import define

from agora_rec.clock import Clock
from agora_rec.emulator.app import handle
from agora_rec.emulator.resources import Ids
from agora_rec.emulator.service import Service
from agora_rec.emulator.wire import Answer, Broken, NeverReached, Reply, Request


@define(eq=False)
class InProcessTransport(httpx.AsyncBaseTransport):
    """Requests go to the emulated service, whatever host they name.

    A caller that times out or is cancelled leaves as it would leave a socket: what the service has begun
    goes on.
    """

    _service: Service
    _clock: Clock
    _ids: Ids

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Bring one request to its answer.

        Raises:
            httpx.ConnectError: the service was not reached.
            httpx.RemoteProtocolError: the connection broke before any answer.
            httpx.ReadTimeout: the answer took longer than the request's read timeout.
        """
        reply = await self._exchange(request)
        # Raised here, where no frame holds the request's body.
        if reply is None:
            raise httpx.ReadTimeout("the emulated service took too long", request=request)
        if isinstance(reply, NeverReached):
            raise httpx.ConnectError("the emulated service can't be reached", request=request)
        if isinstance(reply, Broken):
            raise httpx.RemoteProtocolError("the emulated service broke the connection", request=request)
        return _response(reply, self._ids.request_id())

    async def _exchange(self, request: httpx.Request) -> Reply | None:
        incoming = Request(
            method=request.method,
            path=request.url.raw_path.partition(b"?")[0].decode("ascii"),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.aread(),
            host=request.url.host,
        )
        timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
        replies: list[Reply] = []
        with self._clock.move_on_after(timeouts.get("read")):
            replies.append(await handle(self._service, self._clock, incoming))
        return replies[0] if replies else None


def _response(answer: Answer, request_id: str) -> httpx.Response:
    headers = {"content-type": answer.content_type, "x-request-id": request_id}
    return httpx.Response(answer.status, headers=headers, content=answer.body)
