"""One recording that is looked after: what is known of the looks at it, and what is to be done for it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import inf
from typing import Protocol

from attrs import define

from agora_rec.lifecycle import hours_of
from agora_rec.model import QueryAnswer
from agora_rec.recording import Recording
from agora_rec.recording.driver import Driver
from agora_rec.recording.jobs import Job
from agora_rec.recording.lookout import Lookout
from agora_rec.recording.watching import Looks
from agora_rec.supervision.incidents import IncidentKind
from agora_rec.vocabulary import State


class Owner(Protocol):
    """Whoever has a recording looked after."""

    def left(self, charge: "Charge") -> None:
        """It records no more: the service's worker ends, whatever becomes of the files."""
        ...

    def returned(self, charge: "Charge") -> None:
        """It records on, or after all; one that was closed is stopped.

        What had left or ended was an instance that it had left behind in a failover, or its sid came late.
        """
        ...

    def ended(self, charge: "Charge") -> None:
        """Nothing is left to be done for it: it has ended, and its files are known or given up.

        Called again if more becomes known later.
        """
        ...

    def happened(self, charge: "Charge", kind: IncidentKind, text: str) -> None:
        """Something has happened to it that somebody should know of."""
        ...


@define(eq=False)
class Look:
    """One query that is to tell whether a recording runs.

    Attributes:
        job: The query.
        looks: The series that it belongs to.
        began: When it was begun.
        suspicions: How many suspicions were known then.
        was_unsettled: Whether nothing had proved by then that it records.
    """

    job: Job[QueryAnswer]
    looks: Looks
    began: float
    suspicions: int
    was_unsettled: bool


class Charge:
    """One recording under supervision. Moments are those of `clock.monotonic`, but for datetimes.

    Args:
        recording: Which.
        owner: Who is told what becomes of it.
    """

    # Thousands of them are held at once.
    __slots__ = (
        "answered_at",
        "due",
        "heard",
        "heard_at",
        "is_beginning",
        "is_busy",
        "is_closed",
        "is_gone",
        "is_held",
        "is_ours",
        "is_placed",
        "is_warned",
        "lease_at",
        "look",
        "look_at",
        "lookout",
        "looks",
        "on_news",
        "owner",
        "recording",
        "renew_at",
        "renewals_failed",
        "stop_at",
        "stop_not_before",
        "stops_sent",
        "suspicions",
        "until",
        "waiting",
    )

    def __init__(self, recording: Recording, owner: Owner) -> None:
        self.recording: Recording = recording
        self.owner: Owner = owner
        self.on_news: Callable[[Charge], None] = _nobody  # see `watch`
        self.until: datetime | None = None
        """When it is to be stopped; None: it ends by itself."""
        self.due: float = inf
        self.looks: Looks | None = None
        """The series of looks that is to confirm or deny it; None: it is known to run."""
        self.look: Look | None = None
        """The look that is under way."""
        self.look_at: float = inf
        """When to look next, as far as no notification says otherwise."""
        self.answered_at: float = -inf
        """When a look was last answered."""
        self.heard_at: float = -inf
        """When a notification came last."""
        self.heard: int = 0
        """How many notifications were known then."""
        self.suspicions: int = 0
        """How many suspicions were known when a look was last called for."""
        self.lookout: Lookout | None = None
        """Our right to look; None: nobody else uses the store."""
        self.lease_at: float = inf
        """When that is to be renewed."""
        self.is_ours: bool = True
        """Whether we have it."""
        self.is_beginning: bool = False
        """Whether its owner is still starting it, or may start it anew."""
        self.is_busy: bool = False
        """Whether something that takes time is being done for it now. It may be stopped all the same."""
        self.is_held: bool = False
        """Whether a supervisor looks after it."""
        self.is_placed: bool = False
        """Whether the next look has its place among those that came due at once."""
        self.is_closed: bool = False
        """Whether nothing more is to be done for it."""
        self.is_gone: bool = False
        """Whether its owner knows that it records no more."""
        self.is_warned: bool = False
        """Whether the end of its lifetime was reported."""
        self.stop_at: float = inf
        """When somebody wants it stopped; infinity: nobody does."""
        self.stop_not_before: float = -inf
        self.stops_sent: int = 0
        """How many stops were sent since it was last known to record."""
        self.renew_at: datetime | None = None
        """When its storage needs new keys; None: never."""
        self.renewals_failed: int = 0
        self.waiting: tuple[State, datetime] | None = None
        """In which state all that is missing is news of its files, and since when."""

    def __repr__(self) -> str:
        return f"<Charge {self.recording!r} due={self.due:.1f}>"

    def watch(self, on_news: Callable[["Charge"], None] | None) -> None:
        """Have somebody told of all that becomes known of it; None: nobody any more."""
        # The same bound method for all: one of its own for each would be a good part of what each takes.
        self.on_news = on_news or _nobody
        self.driver.ledger.watcher = None if on_news is None else self

    def learnt(self) -> None:
        """Something has become known of it; see `Watcher`."""
        self.on_news(self)

    @property
    def driver(self) -> Driver:
        """What drives the recording."""
        return self.recording.driver

    @property
    def records_no_more(self) -> bool:
        """Whether the service's worker has left, or never began, as far as is known."""
        standing = self.driver.ledger.standing
        return standing.state.is_end or (standing.state is State.STOPPING and standing.left_at is not None)

    @property
    def last_seen(self) -> datetime | None:
        """When it was last known to record; None: never."""
        clock, standing = self.driver.keeper.clock, self.driver.ledger.standing
        seen_at = max(-inf if self.driver.seen_at is None else self.driver.seen_at, self.heard_at)
        if standing.confirmed_at is None or seen_at == -inf:
            return standing.confirmed_at
        return max(standing.confirmed_at, clock.now() - timedelta(seconds=clock.monotonic() - seen_at))

    @property
    def lifetime_hours(self) -> int:
        """For how many hours the service takes calls for it."""
        return hours_of(self.driver.ledger.description.resource_expired_hour)

    @property
    def lifetime_ends(self) -> datetime | None:
        """When the service takes no more calls for it; None before it was acquired."""
        acquired_at = self.driver.ledger.standing.acquired_at
        return None if acquired_at is None else acquired_at + timedelta(hours=self.lifetime_hours)


def _nobody(_: Charge) -> None:
    """Hear of nothing."""
