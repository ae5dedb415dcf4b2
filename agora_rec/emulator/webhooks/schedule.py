"""What is sent when, and how often: notices come in, copies of them come out when they are due. Pure.

Moments and the seed are arguments; what the receiver answered is told. What a notice draws from the seed
depends on its number and on nothing else, so that slow answers change no later choices.
"""

import heapq
import random
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from attrs import define, field

from agora_rec.emulator.calls import mask
from agora_rec.emulator.recorded import milliseconds
from agora_rec.emulator.webhooks.envelope import Notice, encode, envelope, new_id
from agora_rec.emulator.webhooks.records import Delivery, DeliveryAttempt, DeliveryState, Reception
from agora_rec.emulator.webhooks.switches import WebhookSwitches
from agora_rec.emulator.wire import as_object

OPEN_MAX: Final = 10_000
"""Copies that wait or are underway; while there are as many, no more notices are taken."""

KEPT_MAX: Final = 10_000
"""Records of deliveries that are over; the oldest go first."""


@define(eq=False, kw_only=True)
class Letter:
    """One copy of a notice on its way.

    It goes when it is `earliest`, or later: `overtakers` further notices are to happen before, but it doesn't
    wait for them beyond `latest`. `rank` decides between those of one moment, whoever was first to fail.
    """

    notice: Notice
    copy: int
    notice_id: str
    earliest: datetime
    latest: datetime
    rank: tuple[int, ...]
    due: datetime | None = None
    overtakers: int = 0
    state: DeliveryState = DeliveryState.WAITING
    attempts: tuple[DeliveryAttempt, ...] = ()
    notify_ms: int = 0

    def write(self, now: datetime, *, with_sid: bool) -> bytes:
        """The body for an attempt now. No two attempts have the same notifyMs: by that a resend is known."""
        self.notify_ms = max(milliseconds(now), self.notify_ms + 1)
        return encode(
            envelope(
                notice_id=self.notice_id,
                event_type=self.notice.event_type,
                notify_ms=self.notify_ms,
                payload=self.notice.payload,
                with_sid=with_sid,
            )
        )

    def record(self) -> Delivery:
        """What has become of it so far."""
        return Delivery(
            number=self.notice.number,
            copy=self.copy,
            notice_id=self.notice_id,
            event_type=self.notice.event_type,
            at=self.notice.at,
            payload=as_object(mask(dict(self.notice.payload))) or {},
            state=self.state,
            due=self.due,
            attempts=self.attempts,
        )


_Entry: TypeAlias = tuple[datetime, tuple[int, ...], int, Letter]
"""When, in which order among those of the same moment, and what."""


@define(eq=False)
class Schedule:
    """All deliveries to one receiver."""

    switches: WebhookSwitches
    seed: int = 0
    open_max: int = OPEN_MAX
    kept_max: int = KEPT_MAX
    taken: int = field(default=0, init=False)
    """The number of the last notice that was taken."""
    _open: dict[tuple[int, int], Letter] = field(factory=dict[tuple[int, int], Letter], init=False)
    _held: list[Letter] = field(factory=list[Letter], init=False)
    _agenda: list[_Entry] = field(factory=list[_Entry], init=False)
    _over: deque[Delivery] = field(init=False)
    _entries: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._over = deque(maxlen=self.kept_max)

    @property
    def has_room(self) -> bool:
        """Whether more notices can be taken now."""
        return len(self._open) < self.open_max

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """What has become of every copy, in the order of happening; of those that are over, the latest."""
        over, still_open = tuple(self._over), tuple(self._open.values())  # whole, whichever thread asks
        records = [*over, *(letter.record() for letter in still_open)]
        return tuple(sorted(records, key=lambda record: (record.number, record.copy)))

    def forget(self) -> None:
        """Drop the records of what is over."""
        self._over.clear()

    def is_over(self, number: int) -> bool:
        """Whether nothing more will be sent of the notices up to this one, all of which were taken."""
        oldest, _ = next(iter(self._open), (number + 1, 0))  # they came in order
        return oldest > number

    def take(self, notices: Iterable[Notice]) -> None:
        """Plan the copies of what has happened, in the order of happening, as long as there is room."""
        for notice in notices:
            if not self.has_room:
                return
            self.taken = notice.number
            if self.switches.subscribed is None or notice.event_type in self.switches.subscribed:
                self._plan(notice)

    def next_due(self) -> datetime | None:
        """When the next attempt is to be made."""
        while self._agenda and self._agenda[0][0] != self._agenda[0][-1].due:
            heapq.heappop(self._agenda)
        return self._agenda[0][0] if self._agenda else None

    def pick(self, now: datetime) -> Letter | None:
        """What is to be sent now, if anything; it is underway from here on, until `note`."""
        due = self.next_due()
        if due is None or due > now:
            return None
        letter = heapq.heappop(self._agenda)[-1]
        letter.due = None
        letter.state = DeliveryState.UNDERWAY
        return letter

    def note(self, letter: Letter, attempt: DeliveryAttempt) -> None:
        """What came of the attempt: the copy is delivered, waits for its next attempt, or is dropped."""
        letter.attempts = (*letter.attempts, attempt)
        tried = len(letter.attempts)
        if attempt.reception is Reception.ACCEPTED:
            self._close(letter, DeliveryState.DELIVERED)
        elif tried < self.switches.attempts_max:
            letter.state = DeliveryState.WAITING
            gap = self.switches.retry_gaps[tried - 1]
            self._schedule(letter, attempt.at + timedelta(seconds=attempt.seconds + gap))
        else:
            self._close(letter, DeliveryState.DROPPED)

    def _plan(self, notice: Notice) -> None:
        # Everything is drawn whether it is wanted or not: one switch doesn't change what another one does.
        chance = random.Random(f"{self.seed} {notice.number}")
        ids = (new_id(chance), new_id(chance))
        sent: list[Letter] = []
        for copy in range(2):
            fate, lateness, place = chance.random(), chance.uniform(*self.switches.delay), chance.random()
            if copy and not self.switches.redundant:
                break
            letter = Letter(
                notice=notice,
                copy=copy + 1,
                notice_id=ids[0 if self.switches.copies_share_id else copy],
                earliest=notice.at + timedelta(seconds=lateness),
                latest=notice.at + timedelta(seconds=lateness + self.switches.reorder_seconds),
                rank=(notice.number, 0, copy),
                overtakers=int(place * (self.switches.reorder + 1)),
            )
            if fate < self.switches.loss or notice.event_type in self.switches.lost:
                self._close(letter, DeliveryState.LOST)
            else:
                self._post(letter)
                sent.append(letter)
        if sent:
            self._let_go(sent[0])

    def _post(self, letter: Letter) -> None:
        self._open[letter.notice.number, letter.copy] = letter
        if letter.overtakers:
            self._held.append(letter)
        self._schedule(letter, letter.latest if letter.overtakers else letter.earliest)

    def _let_go(self, overtaker: Letter) -> None:
        """Count one for those that wait to be overtaken; who has seen enough of them goes after it."""
        for letter in self._held:
            if letter.notice is not overtaker.notice:
                letter.overtakers -= 1
                # Held back for the longest time already, it may be underway or even be sent again.
                is_held = letter.state is DeliveryState.WAITING and not letter.attempts
                if not letter.overtakers and is_held:
                    letter.rank = (overtaker.notice.number, 1, *letter.rank)
                    self._schedule(letter, max(letter.earliest, min(letter.latest, overtaker.earliest)))
        self._held = [letter for letter in self._held if letter.overtakers]

    def _schedule(self, letter: Letter, moment: datetime) -> None:
        letter.due = moment
        self._entries += 1  # no two entries are equal, or letters would be compared
        heapq.heappush(self._agenda, (moment, letter.rank, self._entries, letter))

    def _close(self, letter: Letter, state: DeliveryState) -> None:
        letter.state = state
        letter.due = None
        self._open.pop((letter.notice.number, letter.copy), None)
        self._over.append(letter.record())
