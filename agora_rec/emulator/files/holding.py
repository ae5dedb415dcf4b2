"""Over sockets a stop that says where the files are is answered when they are there.

In process it isn't held back: there time may pass by itself, and the caller would time out meanwhile.
"""

from typing import Final

import anyio
from attrs import frozen

from agora_rec.emulator.app import AsgiApp, Message, Receive, Scope, Send
from agora_rec.emulator.files.writing import Writer
from agora_rec.emulator.routes import find_route
from agora_rec.vocabulary import OperationName

_STOPPED: Final = 200


@frozen
class HoldingApp:
    """The emulator's application, around which good answers to stops wait for what is being written."""

    app: AsgiApp
    writer: Writer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        route = find_route(scope.get("method", ""), scope.get("path", ""))
        if route is None or route.operation is not OperationName.STOP:
            await self.app(scope, receive, send)
            return
        sid = route.sid or ""

        async def hold(message: Message) -> None:
            if message.get("status") == _STOPPED:
                # As long as a stop waits for an upload, but in this machine's time, as the work is.
                with anyio.move_on_after(self.writer.service.settings.sync_stop_seconds):
                    await self.writer.stored(sid)
            await send(message)

        await self.app(scope, receive, hold)
