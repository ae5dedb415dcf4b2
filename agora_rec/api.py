"""The service's calls without a lifecycle: typed requests in, typed answers out, nothing remembered.

For those who keep their own books. Retries, hosts and budget work as for recordings; but cancelling a call
here cancels it, and nobody looks after a start whose answer was lost.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from agora_rec import operations
from agora_rec.model import (
    AcquireAnswer,
    AcquireRequest,
    AnyAnswer,
    AnyRequest,
    NcsIpAnswer,
    QueryAnswer,
    StartAnswer,
    StartRequest,
    StopAnswer,
    StopRequest,
    UpdateAnswer,
    UpdateLayoutAnswer,
    UpdateLayoutRequest,
    UpdateRequest,
    validation,
)
from agora_rec.operations import Operation
from agora_rec.transport import Transport
from agora_rec.vocabulary import ModeName

A = TypeVar("A", bound=AnyAnswer)


class Api:
    """The seven calls. Each raises `InvalidRequest` before anything is sent, `ApiError`, `TransportError`.

    Outside of the client's `async with` they raise `RuntimeError`.
    """

    def __init__(
        self,
        app_id: str,
        transport: Transport,
        require_open: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self._app_id = app_id
        self._transport = transport
        self._require_open = require_open
        self._now = now

    async def acquire(self, request: AcquireRequest) -> AcquireAnswer:
        """Ask for a resource ID, good for one start within five minutes."""
        self._check(request)
        return await self._send(operations.acquire(self._app_id, request))

    async def start(self, resource_id: str, request: StartRequest) -> StartAnswer:
        """Begin to record with a resource ID. Sent again, it answers 201 with code 7 (`AlreadyStarted`)."""
        self._check(request)
        return await self._send(operations.start(self._app_id, resource_id, request))

    async def query(self, mode: ModeName, resource_id: str, sid: str) -> QueryAnswer:
        """Ask how a recording is doing; never after its stop."""
        return await self._send(operations.query(self._app_id, mode, resource_id, sid))

    async def update(
        self, mode: ModeName, resource_id: str, sid: str, request: UpdateRequest
    ) -> UpdateAnswer:
        """Change what is recorded; it replaces the update before."""
        self._check(request)
        return await self._send(operations.update(self._app_id, mode, resource_id, sid, request))

    async def update_layout(
        self, resource_id: str, sid: str, request: UpdateLayoutRequest
    ) -> UpdateLayoutAnswer:
        """Change the picture of a recording in mix mode; it replaces the whole layout."""
        self._check(request)
        operation = operations.update_layout(self._app_id, ModeName.MIX, resource_id, sid, request)
        return await self._send(operation)

    async def stop(self, mode: ModeName, resource_id: str, sid: str, request: StopRequest) -> StopAnswer:
        """End a recording."""
        self._check(request)
        return await self._send(operations.stop(self._app_id, mode, resource_id, sid, request))

    async def ncs_ip(self) -> NcsIpAnswer:
        """Ask where the service's webhooks come from today."""
        return await self._send(operations.ncs_ip())

    async def _send(self, operation: Operation[A]) -> A:
        self._require_open()
        return await self._transport.send(operation)

    def _check(self, request: AnyRequest) -> None:
        validation.require(request, now=self._now())
