"""`CloudRecording`: the client that owns transport, budget, store and the task group.

It knows how to send and what to keep; how recordings are made and found stands in `recordings.py`, and what a
recording does with its client in `recording/`. Everything that must not be lost runs in its task group:
leaving the client waits for the starts and stops under way.

What works for a client is loaded when the first one is made, not when this module is imported; see
`deferred.py`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, TypeVarTuple, Unpack

import anyio

from agora_rec.client.recordings import Recordings
from agora_rec.clock import Clock, SystemClock
from agora_rec.defaults import MAX_CONNECTIONS, QPS
from agora_rec.errors import InvalidRequest, Violation
from agora_rec.options import Options, from_environment, hidden
from agora_rec.secret import MASK, Secret, hide_all
from agora_rec.vocabulary import Area, OperationName

if TYPE_CHECKING:
    from types import TracebackType

    from anyio.abc import TaskGroup

    from agora_rec.api import Api
    from agora_rec.client.crew import Crew
    from agora_rec.codec import Body
    from agora_rec.errors import Attempt
    from agora_rec.model import AnyAnswer, NotificationIps
    from agora_rec.model.notification import Notification
    from agora_rec.notifications.receiver import BeforeAck, Headers
    from agora_rec.operations import Operation
    from agora_rec.recording import Recording
    from agora_rec.recording.jobs import Job
    from agora_rec.recording.keeper import SecretsProvider
    from agora_rec.store import Store
    from agora_rec.transport import Budget, Interrupt, RetryPolicy, Telemetry, Transport
    from agora_rec.transport.http import HttpxTransport

A = TypeVar("A", bound="AnyAnswer")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_NOT_OPEN: Final = "the client is not open: use 'async with CloudRecording(...) as cloud'"


class CloudRecording(Recordings):
    """The client: an async context manager, used by any number of tasks at once.

    Leaving it stops no recording, but waits for the starts and stops that are under way (60 s and 120 s for
    each, and what its store takes to write), and stops what a caller started and then abandoned. What the
    store could not take, the client keeps and writes again every 5 s while it is open, and once more when it
    closes; what can't be written even then is an error in the log.

    Args:
        app_id: The App ID of the channels.
        customer_id: The account's customer ID for the RESTful API.
        customer_secret: Its secret.
        area: Which of the service's hosts are asked.
        base_url: The one host to ask instead: https, or plain http on a loopback address (the emulator).
        transport: An httpx transport of your own; it isn't closed with the client.
        timeout: Seconds for one attempt of an ordinary call; a stop is given 30 s at least.
        qps: Calls per second for this App ID, short for `budget=LocalBudget(qps)`; None paces nothing.
        budget: Who may call when, in place of `qps`; one object can be shared by several clients of the same
            App ID. A `SharedBudget` that is not open is opened and closed with the client.
        store: Where checkpoints go, and what else all workers must know; None: this process's memory. A
            `SharedStore` that is not open is opened and closed with the client.
        open_within: Seconds for which a store is waited for when the client opens, if its server is away; 0:
            that is an error at once.
        secrets: Awaited before each start under a new resource ID, with the recording's checkpoint: gives a
            fresh token and the storage's keys. So a recording that another worker has made can be started
            here. None: they are those that the recording was made with.
        retry: What is sent again, and when; None: as documented.
        clock: Where time comes from; None: the machine and the event loop.
        max_connections: How many calls may be under way at once, 1 or more, so that a program doesn't run out
            of files. The others wait, by their priority; a stop never does. None: any number.
        telemetry: Who looks on while calls are made, such as `agora_rec.telemetry.OpenTelemetry()`.
        webhook_secret: The secret of the notifications, as Agora's console shows it; several while one takes
            the place of another. None: `receive` refuses.
        accept_sha1: Whether a notification's older signature is enough where the newer one is missing.

    Raises:
        InvalidRequest: Arguments are wrong; names all of them.
    """

    def __init__(
        self,
        app_id: str,
        *,
        customer_id: str | Secret,
        customer_secret: str | Secret,
        area: Area = Area.US,
        base_url: str | None = None,
        transport: HttpxTransport | None = None,
        timeout: float = 10.0,
        qps: float | None = QPS,
        budget: Budget | None = None,
        store: Store | None = None,
        open_within: float = 0.0,
        secrets: SecretsProvider | None = None,
        retry: RetryPolicy | None = None,
        clock: Clock | None = None,
        max_connections: int | None = MAX_CONNECTIONS,
        telemetry: Telemetry | None = None,
        webhook_secret: str | Secret | Iterable[str | Secret] | None = None,
        accept_sha1: bool = True,
    ) -> None:
        webhook_secrets = hide_all(webhook_secret)
        user, password = Secret(customer_id), Secret(customer_secret)
        del customer_id, customer_secret, webhook_secret  # no traceback may show them
        _check_credentials(app_id, user, password, webhook_secrets)
        from agora_rec.api import Api
        from agora_rec.notifications.inbox import Inbox
        from agora_rec.recording import Unwritten
        from agora_rec.recording.modes import ModeTexts
        from agora_rec.register import Register
        from agora_rec.store import MemoryStore
        from agora_rec.transport import LocalBudget, Unpaced, open_transport
        from agora_rec.transport.spans import wrong_span

        wrong = wrong_span("open_within", open_within)
        if wrong:
            raise InvalidRequest(tuple(wrong))
        self.app_id = app_id
        self.clock: Clock = SystemClock() if clock is None else clock
        self.is_store_shared: bool = store is not None
        self.holder: str = uuid.uuid4().hex
        self.store: Store = MemoryStore() if store is None else store  # an empty one may be false
        if budget is None:
            budget = Unpaced() if qps is None else LocalBudget(qps, clock=self.clock)
        self.budget = budget
        self._transport: Transport = open_transport(
            customer_id=user,
            customer_secret=password,
            area=area,
            base_url=base_url,
            transport=transport,
            timeout=timeout,
            budget=self.budget,
            retry=retry,
            clock=self.clock,
            max_connections=max_connections,
            telemetry=telemetry,
        )
        self._digest_key = password
        self.modes: ModeTexts = ModeTexts()
        self.unwritten: Unwritten = Unwritten()
        self._register = Register()
        self._keeper = self
        self.secrets: SecretsProvider | None = secrets
        self._inbox = Inbox(self, webhook_secrets, accept_sha1=accept_sha1)
        self._group: TaskGroup | None = None
        self._open_within = open_within
        self._crew: Crew | None = None
        self._own = AsyncExitStack()  # what was opened with this client, and is closed after it
        self._is_open = self._is_closed = False
        self._following: anyio.CancelScope | None = None
        self.api: Api = Api(app_id, self._transport, self.require_open, self.clock.now)

    @classmethod
    def from_env(cls, **overrides: Unpack[Options]) -> Self:
        """Make a client from the environment; what is passed here goes first.

        Reads `AGORA_APP_ID`, `AGORA_CUSTOMER_ID`, `AGORA_CUSTOMER_SECRET`, and if they are set `AGORA_AREA`,
        `AGORA_BASE_URL`, `AGORA_WEBHOOK_SECRET` and `AGORA_STORE` (a URL, as `store_from_url` takes it:
        `sqlite:///recordings.db`, `redis://...`, `postgresql://...`), the store that the `agora-rec` commands
        look into.

        Raises:
            InvalidRequest: Variables are missing or wrong; names all of them.
            ImportError: The extra of the store is not installed.
        """
        options, violations = from_environment(hidden(overrides))
        del overrides  # no traceback may show them
        if violations:
            raise InvalidRequest(tuple(violations))
        app_id = options.pop("app_id")
        return cls(app_id, **options)  # type: ignore[misc]  # the three required ones were just checked

    def __repr__(self) -> str:
        return f"<CloudRecording {self.app_id} {self._transport!r} recordings={len(self.recordings)}>"

    @property
    def retry(self) -> RetryPolicy:
        """What is sent again, and when."""
        return self._transport.retry

    async def receive(
        self, headers: Headers, body: bytes, *, before_ack: BeforeAck | None = None
    ) -> Notification:
        """Take in one webhook: verify, parse and deduplicate it, and give it to the recording it belongs to.

        When this returns, its effect is saved and it may be acknowledged (200 with a JSON body, within ten
        seconds: events.yaml `delivery`). When it raises, it is not settled: what is answered otherwise, the
        service sends again, three times at most.

        Which recording it is about, the store tells: another worker may have started it. It is found by its
        sid; or by channel and uid, if its start was sent and the answer, with the sid, is missing.

        Args:
            headers: The request's headers: a mapping, or pairs of names and values, text or bytes.
            body: The request's body as it came: it is what was signed.
            before_ack: Awaited when the effect is saved, and before the notification counts as dealt with,
                with the notification and its recording (None: it belongs to none that is known). It has 8 s.

        Returns:
            The notification; `duplicate` says that it was dealt with before, so that nothing was done now.

        Raises:
            NotificationRejected: Its signature is wrong, it is too large, or no notification at all.
            NotAcknowledged: `before_ack` failed or took too long.
            InvalidRequest: The client was given no `webhook_secret`.
            Exception: Whatever the store raises.
        """
        self.require_open()
        taking = self._inbox.receive(headers, body, before_ack)
        del headers, body  # stream keys in a body, a proxy's password in headers: not for tracebacks
        return await taking

    @property
    def hears_from_others(self) -> bool:
        """Whether other workers may know of our recordings, or notifications come in."""
        return self.is_store_shared or self.expects_notifications

    @property
    def expects_notifications(self) -> bool:
        """Whether notifications are to come in: whether there is a `webhook_secret`."""
        return self._inbox.is_open

    async def notification_ips(self) -> NotificationIps:
        """Ask from which addresses the service sends its webhooks, for a firewall's allow list.

        They change: ask again before `refresh_before`, 24 hours later (timing.yaml `ncs_ip_refresh`). What is
        given is never empty, and holds no address that nothing comes from over the internet (private ones,
        loopback, multicast, `0.0.0.0`): an answer with such a one is refused whole.

        Raises:
            UnexpectedAnswer: The answer is no such list.
            ApiError: The service refused, such as `AuthenticationFailed`.
            TransportError: There was no answer. The list of before is then good until its time is over.
        """
        from agora_rec.model import NotificationIps

        asked_at = self.clock.now()
        return NotificationIps(addresses=(await self.api.ncs_ip()).addresses, asked_at=asked_at)

    def send(
        self,
        operation: Operation[A],
        *,
        deadline: float | None = None,
        interrupt: Interrupt | None = None,
        on_attempt: Callable[[OperationName, Attempt], None] | None = None,
    ) -> Coroutine[Any, Any, A]:
        """Make one call for a recording; see `Transport.send`."""
        return self._transport.send(operation, deadline=deadline, interrupt=interrupt, on_attempt=on_attempt)

    def spawn(self, job: Job[T], work: Callable[[*Ts], Coroutine[Any, Any, T]], *args: *Ts) -> None:
        """Have a recording's job done in the client's task group."""
        if self._crew is None or self._is_closed:
            raise RuntimeError(_NOT_OPEN)
        self._crew.spawn(job, work, *args)

    def require_open(self) -> None:
        """Refuse commands outside of the client's `async with`."""
        if not self._is_open:
            raise RuntimeError(_NOT_OPEN)

    def digest(self, body: Body) -> str:
        """A keyed digest of a start's body: recognises it, and gives nothing away."""
        return body.digest(self._digest_key)

    def left_behind(self, recording: Recording) -> None:
        """Stop what was started and is wanted by nobody any more, if closing has come past it already."""
        if not self._is_open and not self._is_closed:
            with suppress(RuntimeError):  # the last task of the group may just have ended
                recording.stop_behind()

    async def __aenter__(self) -> Self:
        """Open the client: what is heavy about connections is done here, so that no call has to.

        One that could not be opened can be tried again.

        Raises:
            InvalidRequest: The environment names a proxy or certificates that can't be used.
            StoreUnavailable: The store's server is away, and was for `open_within` seconds.
            Exception: Whatever else the store, or the budget, raises.
        """
        from agora_rec import codec
        from agora_rec.client.crew import Crew
        from agora_rec.client.opening import opened
        from agora_rec.store import SharedStore
        from agora_rec.transport import SharedBudget

        codec.prepare()
        if self._group is not None:
            raise RuntimeError("a client is opened once; make another one")
        try:
            await self._transport.__aenter__()
            if isinstance(self.budget, SharedBudget) and not self.budget.is_open:
                await self._own.enter_async_context(self.budget)
            if isinstance(self.store, SharedStore) and not self.store.is_open:
                until = self.clock.monotonic() + self._open_within
                await self._own.enter_async_context(opened(self.store, self.clock, until=until))
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._own.aclose()
                await self._transport.aclose()
            raise
        group = anyio.create_task_group()
        await group.__aenter__()
        self._group = group
        self._crew = Crew(group, self.clock)
        self._is_open = True
        if self.is_store_shared:
            self._following = anyio.CancelScope()
            group.start_soon(self._follow_store, self._following, name="agora_rec: follow the store")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Wait for the starts and stops under way, stop what was abandoned, close the connections."""
        self._is_open = False
        if self._following is not None:
            self._following.cancel()
        for recording in self.recordings:
            if recording.is_abandoned:
                recording.stop_behind()
        if self._crew is not None:
            self._crew.dismiss()
        async with self._own, AsyncExitStack() as stack:
            stack.push_async_callback(self._close)
            # Jobs keep their own errors, so the group has none to report: the body's error isn't its
            # business.
            if self._group is not None:
                await self._group.__aexit__(None, None, None)

    async def _follow_store(self, scope: anyio.CancelScope) -> None:
        """Let recordings know what other workers write of them, as soon as the store says so."""
        from agora_rec.client.following import follow, write_what_is_left

        with scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(write_what_is_left, self.clock, self.unwritten)
                await follow(self.store, self.clock, self._register)

    async def _close(self) -> None:
        if self.unwritten.ledgers:
            from agora_rec.client.following import write_before_closing

            await write_before_closing(self.clock, self.unwritten)
        self._is_closed = True
        for recording in self._register.made:
            recording.client_closed()
        with anyio.CancelScope(shield=True):
            await self._transport.aclose()


def _check_credentials(
    app_id: str, customer_id: Secret, customer_secret: Secret, webhook_secrets: tuple[Secret, ...]
) -> None:
    given = [("app_id", Secret(app_id)), ("customer_id", customer_id), ("customer_secret", customer_secret)]
    given += [("webhook_secret", secret) for secret in webhook_secrets]
    wrong = [name for name, secret in given if not _is_said(secret.reveal())]
    if wrong:
        raise InvalidRequest(tuple(Violation(name, MASK, "a text that is not empty") for name in wrong))


def _is_said(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip())
