"""`CloudRecording`: the client that owns transport, budget, store and the task group, and makes recordings.

It knows how to send and what to keep; what a recording does with it stands in `recording/`. Everything that
must not be lost runs in its task group: leaving the client waits for the starts and stops under way.

What works for a client is loaded when the first one is made, not when this module is imported; see
`deferred.py`.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, TypeVarTuple, Unpack

import anyio

from agora_rec.clock import Clock, SystemClock
from agora_rec.defaults import MAX_CONNECTIONS, QPS
from agora_rec.errors import InvalidRequest, Violation
from agora_rec.options import Options, from_environment, hidden
from agora_rec.secret import MASK, Secret, hide, hide_all
from agora_rec.vocabulary import Area, Region

if TYPE_CHECKING:
    from types import TracebackType

    from anyio.abc import TaskGroup

    from agora_rec.api import Api
    from agora_rec.codec import Body
    from agora_rec.errors import Attempt
    from agora_rec.model import Alternate, AnyAnswer, Mode, NotificationIps
    from agora_rec.model.notification import Notification
    from agora_rec.notifications.receiver import BeforeAck, Headers
    from agora_rec.operations import Operation
    from agora_rec.recording import Ledger, Recording
    from agora_rec.recording.keeper import SecretsProvider
    from agora_rec.store import Checkpoint, Store, Stored
    from agora_rec.transport import Budget, Interrupt, RetryPolicy, Telemetry, Transport
    from agora_rec.transport.http import HttpxTransport

A = TypeVar("A", bound="AnyAnswer")
Ts = TypeVarTuple("Ts")

_NOT_OPEN: Final = "the client is not open: use 'async with CloudRecording(...) as cloud'"


class CloudRecording:
    """The client: an async context manager, used by any number of tasks at once.

    Leaving it stops no recording, but waits for the starts and stops that are under way (60 s and 120 s for
    each, and what its store takes to write), and stops what a caller started and then abandoned.

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
        from agora_rec.register import Register
        from agora_rec.store import MemoryStore
        from agora_rec.transport import LocalBudget, Unpaced, open_transport

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
        self._register = Register()
        self.secrets: SecretsProvider | None = secrets
        self._inbox = Inbox(self, webhook_secrets, accept_sha1=accept_sha1)
        self._group: TaskGroup | None = None
        self._own = AsyncExitStack()  # what was opened with this client, and is closed after it
        self._is_open = self._is_closed = False
        self._following: anyio.CancelScope | None = None
        self.api: Api = Api(app_id, self._transport, self.require_open, self.clock.now)

    @classmethod
    def from_env(cls, **overrides: Unpack[Options]) -> Self:
        """Make a client from the environment; what is passed here goes first.

        Reads `AGORA_APP_ID`, `AGORA_CUSTOMER_ID`, `AGORA_CUSTOMER_SECRET`, and if they are set `AGORA_AREA`,
        `AGORA_BASE_URL` and `AGORA_WEBHOOK_SECRET`.

        Raises:
            InvalidRequest: Variables are missing or wrong; names all of them.
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

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """Every recording of this client that has begun and not ended, whoever holds it."""
        return self._register.held

    def recording(
        self,
        cname: str,
        uid: int | str,
        mode: Mode,
        *,
        token: str | Secret | None = None,
        region: Region | None = None,
        resource_expired_hour: int | None = None,
        exclude: Sequence[str] = (),
        announce_start: bool = False,
        alternate: Alternate | None = None,
    ) -> Recording:
        """Make a recording; nothing is sent yet. What is None isn't sent at all.

        Args:
            cname: The channel's name; for `Web` any name that tells recordings apart.
            uid: The recorder's own uid in the channel, 1 to 4294967295; nobody else may use it.
            mode: `Mix`, `Individual` or `Web`: what is recorded, how, and where the files go.
            token: An RTC token for this channel and uid, if the project has its App Certificate enabled. It
                can't be renewed while it records, so it must outlive the recording.
            region: Where the service may record; the bucket must lie there too.
            resource_expired_hour: Hours (1 to 720, the service's default is 72) in which calls are accepted.
            exclude: Resource IDs of recordings that run: this one is placed in another area (redundancy).
            announce_start: Whether acquire announces exactly what start will send, for a better placement.
            alternate: Another uid, with its token, that `ensure_started` and `async with` may take when the
                service has refused the start for certain, and its documents name another uid as the way on.
                Never while anything of the first one may run.

        Raises:
            InvalidRequest: Every wrong field, with its path, its value (secrets masked) and the rule.
        """
        from agora_rec.recording import Description, Ledger

        token = hide(token)
        description = Description.checked(
            cname=cname,
            uid=uid,
            mode=mode,
            token=token,
            region=region,
            resource_expired_hour=resource_expired_hour,
            exclude=exclude,
            announce_start=announce_start,
            alternate=alternate,
            now=self.clock.now(),
        )
        return self._make(Ledger(description, self))

    async def claim(
        self,
        key: str,
        *,
        cname: str,
        uid: int | str,
        mode: Mode,
        token: str | Secret | None = None,
        region: Region | None = None,
        resource_expired_hour: int | None = None,
        exclude: Sequence[str] = (),
        announce_start: bool = False,
        alternate: Alternate | None = None,
    ) -> Recording:
        """Give the live recording of a key, whichever worker made it, or make it; nothing is sent yet.

        Of many workers that claim a key at once one makes the recording, and all get the same: follow it with
        `ensure_started`. A recording is live until it has ended, or its recorder is known to have left.

        Args:
            key: What you call it: a lesson, a call; 1 to 200 characters.
            cname: The channel; as for `recording`, like all that follows. Channel, uid and mode must be those
                of the live recording, if there is one; its token and storage keys are taken from here.
            uid: The recorder's uid.
            mode: What is recorded, how, and where the files go.
            token: The recorder's token.
            region: Where the service may record.
            resource_expired_hour: Hours in which calls are accepted.
            exclude: Resource IDs of recordings from whose area it keeps away.
            announce_start: Whether acquire announces what start will send.
            alternate: Another uid for the case that the first one can't be started.

        Raises:
            InvalidRequest: Every wrong field; or the live recording of that key is another one.
            Exception: Whatever the store raises.
        """
        from agora_rec.recording import Description, Ledger

        token = hide(token)
        self.require_open()
        description = Description.checked(
            key=key,
            cname=cname,
            uid=uid,
            mode=mode,
            token=token,
            region=region,
            resource_expired_hour=resource_expired_hour,
            exclude=exclude,
            announce_start=announce_start,
            alternate=alternate,
            now=self.clock.now(),
        )
        stored = await self.store.claim(Ledger(description, self).checkpoint())
        if stored.checkpoint.id == description.id:
            return self._make(Ledger.of(stored.checkpoint, description, self, version=stored.version))
        description.require_same(stored.checkpoint)
        try:
            return self._take_up(stored, mode=mode, token=token, alternate=alternate)
        except (
            InvalidRequest
        ):  # it was started with another token: that one counts, and nobody needs it again
            return self._take_up(stored)

    async def find(self, key: str) -> Recording | None:
        """Give the recording that was claimed last under a key, ended or not; None: there is none.

        It is driven on from here as from any other worker; only a start needs what checkpoints don't hold
        (see `secrets`).

        Raises:
            Exception: Whatever the store raises.
        """
        self.require_open()
        stored = await self.store.load_by_key(key)
        return None if stored is None else self._take_up(stored)

    def _make(self, ledger: Ledger, *, is_visited: bool = False) -> Recording:
        from agora_rec.recording import Recording

        recording = Recording(ledger, is_visited=is_visited)
        self._register.add(recording)
        return recording

    def attach(
        self,
        checkpoint: Checkpoint,
        *,
        mode: Mode | None = None,
        token: str | Secret | None = None,
        alternate: Alternate | None = None,
    ) -> Recording:
        """Go on with a recording from its checkpoint; if this client has it already, that one is given.

        What it was made with may be given again as it was: if the alternate uid has been taken since, the
        alternate's token is the one that counts. A mode that is given is given to the recording that is there
        already too, and its token and alternate with it.

        Args:
            checkpoint: As `Recording.checkpoint` or a store gave it.
            mode: The mode again, with its secrets; needed only for a start.
            token: The token again; needed only for a start.
            alternate: The alternate again, with its token; needed only for a start under it. Another one than
                before is taken in its place.

        Raises:
            InvalidRequest: Mode or token are not those that it was started with, or the alternate is wrong.
        """
        token = hide(token)
        return self._go_on(checkpoint, None, mode, token, alternate)

    def _take_up(
        self,
        stored: Stored,
        *,
        mode: Mode | None = None,
        token: Secret | None = None,
        alternate: Alternate | None = None,
    ) -> Recording:
        """Go on with a recording as the store has it."""
        return self._go_on(stored.checkpoint, stored.version, mode, token, alternate)

    def _go_on(
        self,
        checkpoint: Checkpoint,
        version: int | None,
        mode: Mode | None,
        token: Secret | None,
        alternate: Alternate | None,
    ) -> Recording:
        from agora_rec.recording import Description, Ledger

        there = self._register.find_held(checkpoint.id)
        if there is None and version is not None:
            there = self._register.find(checkpoint.id)
        if there is not None:
            checkpoint = there.checkpoint()  # it knows best which of its uids it has
        description = Description.restored(checkpoint, mode, token, alternate)
        if there is not None:
            if description.has_secrets:
                there.learn_secrets(description)
            return there
        ledger = Ledger.of(checkpoint, description, self, version=version)
        if description.has_secrets:
            ledger.learn_secrets(description)
        recording = self._make(ledger)
        if checkpoint.is_unfinished:
            self.keep(recording)
        return recording

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

    def known(self, *, sid: str) -> Recording | None:
        """The recording with that sid, if somebody here holds it."""
        return self._register.find_by_sid(sid)

    def visit(self, stored: Stored) -> Recording:
        """The recording of a checkpoint, for a notification: as it is held here, or as the store has it."""
        from agora_rec.recording import Description, Ledger

        there = self._register.find(stored.checkpoint.id)
        if there is not None:
            return there
        description = Description.restored(stored.checkpoint, None, None, None)
        ledger = Ledger.of(stored.checkpoint, description, self, version=stored.version)
        return self._make(ledger, is_visited=True)

    async def unfinished(self) -> AsyncGenerator[Recording]:
        """Go through what the store knows as begun and not ended, and attach each of them.

        Whoever leaves early closes it (`contextlib.aclosing`).
        """
        async with aclosing(self.store.unfinished()) as all_stored:
            async for stored in all_stored:
                yield self._take_up(stored)

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
        on_attempt: Callable[[Attempt], None] | None = None,
    ) -> Coroutine[Any, Any, A]:
        """Make one call for a recording; see `Transport.send`."""
        return self._transport.send(operation, deadline=deadline, interrupt=interrupt, on_attempt=on_attempt)

    def spawn(self, work: Callable[[*Ts], Coroutine[Any, Any, None]], *args: *Ts, name: str) -> None:
        """Run a recording's work in the client's task group."""
        if self._group is None or self._is_closed:
            raise RuntimeError(_NOT_OPEN)
        self._group.start_soon(work, *args, name=f"agora_rec: {name}")

    def require_open(self) -> None:
        """Refuse commands outside of the client's `async with`."""
        if not self._is_open:
            raise RuntimeError(_NOT_OPEN)

    def digest(self, body: Body) -> str:
        """A keyed digest of a start's body: recognises it, and gives nothing away."""
        return body.digest(self._digest_key)

    def keep(self, recording: Recording) -> None:
        """Hold a recording that has begun."""
        self._register.hold(recording)

    def forget(self, recording: Recording) -> None:
        """Let go of a recording that has ended, or never began."""
        self._register.release(recording)

    def left_behind(self, recording: Recording) -> None:
        """Stop what was started and is wanted by nobody any more, if closing has come past it already."""
        if not self._is_open and not self._is_closed:
            with suppress(RuntimeError):  # the last task of the group may just have ended
                recording.stop_behind()

    async def __aenter__(self) -> Self:
        """Open the client: what is heavy about connections is done here, so that no call has to.

        Raises:
            InvalidRequest: The environment names a proxy or certificates that can't be used.
        """
        from agora_rec import codec
        from agora_rec.store import SharedStore
        from agora_rec.transport import SharedBudget

        codec.prepare()
        if self._group is not None:
            raise RuntimeError("a client is opened once; make another one")
        await self._transport.__aenter__()
        if isinstance(self.budget, SharedBudget) and not self.budget.is_open:
            await self._own.enter_async_context(self.budget)
        if isinstance(self.store, SharedStore) and not self.store.is_open:
            await self._own.enter_async_context(self.store)
        group = anyio.create_task_group()
        await group.__aenter__()
        self._group = group
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
        async with self._own, AsyncExitStack() as stack:
            stack.push_async_callback(self._close)
            # Jobs keep their own errors, so the group has none to report: the body's error isn't its
            # business.
            if self._group is not None:
                await self._group.__aexit__(None, None, None)

    async def _follow_store(self, scope: anyio.CancelScope) -> None:
        """Let recordings know what other workers write of them, as soon as the store says so."""
        from agora_rec.recording.following import follow

        with scope:
            await follow(self.store, self.clock, self._register.find, lambda: self._register.made)

    async def _close(self) -> None:
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
