"""Errors of stores: another worker was first, a lease has passed on, the store can't be used."""

# ruff: noqa: N818 - the names are what has happened

from typing import final

from attrs import define, field

from agora_rec.errors.base import AgoraRecError, tell
from agora_rec.errors.text import escaped, sentence, shown


@final
@define(slots=False, eq=False)
class StoreConflict(AgoraRecError):
    """Another worker has written the checkpoint first; this write was not done.

    What a recording learns is added to what others have written, so its users meet this error only where two
    workers acquire or start the same one: the second start isn't sent. `expected` and `found` are revisions
    of the checkpoint, None where there is none.
    """

    key: str = field(kw_only=True)
    expected: int | None = field(kw_only=True)
    found: int | None = field(kw_only=True)

    def message(self) -> str:
        """Which checkpoint, the revisions, and what to do."""
        return tell(
            f"Another worker has written the checkpoint of {shown(self.key, 80)} first:",
            f"revision {self.expected} was expected, {self.found} is there.",
            "Where that was a start, yours was not sent: look at the recording's state and decide anew.",
        )


@final
@define(slots=False, eq=False)
class LeaseLost(AgoraRecError):
    """The lease of a recording has passed to another worker, or its time is over; nothing was written.

    `key` is the recording's id.
    """

    key: str = field(kw_only=True)

    def message(self) -> str:
        """Whose lease, and what that means."""
        return tell(
            f"The lease of recording {shown(self.key, 80)} is lost: another worker looks after it, or may.",
            "What it reports is in the store.",
        )


@final
@define(slots=False, eq=False)
class StoreTooNew(AgoraRecError):
    """A newer version of this library has written to the store; nothing was read or changed.

    `found` is the version of the schema that is there, `known` the newest one that this version can use.
    """

    found: int = field(kw_only=True)
    known: int = field(kw_only=True)

    def message(self) -> str:
        """Both versions, and what to do."""
        return tell(
            f"The store's schema has version {self.found}, and this version of agora_rec knows {self.known}.",
            "Update agora_rec here, or give it a store of its own.",
        )


@final
@define(slots=False, eq=False)
class StoreUnavailable(AgoraRecError):
    """The store can't be reached, or gave no answer in time; whether it has written is not known.

    `cause` says in words what happened there; the driver's exception is the `__cause__` of this one.
    """

    cause: str

    def message(self) -> str:
        """What happened, and what to do."""
        return tell(
            "The store can't be used.",
            sentence(escaped(self.cause)),
            "No start is sent without its checkpoint: see to the store's server, and call again.",
        )
