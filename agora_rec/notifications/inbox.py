"""The inbox: each notification is dealt with once, and acknowledged when that is safe.

Here is what happens to a notification that was verified and read: is it known, whose is it, what follows from
it, who else wants to see it first. What it means stands in `lifecycle/heard.py`.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, Protocol

import anyio
from attrs import evolve

from agora_rec.clock import Clock
from agora_rec.errors import AgoraRecError, InvalidRequest, NotAcknowledged, Violation
from agora_rec.model.notification import Notification
from agora_rec.notifications.reading import parse
from agora_rec.notifications.receiver import BeforeAck, Headers
from agora_rec.notifications.signature import verify
from agora_rec.recording import Recording, identity, remember
from agora_rec.secret import Secret
from agora_rec.store import Store, Stored

ACK_WITHIN: Final = 8.0
"""Seconds that `before_ack` has: the service waits for ten (timing.yaml `webhook_answer`)."""

MARKED_SECONDS: Final = 86_400.0
"""For how long the store remembers a notification of no known recording; all repetitions come long before."""

SETTLED_KEPT: Final = 10_000
"""How many identities are remembered here, beside those that are kept with each recording."""


class Registry(Protocol):
    """What the inbox needs of the client."""

    @property
    def clock(self) -> Clock:
        """Where time comes from."""
        ...

    @property
    def store(self) -> Store:
        """Where recordings of all workers are found."""
        ...

    def known(self, *, sid: str) -> Recording | None:
        """The recording with that sid, if somebody here holds it."""
        ...

    def visit(self, stored: Stored) -> Recording:
        """The recording of a checkpoint: the one that is held here, or one made for the occasion."""
        ...


class Inbox:
    """Takes in the notifications of one client, if there is a secret to tell them by."""

    def __init__(self, registry: Registry, secrets: tuple[Secret, ...], *, accept_sha1: bool) -> None:
        self._registry = registry
        self._secrets = secrets
        self._accept_sha1 = accept_sha1
        self._settled: OrderedDict[str, None] = OrderedDict()
        self._under_way: dict[str, anyio.Event] = {}

    @property
    def is_open(self) -> bool:
        """Whether there is a secret."""
        return bool(self._secrets)

    async def receive(self, headers: Headers, body: bytes, before_ack: BeforeAck | None) -> Notification:
        """Take in one webhook; see `CloudRecording.receive`."""
        if not self._secrets:
            rule = "the secret of the notifications, as Agora's console shows it"
            raise InvalidRequest((Violation("webhook_secret", "None", rule),))
        read = self._read(headers, body)
        del headers, body  # as in `verify`: they are not for tracebacks
        if isinstance(read, AgoraRecError):
            raise read
        return await self.take(read, before_ack)

    def _read(self, headers: Headers, body: bytes) -> Notification | AgoraRecError:
        try:
            verify(self._secrets, headers, body, accept_sha1=self._accept_sha1)
            return parse(body)
        except AgoraRecError as error:
            return error.with_traceback(None)

    async def take(self, notification: Notification, before_ack: BeforeAck | None) -> Notification:
        """Deal with a notification that was verified, unless that was done before."""
        keys = identity(notification)
        while (other := self._find_under_way(keys)) is not None:
            await other.wait()  # the same once more: whether it is settled, that one will tell
        if not self._settled.keys().isdisjoint(keys):
            return evolve(notification, duplicate=True)
        done = anyio.Event()
        self._under_way.update(dict.fromkeys(keys, done))
        try:
            is_new = await self._deal_with(notification, keys, before_ack)
        finally:
            for key in keys:
                del self._under_way[key]
            done.set()
        remember(self._settled, keys, SETTLED_KEPT)
        return notification if is_new else evolve(notification, duplicate=True)

    def _find_under_way(self, keys: Iterable[str]) -> anyio.Event | None:
        return next((self._under_way[key] for key in keys if key in self._under_way), None)

    async def _deal_with(
        self, notification: Notification, keys: tuple[str, ...], before_ack: BeforeAck | None
    ) -> bool:
        """Save what follows from it, have it taken over, and only then let it count; whether it was new."""
        recording = await self._recording_of(notification)
        if recording is None:
            return await self._deal_with_stranger(notification, keys, before_ack)
        hearing = recording.hearing
        if not hearing.is_settled(keys) and not hearing.take(notification, keys):
            await hearing.reread()  # it came before and didn't count here; perhaps it did at another worker
        if hearing.is_settled(keys):
            await hearing.save()  # it was settled here, perhaps, and the store could not be written
            return False
        if before_ack is not None:
            await hearing.save()
            if hearing.is_settled(keys):  # another worker was quicker
                return False
            await self._hand_over(notification, recording, before_ack)
        hearing.settle(keys)
        await hearing.save()
        return True

    async def _deal_with_stranger(
        self, notification: Notification, keys: tuple[str, ...], before_ack: BeforeAck | None
    ) -> bool:
        """The same where nobody knows the recording: what was dealt with is kept beside the recordings."""
        store = self._registry.store
        if await store.is_marked(keys):
            return False
        if before_ack is not None:
            await self._hand_over(notification, None, before_ack)
        await store.mark(keys, seconds=MARKED_SECONDS)
        return True

    async def _recording_of(self, notification: Notification) -> Recording | None:
        """Whose it is: by the sid, or else by channel and uid if their start waits for its sid."""
        registry, sid = self._registry, notification.sid
        if not sid:
            return None
        recording = registry.known(sid=sid)
        if recording is not None:
            return recording
        stored = await registry.store.load_by_sid(sid)
        if stored is not None:
            return registry.visit(stored)
        if notification.cname is None or notification.uid is None:
            return None
        waiting = await registry.store.load_starting(notification.cname, notification.uid)
        candidates = (registry.visit(each) for each in waiting)
        return next((each for each in candidates if each.hearing.awaits(notification)), None)

    async def _hand_over(
        self, notification: Notification, recording: Recording | None, before_ack: BeforeAck
    ) -> None:
        with self._registry.clock.move_on_after(ACK_WITHIN) as scope:
            try:
                await before_ack(notification, recording)
            except Exception as error:
                raise NotAcknowledged(f"before_ack raised {type(error).__name__}") from error
        if scope.cancelled_caught:
            raise NotAcknowledged(f"before_ack took longer than {ACK_WITHIN:g} s")
