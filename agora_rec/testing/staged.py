"""The emulator and its client as fixtures hand them out: one clock for both, and webhooks while it is open.

Nothing here knows of pytest; marks and fixtures are read in `plugin`.
"""

from collections.abc import AsyncGenerator, Generator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from types import TracebackType
from typing import Any, Self

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal
from anyio.to_thread import run_sync

from agora_rec.client import CloudRecording
from agora_rec.defaults import QPS
from agora_rec.emulator import Emulator
from agora_rec.emulator.app import AsgiApp
from agora_rec.emulator.loops import Loop, current_loop, do_there, loop_here
from agora_rec.secret import Secret
from agora_rec.testing.clock import PatientClock
from agora_rec.testing.delivering import Deliverer


class StagedEmulator(Emulator):
    """An `Emulator` for one test, with a clock that the test can move.

    Whoever is `webhooks_to` gets notifications while a client is open, in the event loop in which that is
    used; and while the emulator is served from a thread (`agora_server`). It may be set at any time. Files go
    into real buckets meanwhile (`Emulator.writing`), and the clock doesn't go on by itself while one is made.

    Args:
        clock: Its clock, and that of its clients.
        qps: Calls per second, for the emulator and for its clients; None for no limit.
        options: What else `Emulator` takes.
    """

    def __init__(self, *, clock: PatientClock, qps: float | None = QPS, **options: Any) -> None:
        self.qps = qps
        self._patient = clock
        self._portal: BlockingPortal | None = None  # to the thread that serves, while it does
        self._deliverer: Deliverer | None = None
        self._writes_in: Loop | None = None
        super().__init__(clock=clock, qps=qps, **options)
        clock.hold_while(lambda: self._writer.is_busy)

    @property
    def clock(self) -> PatientClock:
        """The clock of the emulator and of its clients."""
        return self._patient

    @property
    def is_delivering(self) -> bool:
        """Whether notifications are being delivered."""
        return self._courier.is_delivering

    def advance(self, seconds: float) -> None:
        """Move the clock of emulator and client; all who sleep wake in the order of their moments.

        In a test that is no coroutine it returns when that has happened, and all files are written that are
        due by then. In one that is, the others come along while it awaits something: `sleep` does both.

        Raises:
            ValueError: That is no number of seconds, or less than 0.
        """
        self._patient.advance(seconds)
        if loop_here() is None and self._writes_in is not None:
            do_there(self._writes_in, self._write_all)

    async def sleep(self, seconds: float) -> None:
        """Let so much time pass, and everything that is to happen in it; `written` waits for files.

        Raises:
            ValueError: That is no number of seconds, or less than 0.
        """
        await self._patient.pass_time(seconds)

    def writing(self) -> AbstractAsyncContextManager[None]:
        """Write files while a block runs, as `Emulator.writing`; nothing to do where an open client does."""
        return nullcontext() if self._writer.is_writing else self._writing_here()

    @asynccontextmanager
    async def _writing_here(self) -> AsyncGenerator[None]:
        async with super().writing():
            self._writes_in = current_loop()
            try:
                yield
            finally:
                self._writes_in = None

    async def written(self) -> None:
        """Wait until all files are in their buckets that should be there by now; see `Emulator.written`.

        Raises:
            RuntimeError: Nothing is written.
        """
        if self._writes_in is None or self._writes_in == loop_here():
            await super().written()
        else:
            await run_sync(do_there, self._writes_in, self._write_all)

    async def _write_all(self) -> None:
        with suppress(RuntimeError):  # the block has ended meanwhile
            await self._writer.written()

    async def settled(self) -> None:
        """Wait until nothing more will be sent of all that has happened by now; see `Emulator.settled`.

        Raises:
            RuntimeError: Nothing is delivered.
        """
        if self._portal is None:
            await self._settled_here()
        else:
            await run_sync(self._portal.call, self._settled_here)

    async def _settled_here(self) -> None:
        if self._deliverer is not None:
            await self._deliverer.caught_up()
        await super().settled()

    def delivering(self) -> AbstractAsyncContextManager[None]:
        """Deliver while a block runs, as `Emulator.delivering`; nothing to do where an open client does."""
        return nullcontext() if self._deliverer is not None else super().delivering()

    @asynccontextmanager
    async def at_work(self) -> AsyncGenerator[None]:
        """Deliver to whoever is `webhooks_to`, and write files, while a block runs; the first one does."""
        async with self.delivering_to_whomever(), self._writing_if_possible():
            yield

    @asynccontextmanager
    async def delivering_to_whomever(self) -> AsyncGenerator[None]:
        """Deliver to whoever is `webhooks_to` at the moment, while the block runs; the first block does."""
        if self._deliverer is not None:
            yield
            return
        failure: Exception | None = None
        async with anyio.create_task_group() as group:
            self._deliverer = Deliverer(self._begin_to_deliver)
            try:
                await group.start(self._deliverer.run)
                yield
            except Exception as caught:  # noqa: BLE001 - raised again outside, so that no group wraps it
                failure = caught
            finally:
                self._deliverer = None
                group.cancel_scope.cancel()
        if failure is not None:
            raise failure

    def _begin_to_deliver(self) -> AbstractAsyncContextManager[None]:
        is_wanted = self.webhooks_to is not None and not self.is_delivering
        return super().delivering() if is_wanted else nullcontext()

    def cloud(self, **options: Any) -> "StagedCloud":
        """Another client, not yet open: another worker of your application, say.

        Args:
            options: What `CloudRecording` is to get instead of what leads it here.
        """
        return StagedCloud(self, **options)

    @property
    def environment(self) -> dict[str, str]:
        """What `CloudRecording.from_env` reads."""
        return {
            "AGORA_APP_ID": self.app_id,
            "AGORA_CUSTOMER_ID": self.customer_id,
            "AGORA_CUSTOMER_SECRET": self.customer_secret,
            "AGORA_WEBHOOK_SECRET": self.webhook_secret,
            "AGORA_BASE_URL": self.base_url,
        }

    @contextmanager
    def served_from_thread(self) -> Generator[str]:
        """Listen on a port, from a thread with an event loop, while the block runs; gives the URL.

        Who comes over a port has the machine's clock. This one flows with it; `advance` moves it too.

        Raises:
            ImportError: uvicorn is not installed (the extra `testing` brings it).
        """
        at, receiver = self.base_url, self._webhooks_to
        self._webhooks_to = (
            None  # a server would deliver to whom it found there; this one's receiver may change
        )
        server = self.serve()
        self._webhooks_to = receiver
        with (
            self.clock.flowing(),
            start_blocking_portal("asyncio") as portal,
            portal.wrap_async_context_manager(server) as served,
            portal.wrap_async_context_manager(self.delivering_to_whomever()),
        ):
            self._portal = portal
            self.base_url: str = served.url
            try:
                yield served.url
            finally:
                self._portal = None
                self.base_url = at

    def _receive_with(self, to: Secret | AsgiApp | None) -> None:
        super()._receive_with(to)
        if self._deliverer is not None:
            self._deliverer.receiver_changed()


class StagedCloud(CloudRecording):
    """A client of a `StagedEmulator`, in process and on its clock.

    While it is open, notifications are delivered and files written; the first client that is opened does that
    for all.
    """

    def __init__(self, emulator: StagedEmulator, **options: Any) -> None:
        given: dict[str, Any] = {
            "app_id": emulator.app_id,
            "customer_id": emulator.customer_id,
            "customer_secret": emulator.customer_secret,
            "base_url": emulator.base_url,
            "transport": emulator.transport(),
            "qps": emulator.qps,
            "clock": emulator.clock,
            "webhook_secret": emulator.webhook_secret,
        }
        super().__init__(**(given | options))
        self.emulator = emulator
        self._opened = AsyncExitStack()

    @property
    def expects_notifications(self) -> bool:
        """Whether notifications are to come in: whether the emulator has somebody to send them to."""
        return super().expects_notifications and self.emulator.webhooks_to is not None

    async def __aenter__(self) -> Self:
        """Open the client, and begin to deliver and to write."""
        async with AsyncExitStack() as opening:
            await super().__aenter__()
            opening.push_async_exit(super().__aexit__)
            await opening.enter_async_context(self.emulator.at_work())
            self._opened = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End that, and close the client."""
        await self._opened.__aexit__(kind, error, traceback)
