"""What is known of one recording, and its copy in the store: standing, history, checkpoints.

Facts come in here, through `absorb`, and nowhere else. Writing to the store happens only in `save`, which is
called from jobs. What a change sets in motion is not decided here.
"""

import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final

import anyio

from agora_rec import codec
from agora_rec.errors import InvalidRequest, StoreConflict, Subject, Violation
from agora_rec.errors.text import as_field
from agora_rec.lifecycle import Change, Fact, FactKey, Standing, facts
from agora_rec.recording.description import Description
from agora_rec.recording.keeper import Keeper
from agora_rec.secret import MASK
from agora_rec.store import Checkpoint
from agora_rec.vocabulary import OperationName, State

log: Final = logging.getLogger("agora_rec")

_Contents = tuple[Description, str | None, Standing, int]

_LOUD: Final = {
    FactKey.OUT_OF_CONTROL: (
        logging.ERROR,
        ": the service takes no more calls for it, and it may still run",
    ),
    FactKey.ALTERNATE_TAKEN: (logging.WARNING, ": its start was refused under its first uid"),
}
"""Changes that somebody should look at: how loud they are, and what they mean."""

HISTORY_KEPT: Final = 200
"""How many transitions are kept; a stop that is refused again and again makes two each time."""


class Ledger:
    """The one place where a recording's standing changes, and where it is written down."""

    def __init__(
        self,
        description: Description,
        keeper: Keeper,
        *,
        standing: Standing | None = None,
        history: tuple[Change, ...] = (),
        start_digest: str | None = None,
        attached_at: datetime | None = None,
    ) -> None:
        self.description: Description = description
        self.keeper = keeper
        self.standing: Standing = Standing() if standing is None else standing
        self.history: deque[Change] = deque(history, maxlen=HISTORY_KEPT)
        self.changes_seen: int = len(history)
        self.start_digest = start_digest
        self.on_change: Callable[[Change], None] = lambda _: None
        self.on_news: Callable[[], None] = lambda: None
        self._mode = codec.dump_mode(description.mode)
        self._changed: anyio.Event | None = None  # made by the first who waits
        self._saving = anyio.Lock(fast_acquire=True)
        self._saved: _Contents | None = None
        self._unsure: tuple[Checkpoint, _Contents] | None = None
        self._attached_at = attached_at
        self._version = 0
        self._is_closed = False

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
    def sid_known_since(self) -> datetime | None:
        """When the sid became known, as far as history goes back."""
        found = (each.at for each in reversed(self.history) if each.fact is FactKey.STARTED)
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
        if self.standing.state is not before.state or fact.key is FactKey.ALTERNATE_TAKEN:
            change = Change(at=at, fact=before.key_of(fact), before=before.state, after=self.standing.state)
            self.history.append(change)
            self.changes_seen += 1
            self._log(change)
            self.on_change(change)
        self.on_news()
        self._wake()

    def take_alternate(self, description: Description) -> None:
        """Go on under the alternate uid; what is known of the first one's resource ID is forgotten.

        Args:
            description: As `Description.under_alternate` gave it.
        """
        self.description = description
        self.start_digest = None
        self.absorb(facts.AlternateTaken())

    async def change(self) -> None:
        """Wait until something new is known.

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

    def changes_since(self, seen: int) -> tuple[Change, ...]:
        """The transitions after the first `seen` ones, as far as they are kept."""
        missing = min(self.changes_seen - seen, len(self.history))
        return tuple(self.history)[len(self.history) - missing :]

    def checkpoint(self) -> Checkpoint:
        """All that is known, without secrets."""
        return Checkpoint(
            id=self.description.id,
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
            standing=self.standing,
            history=tuple(self.history),
            saved_at=self.keeper.clock.now(),
        )

    async def save(self) -> None:
        """Write the checkpoint, if anything has changed since the last one; raises what the store raises."""
        if self._saved == self._contents() and not self._saving.locked():
            return
        async with self._saving:
            await self._find_version()
            contents = self._contents()
            if self._saved != contents:
                await self._write(contents)

    def _contents(self) -> "_Contents":
        """What a checkpoint is made of; cheaper to compare than the checkpoint, and without its moment."""
        return self.description, self.start_digest, self.standing, self.changes_seen

    async def _write(self, contents: "_Contents") -> None:
        checkpoint = self.checkpoint()
        self._unsure = checkpoint, contents  # a store that fails may have written all the same
        try:
            self._version = await self.keeper.store.save(checkpoint, version=self._version)
        except StoreConflict:
            self._unsure = None
            raise
        self._saved, self._unsure = contents, None

    def learn_secrets(self, description: Description) -> None:
        """Take the description with its secrets, if they are those of the first start.

        An alternate's token that is known here already need not be brought again.

        Raises:
            InvalidRequest: They are not.
        """
        body = codec.encode(description.start_request())
        if self.start_digest not in (None, self.keeper.digest(body)):
            rule = "the mode and token of the first start: a repeated start must not differ"
            raise InvalidRequest((Violation("mode, token", MASK, rule),))
        self.description = description.with_alternate_of(self.description)

    async def _find_version(self) -> None:
        """Where we can't know it, ask the store which version it has, and go on from there.

        Raises:
            StoreConflict: Somebody else has gone on from there already.
        """
        if self._unsure is None and self._attached_at is None:
            return
        stored = await self.keeper.store.load(self.description.id)
        if stored is not None and self._unsure is not None and stored.checkpoint == self._unsure[0]:
            self._version, self._saved = stored.version, self._unsure[1]
        elif stored is not None and self._attached_at is not None:
            if stored.checkpoint.saved_at > self._attached_at:
                raise StoreConflict(key=self.description.id, expected=None, found=stored.version)
            self._version = stored.version
        self._unsure = self._attached_at = None

    async def save_after(self) -> None:
        """Write what has happened; a store that fails then takes nothing back, so it is only reported."""
        try:
            await self.save()
        except Exception:  # the next write-ahead will raise it to somebody who can act on it
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
