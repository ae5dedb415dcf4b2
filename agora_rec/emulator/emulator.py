"""The emulator as its users hold it: one object around the core, with a clock."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import define, field

from agora_rec.clock import Clock, SystemClock
from agora_rec.emulator.app import App
from agora_rec.emulator.calls import Call
from agora_rec.emulator.faults import Fault, Planned
from agora_rec.emulator.gateway import Gateway
from agora_rec.emulator.notices import Notice
from agora_rec.emulator.resources import Ids
from agora_rec.emulator.service import Service, SessionView
from agora_rec.emulator.session import Moment
from agora_rec.emulator.settings import Settings
from agora_rec.emulator.transport import InProcessTransport
from agora_rec.vocabulary import OperationName

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from agora_rec.emulator.serving import Served

_QPS: Final = 10
_REQUEST_SEED: Final = 1 << 32
"""Request IDs have a source of their own, so that asking twice doesn't change the next resource ID."""


@define(eq=False)
class ChannelHandle:
    """One channel, and who is in it; each change happens at the emulator's now."""

    name: str
    _service: Service = field(repr=False)
    _clock: Clock = field(repr=False)

    @property
    def users(self) -> tuple[int, ...]:
        """The uids of those who are in the channel, in the order in which they came."""
        return tuple(int(uid) for uid in self._service.office.channel(self.name).users())

    def join(self, uid: int, *, audio: bool = True, video: bool = True, host: bool = True) -> None:
        """Somebody comes, or, if they are there already, begins to send something else.

        `host` False is audience: they don't keep a live broadcast (channelType 1) from being idle.
        """
        now = self._now()
        self._service.office.channel(self.name).join(str(uid), now, audio=audio, video=video, host=host)
        self._service.channel_changed(self.name)

    def leave(self, uid: int) -> None:
        """Somebody goes; nothing happens if they aren't there."""
        now = self._now()
        self._service.office.channel(self.name).leave(str(uid), now)
        self._service.channel_changed(self.name)

    def empty(self) -> None:
        """Everybody goes."""
        now = self._now()
        self._service.office.channel(self.name).empty(now)
        self._service.channel_changed(self.name)

    def _now(self) -> datetime:
        # What is overdue comes first: it must still find the channel as it was.
        now = self._clock.now()
        self._service.catch_up(now)
        return now


@define(eq=False, init=False)
class Emulator:
    """A local service that behaves like Agora Cloud Recording, as strictly as the reference tells.

    In process it is reached through `transport()`, on a port through `serve()`; both see the same
    service. It holds no tasks, threads or sockets of its own: what takes time at the service is worked
    out when somebody asks.

    Args:
        app_id: the account's App ID.
        customer_id: user name of the Basic authentication.
        customer_secret: its password.
        qps: calls per second and App ID, over which it answers 429; None for no limit.
        seed: the same seed gives the same ids in the same order.
        clock: what time it is; the machine's if it is not given. Tests hand in their own.
        settings: how the service behaves.
    """

    app_id: str
    customer_id: str = field(repr=False)
    customer_secret: str = field(repr=False)
    base_url: str
    settings: Settings = field(repr=False)
    _clock: Clock = field(repr=False)
    _service: Service = field(repr=False)
    _request_ids: Ids = field(repr=False)

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
    ) -> None:
        self.app_id = app_id
        self.customer_id = customer_id
        self.customer_secret = customer_secret
        self.base_url = "http://127.0.0.1"
        self.settings = settings or Settings()
        self._clock = SystemClock() if clock is None else clock
        gateway = Gateway(app_id, f"{customer_id}:{customer_secret}", qps)
        self._service = Service(gateway, self.settings, seed)
        self._request_ids = Ids(seed + _REQUEST_SEED)

    @property
    def app(self) -> App:
        """The service as an ASGI application, for any server."""
        return App(self._service, self._clock, self._request_ids)

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

        Needs asyncio, and uvicorn (the extra `emulator`).

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
        return serve(self.app, host=host, port=port, certificate=certificate, key=key)

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
        return self._service.office.sessions[sid].life(now)

    @property
    def peak_calls_per_second(self) -> int:
        """The most calls for one App ID that came within one second, those answered 429 included."""
        return self._service.gateway.peak()
