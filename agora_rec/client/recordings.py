"""The recordings of a client: made, claimed, found, attached, and held while they run.

Nothing is sent here, and nothing opened or closed: that is the client's. What works for recordings is loaded
when the first client is made; see `deferred.py`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from agora_rec.clock import Clock
from agora_rec.errors import InvalidRequest
from agora_rec.secret import Secret, hide
from agora_rec.vocabulary import Region

if TYPE_CHECKING:
    from agora_rec.model import Alternate, Mode
    from agora_rec.recording import Description, Keeper, Ledger, Recording
    from agora_rec.register import Register
    from agora_rec.store import Checkpoint, Store, Stored


class Recordings:
    """What a client does for its recordings; the client itself adds how they are sent and kept."""

    clock: Clock
    store: Store
    _keeper: Keeper
    """The client, as its recordings see it."""
    _register: Register

    if TYPE_CHECKING:

        def require_open(self) -> None:
            """Refuse commands outside of the client's `async with`."""

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
        from agora_rec.recording import Description

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
        return self.made_of(description)

    def made_of(self, description: Description) -> Recording:
        """Make a recording of what was checked already; nothing is sent yet."""
        from agora_rec.recording import Ledger

        return self._make(Ledger(description, self._keeper))

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
        from agora_rec.recording import Description

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
        return await self.claimed(description)

    async def claimed(self, description: Description) -> Recording:
        """Give the live recording of the description's key, or make it of that; see `claim`."""
        from agora_rec.recording import Ledger

        stored = await self.store.claim(Ledger(description, self._keeper).checkpoint())
        if stored.checkpoint.id == description.id:
            return self._make(Ledger.of(stored.checkpoint, description, self._keeper, version=stored.version))
        description.require_same(stored.checkpoint)
        mode, token, alternate = description.mode, description.token, description.alternate
        try:
            recording = self.take_up(stored, mode=mode, token=token, alternate=alternate)
        except InvalidRequest:  # it was started with another token, which counts: nobody needs it again
            recording = self.take_up(stored)
        await recording.hearing.catch_up(stored.version)
        return recording

    async def find(self, key: str) -> Recording | None:
        """Give the recording that was claimed last under a key, ended or not; None: there is none.

        It is driven on from here as from any other worker; only a start needs what checkpoints don't hold
        (see `secrets`).

        Raises:
            Exception: Whatever the store raises.
        """
        self.require_open()
        stored = await self.store.load_by_key(key)
        if stored is None:
            return None
        recording = self.take_up(stored)
        await recording.hearing.catch_up(stored.version)  # it may be held here, and others have written since
        return recording

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

    def take_up(
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
        ledger = Ledger.of(checkpoint, description, self._keeper, version=version)
        if description.has_secrets:
            ledger.learn_secrets(description)
        recording = self._make(ledger)
        if checkpoint.is_unfinished:
            self.keep(recording)
        return recording

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
        ledger = Ledger.of(stored.checkpoint, description, self._keeper, version=stored.version)
        return self._make(ledger, is_visited=True)

    async def unfinished(self) -> AsyncGenerator[Recording]:
        """Go through what the store knows as begun and not ended, and attach each of them.

        Whoever leaves early closes it (`contextlib.aclosing`).
        """
        async with aclosing(self.store.unfinished()) as all_stored:
            async for stored in all_stored:
                yield self.take_up(stored)

    def keep(self, recording: Recording) -> None:
        """Hold a recording that has begun."""
        self._register.hold(recording)

    def forget(self, recording: Recording) -> None:
        """Let go of a recording that has ended, or never began."""
        self._register.release(recording)
