"""The emulator as its users hold it: one object around the core, with a clock."""

import ssl
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import define, field

from agora_rec.clock import Clock, SystemClock
from agora_rec.emulator.app import App, AsgiApp
from agora_rec.emulator.calls import Call
from agora_rec.emulator.control.app import Control
from agora_rec.emulator.control.endpoints import Desk
from agora_rec.emulator.control.guard import ControlAccess, Guard
from agora_rec.emulator.events import EventType
from agora_rec.emulator.faults import Fault, Planned
from agora_rec.emulator.files.access import check_endpoints
from agora_rec.emulator.files.holding import HoldingApp
from agora_rec.emulator.files.writing import Writer
from agora_rec.emulator.gateway import Gateway
from agora_rec.emulator.handle import ChannelHandle
from agora_rec.emulator.life import Moment, life
from agora_rec.emulator.notices import Notice
from agora_rec.emulator.resources import Ids
from agora_rec.emulator.service import Service
from agora_rec.emulator.settings import Settings
from agora_rec.emulator.spans import require_span
from agora_rec.emulator.transport import InProcessTransport
from agora_rec.emulator.views import SessionView
from agora_rec.emulator.webhooks.courier import Courier
from agora_rec.emulator.webhooks.opening import check_receiver, open_receiver
from agora_rec.emulator.webhooks.receivers import Receiver
from agora_rec.emulator.webhooks.records import Delivery, HealthCheck
from agora_rec.emulator.webhooks.schedule import Schedule
from agora_rec.emulator.webhooks.switches import WebhookSwitches
from agora_rec.secret import Secret
from agora_rec.vocabulary import OperationName

if TYPE_CHECKING:
    from agora_rec.emulator.serving import Served

_QPS: Final = 10
_REQUEST_SEED: Final = 1 << 32
"""Request IDs have a source of their own, so that asking twice doesn't change the next resource ID."""


@define(eq=False, init=False)
class Emulator:
    """A local service that behaves like Agora Cloud Recording, as strictly as the reference tells.

    In process it is reached through `transport()`, on a port through `serve()`; both see the same
    service. It holds no tasks, threads or sockets of its own: what takes time at the service is worked
    out when somebody asks, and notifications are delivered while a block of `delivering()` or `serve()` runs.

    Args:
        app_id: the account's App ID.
        customer_id: user name of the Basic authentication.
        customer_secret: its password.
        qps: calls per second and App ID, over which it answers 429; None for no limit.
        seed: the same seed gives the same ids in the same order.
        clock: what time it is; the machine's if it is not given. `AcceleratedClock` runs faster,
            `SteppedClock` waits to be moved.
        settings: how the service behaves.
        webhooks_to: who receives notifications: a URL (https, or plain http on this machine), or an ASGI
            application in this process; None for nobody. It may be set later.
        webhook_secret: the secret with which they are signed.
        webhooks: how they are delivered, and how reliably.
        webhooks_verify: which certificates of a receiver are trusted; None for those that everybody trusts.
        control: who may use the control API and the page at `/_emulator/`, which need no credentials.
        control_hosts: names of this machine under which they may be called, beside addresses and localhost.
        endpoints: S3-compatible storages (vendor 11) into which files may really be written, beside those on
            this machine: the endpoint as a start names it, and its URL.

    Raises:
        InvalidRequest: the service wouldn't send to that URL, or a name is none of a host.
        ValueError: `qps` is no number of calls.
    """

    app_id: str
    customer_id: str = field(repr=False)
    customer_secret: str = field(repr=False)
    base_url: str
    settings: Settings = field(repr=False)
    webhooks_verify: ssl.SSLContext | None = field(repr=False)
    _clock: Clock = field(repr=False)
    _service: Service = field(repr=False)
    _request_ids: Ids = field(repr=False)
    _courier: Courier = field(repr=False)
    _guard: Guard = field(repr=False)
    _writer: Writer = field(repr=False)
    _webhooks_to: Secret | AsgiApp | None = field(repr=False)

    def __init__(
        self,
        *,
        app_id: str = "e0" * 16,
        customer_id: str = "emulated-customer",
        customer_secret: str = "emulated-secret",  # noqa: S107 - it opens nothing but this emulator
        qps: float | None = _QPS,
        seed: int = 0,
        clock: Clock | None = None,
        settings: Settings | None = None,
        webhooks_to: str | Secret | AsgiApp | None = None,
        webhook_secret: str | Secret = "emulated-webhook-secret",  # noqa: S107 - as the customer's
        webhooks: WebhookSwitches | None = None,
        webhooks_verify: ssl.SSLContext | None = None,
        control: ControlAccess = ControlAccess.THIS_MACHINE,
        control_hosts: Iterable[str] = (),
        endpoints: Mapping[str, str] | None = None,
    ) -> None:
        if qps is not None:
            require_span("qps", qps, above=True)
        self.app_id = app_id
        self.customer_id = customer_id
        self.customer_secret = customer_secret
        self.base_url = "http://127.0.0.1"
        self.settings = settings or Settings()
        self._clock = SystemClock() if clock is None else clock
        gateway = Gateway(app_id, f"{customer_id}:{customer_secret}", qps)
        self._service = Service(gateway, self.settings, seed)
        self._request_ids = Ids(seed + _REQUEST_SEED)
        self._guard = Guard(access=control, hosts=control_hosts)
        self.webhooks_verify = webhooks_verify
        schedule = Schedule(webhooks or WebhookSwitches(), seed)
        self._courier = Courier(self._service, schedule, self._clock, Secret(webhook_secret))
        check_endpoints(endpoints or {})
        self._writer = Writer(self._service, self._clock, dict(endpoints or {}))
        self._service.watchers.extend((self._courier.ring, self._writer.ring))
        self._webhooks_to = None
        to = Secret(webhooks_to) if isinstance(webhooks_to, str) else webhooks_to
        del customer_id, customer_secret, webhook_secret, webhooks_to  # no traceback shows them from here on
        self.webhooks_to = to

    @property
    def clock(self) -> Clock:
        """What time it is here: the clock that was handed in, or the machine's."""
        return self._clock

    @property
    def app(self) -> App:
        """The service as an ASGI application, for any server; with the control API and the page."""
        control = Control(Desk(self, self._service, self._clock), self._guard)
        return App(self._service, self._clock, self._request_ids, control)

    def transport(self) -> InProcessTransport:
        """A transport for httpx that reaches the service without a socket, on asyncio and trio.

        Whatever host a request names, it comes here.
        """
        return InProcessTransport(self._service, self._clock, self._request_ids)

    def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        certificate: str | Path | None = None,
        key: str | Path | None = None,
    ) -> "AbstractAsyncContextManager[Served]":
        """Listen on a port while a block runs: `async with emulator.serve() as served: served.url`.

        Needs asyncio, and uvicorn (the extra `emulator`). If `webhooks_to` is set when the block begins, its
        notifications are delivered as in a block of `delivering()`. Files are written as in one of
        `writing()`.

        Args:
            host: the address to listen on.
            port: the port; 0 picks a free one.
            certificate: a PEM file with the certificate chain; with it the service speaks TLS.
            key: a PEM file with its key, unless the certificate's file has it too.

        Raises:
            ImportError: uvicorn is not installed.
        """
        try:
            from agora_rec.emulator.serving import serve  # noqa: PLC0415 - the extra may be absent
        except ModuleNotFoundError as missing:
            raise ImportError(
                f"serving the emulator on a port needs {missing.name}: pip install 'agora-rec[emulator]'"
            ) from None
        app = HoldingApp(self.app, self._writer)
        server = serve(app, host=host, port=port, certificate=certificate, key=key)
        return self._serving(server, delivers=self._webhooks_to is not None)

    @asynccontextmanager
    async def _serving(
        self, server: "AbstractAsyncContextManager[Served]", *, delivers: bool
    ) -> "AsyncGenerator[Served]":
        async with server as served, AsyncExitStack() as beside:
            if delivers:
                await beside.enter_async_context(self.delivering())
            await beside.enter_async_context(self._writing_if_possible())
            yield served

    @property
    def control(self) -> ControlAccess:
        """Who may use the control API and the page."""
        return self._guard.access

    @property
    def webhooks_to(self) -> str | AsgiApp | None:
        """Who receives notifications; what is set counts for the next block of `delivering()`.

        Raises:
            InvalidRequest: (when it is set) the service wouldn't send to that URL.
        """
        return self._webhooks_to.reveal() if isinstance(self._webhooks_to, Secret) else self._webhooks_to

    @webhooks_to.setter
    def webhooks_to(self, to: str | Secret | AsgiApp | None) -> None:
        to = Secret(to) if isinstance(to, str) else to  # no traceback shows it from here on
        self._receive_with(to)

    def _receive_with(self, to: Secret | AsgiApp | None) -> None:
        check_receiver(to)
        self._webhooks_to = to

    @property
    def webhook_secret(self) -> str:
        """The secret with which notifications are signed."""
        return self._courier.secret.reveal()

    @property
    def webhooks(self) -> WebhookSwitches:
        """How notifications are delivered, and how reliably."""
        return self._courier.schedule.switches

    def delivering(self) -> AbstractAsyncContextManager[None]:
        """Deliver notifications to `webhooks_to` while a block runs: `async with emulator.delivering(): ...`.

        Everything that happens at the service is delivered, also what happened before the block. The end of
        the block ends what is underway; it waits, and goes on in the next one. So `await emulator.settled()`
        before the end, where all shall arrive. Runs on asyncio and trio, and on the emulator's clock.

        Raises:
            ValueError: `webhooks_to` is not set.
            RuntimeError: (when the block begins) such a block, or that of `serve()`, is delivering already.
        """
        return self._courier.delivering(self._open_receiver())

    def _open_receiver(self) -> AbstractAsyncContextManager[Receiver]:
        if self._webhooks_to is None:
            raise ValueError("there is nobody to deliver to: set webhooks_to")
        return open_receiver(self._webhooks_to, self.webhooks, self.webhooks_verify)

    def writing(self) -> AbstractAsyncContextManager[None]:
        """Write recorded files into real buckets while a block runs: `async with emulator.writing(): ...`.

        That is done for S3-compatible storage (vendor 11) whose endpoint is on this machine, or one of
        `endpoints`; nothing is sent to any other. A process of its own makes the files (PyAV and obstore, of
        the extra `emulator`), beginning with the first such recording. What isn't written when the block
        ends is written in the next one; `await emulator.written()` before the end, where all shall be there.
        Runs on asyncio and trio, and on the emulator's clock.

        Raises:
            ImportError: what makes or writes files is not installed.
            RuntimeError: (when the block begins) such a block, or that of `serve()`, is writing already; or
                (in the block) the process that makes files has died.
        """
        missing = _missing()
        if missing is not None:
            raise ImportError(f"writing files needs {missing}: pip install 'agora-rec[emulator]'")
        return self._writer.writing()

    def _writing_if_possible(self) -> AbstractAsyncContextManager[None]:
        return nullcontext() if _missing() else self.writing()

    async def written(self) -> None:
        """Wait until all files are in their buckets that should be there by now.

        Raises:
            RuntimeError: no block of `writing()` or `serve()` is writing, or it has ended.
        """
        await self._writer.written()

    async def settled(self) -> None:
        """Wait until nothing more will be sent of all that has happened by now: it is delivered, or given up.

        That takes as long as the delays, and the gaps before what is sent again, take on the clock.

        Raises:
            RuntimeError: no block of `delivering()` or `serve()` is delivering, or it has ended.
        """
        await self._courier.settled()

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """What has become of each notification, in the order of happening, without secrets.

        Of those that are over the latest 10,000 are kept.
        """
        return self._courier.schedule.deliveries

    def clear_deliveries(self) -> None:
        """Forget the deliveries that are over."""
        self._courier.schedule.forget()

    async def send_health_check(self, *event_types: int) -> tuple[HealthCheck, ...]:
        """Do what the console does to try a receiver: send it a test event of each of these types.

        Each is sent once, whether or not anything is being delivered. No document shows the body of such an
        event: this one has the payload of the published specimen, which is about no recording.

        Args:
            event_types: which ones; without any, those of `WebhookSwitches.subscribed`, or of all types.

        Returns:
            What the console shows of each, in their order (200, or 590, 591, 592).

        Raises:
            ValueError: `webhooks_to` is not set.
        """
        wanted = event_types or sorted(
            set(EventType) if self.webhooks.subscribed is None else self.webhooks.subscribed
        )
        async with self._open_receiver() as receiver:
            return await self._courier.check_health(receiver, wanted)

    def channel(self, cname: str) -> ChannelHandle:
        """The channel of that name. One that nobody has spoken of has the users of `Settings.users`."""
        return ChannelHandle(cname, self._service, self._clock)

    def inject(
        self,
        fault: Fault,
        *,
        operation: OperationName | None = None,
        cname: str | None = None,
        uid: int | str | None = None,
        host: str | None = None,
        times: int | None = 1,
    ) -> None:
        """Let a fault happen to the next calls that fit; None fits any. Earlier injections go first.

        Args:
            fault: what happens.
            operation: which call.
            cname: about which channel.
            uid: about which recorder.
            host: sent to which host.
            times: how often; None for ever (until `clear_faults`).

        Raises:
            ValueError: `times` is less than 1.
        """
        wanted = None if uid is None else str(uid)
        self._service.faults.add(Planned(fault, operation, cname, wanted, host, times))

    def clear_faults(self) -> None:
        """Forget all faults that still wait for their calls."""
        self._service.faults.clear()

    def fail_over(
        self, sid: str, *, seconds: float = 60.0, new_uid: int | None = None, old_reports: bool = False
    ) -> int | None:
        """Lose the server of a recording now: it is moved to another one (timing.yaml `failover_*`).

        For so many seconds query, update and stop answer 404, and nothing is recorded; what was being
        written is lost. Then the recording goes on, with the same sid: the recorder has another uid, the
        names of new files begin with `bak<n>_`, and events 12, 13, 40 or 70, and 42 tell of it. A recording
        is moved three times at most; the loss of a fourth server ends it.

        Args:
            sid: which recording.
            seconds: how long it takes: about 30 where a process was killed, 60 and more where a server was
                lost; more than 0, at most 90.
            new_uid: the new recorder's uid; a random one if it is not given, as at the service.
            old_reports: the old recorder still reports that it was ended (41 with leave code 2, and, later
                than the new one's beginning, 11 with status 1), both under its own uid.

        Returns:
            The new recorder's uid; None if nothing takes the recording over.

        Raises:
            KeyError: there never was a recording with this sid.
            ValueError: it has ended, isn't ready yet or is being moved; or an argument is out of its range.
        """
        uid = self._service.fail_over(
            sid,
            self._clock.now(),
            seconds=seconds,
            new_uid=None if new_uid is None else str(new_uid),
            old_reports=old_reports,
        )
        return None if uid is None else int(uid)

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call that has reached the service, in the order of arrival, without secrets."""
        return self._service.calls

    @property
    def sessions(self) -> tuple[SessionView, ...]:
        """Every recording that there ever was, in the order of their starts, as they are now."""
        return self._service.sessions(self._clock.now())

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the service has notified of so far, in order: what it would have sent to a webhook.

        Of very many the oldest are forgotten (`Settings.notices_kept`).
        """
        return self._service.notices(self._clock.now())

    def running(self) -> tuple[SessionView, ...]:
        """The recordings that are running now (or on their way there)."""
        return tuple(session for session in self.sessions if session.running)

    def life(self, sid: str) -> tuple[Moment, ...]:
        """Everything that has happened to one recording so far, in order.

        Raises:
            KeyError: there never was a recording with this sid.
        """
        now = self._clock.now()
        self._service.catch_up(now)
        return life(self._service.office.sessions[sid], now)

    @property
    def peak_calls_per_second(self) -> int:
        """The most calls for one App ID that came within one second, those answered 429 included."""
        return self._service.gateway.peak()


def _missing() -> str | None:
    """What isn't installed of what files need."""
    return next((name for name in ("av", "obstore") if find_spec(name) is None), None)
