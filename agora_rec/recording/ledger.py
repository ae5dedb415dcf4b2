"""What is known of one recording, and its copy in the store: standing, history, checkpoints.

Facts come in here, through `absorb`, and nowhere else. The store is written in `save` only, and read where
others may have written: what they know and what has happened here become one. What a change sets in motion is
not decided here.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol, Self

import anyio
from attrs import evolve

from agora_rec import codec
from agora_rec.errors import InvalidRequest, StoreConflict, Subject, Violation
from agora_rec.errors.text import as_field
from agora_rec.lifecycle import Change, Fact, FactKey, Standing, facts
from agora_rec.model.notification import Notification
from agora_rec.recording.description import Description
from agora_rec.recording.heard import Heard
from agora_rec.recording.keeper import Keeper
from agora_rec.recording.tail import Tail
from agora_rec.recording.tried import Attempts
from agora_rec.recording.turn import Turn
from agora_rec.secret import MASK
from agora_rec.store import Checkpoint, Plan, Stored
from agora_rec.vocabulary import OperationName, State

log: Final = logging.getLogger("agora_rec")

_Contents = tuple[Description, str | None, frozenset[str], Standing, int, int, int]

_LOUD: Final = {
    FactKey.OUT_OF_CONTROL: (
        logging.ERROR,
        ": the service takes no more calls for it, and it may still run",
    ),
    FactKey.ALTERNATE_TAKEN: (logging.WARNING, ": its start was refused under its first uid"),
    FactKey.FAILED_OVER_AFTER_END: (
        logging.WARNING,
        ": what ended was an instance that it had left behind, and it runs on another server",
    ),
}
"""Changes that somebody should look at: how loud they are, and what they mean."""

STORE_LOOK_EVERY: Final = 5.0
"""Seconds after which whoever waits looks into the store: another worker may have learnt more."""

WRITES_TRIED: Final = 20
"""How often a write is tried anew because others have written in between."""

HISTORY_KEPT: Final = 200
"""How many transitions are kept; a stop that is refused again and again makes two each time."""


class Watcher(Protocol):
    """Follows a recording without a task."""

    def learnt(self) -> None:
        """Something has become known; must not raise."""
        ...


class Ledger:
    """The one place where a recording's standing changes, and where it is written down."""

    __slots__ = (
        "_attached_at",
        "_changed",
        "_is_closed",
        "_mode",
        "_news",
        "_plan",
        "_saved",
        "_saving",
        "_unsure",
        "_version",
        "attempts",
        "description",
        "heard",
        "history",
        "keeper",
        "on_news",
        "standing",
        "start_digest",
        "starters",
        "watcher",
    )

    def __init__(
        self,
        description: Description,
        keeper: Keeper,
        *,
        standing: Standing | None = None,
        history: tuple[Change, ...] = (),
        start_digest: str | None = None,
        starters: frozenset[str] = frozenset(),
        heard: Heard | None = None,
        attempts: Attempts | None = None,
        attached_at: datetime | None = None,
        version: int | None = None,
    ) -> None:
        self.description: Description = description
        self.keeper: Keeper = keeper
        self.standing: Standing = Standing() if standing is None else standing
        self.history: Tail[Change] = Tail(history, most=HISTORY_KEPT)
        self.start_digest = start_digest
        self.starters: frozenset[str] = starters
        """The clients that have sent the start, and can't say yet that each of their attempts was refused."""
        self.heard: Heard = Heard() if heard is None else heard
        self.attempts: Attempts = Attempts() if attempts is None else attempts
        self.watcher: Watcher | None = None
        """Whoever supervises the recording."""
        self.on_news: Callable[[Change | None], None] = lambda _: None
        """Hears that something new is known, and the transition, if it is one."""
        self._mode = keeper.modes.text_of(description.mode)
        self._changed: anyio.Event | None = None  # made by the first who waits
        self._saving = Turn()
        # What happened since the store was written or read.
        self._news: tuple[tuple[Fact, datetime], ...] = ()
        self._unsure: tuple[Checkpoint, _Contents, int] | None = None
        self._attached_at = attached_at
        self._version = version or 0
        self._saved: _Contents | None = None if version is None else self._contents()
        self._plan: Plan | None = None
        """The plan as the store had it when it was last written or read."""
        self._is_closed = False

    @classmethod
    def of(
        cls, checkpoint: Checkpoint, description: Description, keeper: Keeper, *, version: int | None = None
    ) -> Self:
        """Go on from a checkpoint.

        Args:
            checkpoint: What was known.
            description: As `Description.restored` made it from the checkpoint.
            keeper: The client.
            version: The version that the store has it under; None: that is to be found out.
        """
        ledger = cls(
            description,
            keeper,
            standing=checkpoint.standing,
            history=checkpoint.history,
            start_digest=checkpoint.start_digest,
            starters=frozenset(checkpoint.starters),
            heard=Heard.of(checkpoint),
            attempts=Attempts(checkpoint.tried, checkpoint.calls),
            attached_at=checkpoint.saved_at if version is None else None,
            version=version,
        )
        ledger._plan = checkpoint.plan
        return ledger

    @property
    def state(self) -> State:
        """Where the recording stands."""
        return self.standing.state

    @property
    def resource_id(self) -> str:
        """The resource ID, where the state says that there is one."""
        return self.standing.resource_id or ""

    @property
    def sid(self) -> str:
        """The sid, where the state says that there is one."""
        return self.standing.sid or ""

    @property
    def version(self) -> int:
        """Which version of the checkpoint the store had when it was last written or read."""
        return self._version

    @property
    def sid_known_since(self) -> datetime | None:
        """When the sid became known, as far as history goes back."""
        found = (each.at for each in reversed(self.history.items) if each.fact is FactKey.STARTED)
        return next(found, None)

    def subject(self, operation: OperationName) -> Subject:
        """Who a call is about, for errors."""
        return Subject(
            operation=operation,
            cname=self.description.cname,
            uid=self.description.uid,
            resource_id=self.standing.resource_id,
            sid=self.standing.sid,
        )

    def absorb(self, fact: Fact) -> None:
        """Take in a fact, and let those know who wait for a change."""
        at = self.keeper.clock.now()
        before = self.standing
        self.standing = before.absorb(fact, at=at)
        if self.standing is before:
            return
        if self.standing.sid is not None:
            self.starters = frozenset()  # it has worked
        self._news += ((fact, at),)
        change: Change | None = None
        if self.standing.state is not before.state or fact.key is FactKey.ALTERNATE_TAKEN:
            change = Change(at=at, fact=before.key_of(fact), before=before.state, after=self.standing.state)
            self.history.append(change)
            self._log(change)
        self.on_news(change)
        self._wake()

    def take_alternate(self, description: Description) -> None:
        """Go on under the alternate uid; what is known of the first one's resource ID is forgotten.

        Args:
            description: As `Description.under_alternate` gave it.
        """
        self.description = description
        self.start_digest = None
        self.absorb(facts.AlternateTaken())

    def hear(self, notification: Notification, keys: tuple[str, ...]) -> bool:
        """Keep a notification, and let those know who follow them; what it means comes in as facts.

        Returns:
            Whether it was new.
        """
        is_new = self.heard.keep(notification, keys)
        if is_new:
            self._wake()
        return is_new

    async def news(self) -> None:
        """Wait until something new may be known: here, or by another worker, where others use the store.

        Raises:
            RuntimeError: The client was closed, so nothing ever will be.
        """
        look_after = STORE_LOOK_EVERY if self.keeper.is_store_shared else None
        with self.keeper.clock.move_on_after(look_after) as scope:
            await self.change()
        if scope.cancelled_caught:
            await self.look_up()

    async def look_up(self) -> None:
        """Learn what other workers have written; a store that fails then is only reported."""
        try:
            await self.refresh()
        except Exception:  # nobody loses anything by it: the next look may succeed
            label, fields = self.description.label, self.log_fields
            log.warning("the store could not be asked for recording %s", label, exc_info=True, extra=fields)

    async def change(self) -> None:
        """Wait until something new is known here.

        Raises:
            RuntimeError: The client was closed, so nothing ever will be.
        """
        if self._is_closed:
            raise RuntimeError("the client was closed: no more will be known of this recording here")
        if self._changed is None:
            self._changed = anyio.Event()
        await self._changed.wait()

    @property
    def is_closed(self) -> bool:
        """Whether the client was closed."""
        return self._is_closed

    def close(self) -> None:
        """Wake all who wait for a change: there will be none."""
        self._is_closed = True
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.set()
        if self.watcher is not None:
            self.watcher.learnt()

    def checkpoint(self) -> Checkpoint:
        """All that is known, without secrets."""
        return Checkpoint(
            id=self.description.id,
            key=self.description.key,
            cname=self.description.cname,
            uid=self.description.uid,
            mode=self._mode,
            has_token=self.description.has_token,
            region=self.description.region,
            resource_expired_hour=self.description.resource_expired_hour,
            exclude=self.description.exclude,
            announce_start=self.description.announce_start,
            alternate_uid=self.description.alternate_uid,
            alternate_has_token=self.description.alternate_has_token,
            start_digest=self.start_digest,
            starters=tuple(sorted(self.starters)),
            standing=self.standing,
            history=self.history.items,
            notifications=self.heard.notifications,
            heard=self.heard.keys,
            progress=self.heard.progress,
            tried=self.attempts.kept,
            calls=self.attempts.calls,
            plan=self.description.plan,
            saved_at=self.keeper.clock.now(),
        )

    async def save(self) -> None:
        """Write the checkpoint, if anything has changed since the last one; raises what the store raises.

        Where another worker has written in between, what has happened here is added to what he knows. What
        could not be written the client keeps, and tries again.
        """
        if self._saved != self._contents() or self._unsure is not None or self._saving.is_taken:
            try:
                await self._write_all()
            except BaseException:
                self.keeper.unwritten.add(self)
                raise
        self.keeper.unwritten.drop(self)

    async def _write_all(self) -> None:
        with await self._saving.take():
            await self._find_version()
            await self._write_what_is_new()

    async def _write_what_is_new(self) -> None:
        tries_left = WRITES_TRIED
        while self._saved != (contents := self._contents()):
            try:
                await self._write(contents)
            except StoreConflict:
                tries_left -= 1
                stored = await self.keeper.store.load(self.description.id)
                if not tries_left or stored is None:
                    raise
                self._go_on_from(stored)

    async def refresh(self) -> None:
        """Learn what other workers have written; raises what the store raises."""
        with await self._saving.take():
            await self._find_version()
            stored = await self.keeper.store.load(self.description.id)
            if stored is not None and stored.version != self._version:
                self._go_on_from(stored)

    def _contents(self) -> "_Contents":
        """What a checkpoint is made of; cheaper to compare than the checkpoint, and without its moment."""
        seen = self.history.total, self.heard.revision, self.attempts.revision
        return self.description, self.start_digest, self.starters, self.standing, *seen

    async def _write(self, contents: "_Contents") -> None:
        checkpoint, told = self.checkpoint(), len(self._news)
        self._unsure = checkpoint, contents, told  # a store that fails may have written all the same
        try:
            self._version = await self.keeper.store.save(checkpoint, version=self._version)
        except StoreConflict:
            self._unsure = None
            raise
        self._written(checkpoint, contents, told)

    def _written(self, checkpoint: Checkpoint, contents: "_Contents", told: int) -> None:
        self._plan, self.attempts.written = checkpoint.plan, checkpoint.calls
        self._news = self._news[told:]
        self._saved, self._unsure = contents, None

    def _go_on_from(self, stored: Stored) -> None:
        """Take over what others have written, and add to it what has happened here since.

        Facts are absorbed in whatever order they come, with one exception: a start of ours that was only
        noted, where somebody else's is on its way or has another resource ID. Then his counts, and ours
        isn't sent (`starting.py` sees to that).
        """
        theirs, before = stored.checkpoint, self.standing
        # What was heard or tried here is no fact, and as unknown to them as facts of ours.
        is_written = not self._news and self._saved == self._contents()
        merged = self._added_to(theirs)
        if merged is None:
            self._news = ()
            merged = theirs.standing
        mine = {type(fact) for fact, _ in self._news}
        if theirs.uid != self.description.uid and facts.AlternateTaken not in mine:
            taken = self.description.under_alternate()
            self.description = Description.restored(theirs, None, None, None) if taken is None else taken
        if theirs.plan != self.description.plan == self._plan:  # nobody has made another one here
            self.description = evolve(self.description, plan=theirs.plan)
        self._plan = theirs.plan
        if facts.StartSent not in mine:
            self.start_digest = theirs.start_digest
        self.starters = self._starters_with(theirs, is_ours=facts.StartSent in mine)
        for entry in [each for each in theirs.history if each not in self.history.items]:
            self.history.append(entry)
        self.heard.merge(theirs)
        self.attempts.merge(theirs.tried, theirs.calls)
        self.standing, self._version = merged, stored.version
        self._saved = self._contents() if is_written else None
        change: Change | None = None
        if merged.state is not before.state:
            last = self.history.items[-1]
            change = Change(at=last.at, fact=last.fact, before=before.state, after=merged.state)
        self.on_news(change)
        self._wake()

    def _added_to(self, theirs: Checkpoint) -> Standing | None:
        """What is known together; None if a start of ours doesn't go with what they know."""
        merged, starts = theirs.standing, False
        others = set(theirs.starters) - {self.keeper.holder}
        for fact, at in self._news:
            if isinstance(fact, facts.StartRefused) and others:
                continue  # somebody has sent it again meanwhile: what we were answered proves nothing
            merged = merged.absorb(fact, at=at)
            starts = starts or isinstance(fact, facts.StartSent)
        other = merged.resource_id != self.standing.resource_id or theirs.start_digest not in (
            None,
            self.start_digest,
        )
        return None if starts and other else merged

    def _starters_with(self, theirs: Checkpoint, *, is_ours: bool) -> frozenset[str]:
        """Who has sent the start: what they know of others, and we of ourselves."""
        standing = theirs.standing
        if standing.state is State.STARTING and standing.resource_id == self.standing.resource_id:
            ourselves = {self.keeper.holder}
            return (frozenset(theirs.starters) - ourselves) | (self.starters & ourselves)
        return self.starters if is_ours else frozenset(theirs.starters)

    def learn_secrets(self, description: Description, *, is_new: bool = False) -> None:
        """Take the description with its secrets, if they are those of the first start.

        An alternate's token that is known here already need not be brought again.

        Args:
            description: As `Description.restored` or `Description.with_secrets` made it.
            is_new: They are for another start than the first one, under another resource ID.

        Raises:
            InvalidRequest: They are not.
        """
        body = codec.encode(description.start_request())
        if not is_new and self.start_digest not in (None, self.keeper.digest(body)):
            rule = "the mode and token of the first start: a repeated start must not differ"
            raise InvalidRequest((Violation("mode, token", MASK, rule),))
        self.description = description.with_alternate_of(self.description)

    async def _find_version(self) -> None:
        """Where we can't know it, ask the store which version it has, and go on from there."""
        if self._unsure is None and self._attached_at is None:
            return
        stored = await self.keeper.store.load(self.description.id)
        unsure, attached_at = self._unsure, self._attached_at
        if stored is not None and unsure is not None and stored.checkpoint == unsure[0]:
            self._version = stored.version
            self._written(*unsure)
        elif stored is not None and attached_at is not None:
            self._version = stored.version
            if stored.checkpoint.saved_at > attached_at:
                self._go_on_from(stored)
        self._unsure = self._attached_at = None

    async def save_after(self) -> None:
        """Write what has happened; a store that fails then takes nothing back, so it is only reported."""
        try:
            await self.save()
        except Exception:  # it is tried again: see `unwritten.py`
            log.exception(
                "the checkpoint of recording %s could not be written",
                self.description.label,
                extra=self.log_fields,
            )

    @property
    def log_fields(self) -> dict[str, object]:
        """The fields of every log record about this recording, beside its message."""
        return {
            "cname": as_field(self.description.cname),
            "uid": self.description.uid,
            "resource_id": as_field(self.standing.resource_id),
            "sid": as_field(self.standing.sid),
            "state": self.state.value,
        }

    def _log(self, change: Change) -> None:
        level, comment = _LOUD.get(change.fact, (logging.DEBUG, ""))
        if not log.isEnabledFor(level):
            return
        log.log(
            level,
            "recording %s: %s -> %s (%s)%s",
            self.description.label,
            change.before,
            change.after,
            change.fact,
            comment,
            extra=self.log_fields,
        )
