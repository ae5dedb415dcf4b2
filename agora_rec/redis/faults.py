"""What a failure at the server means, in words that hold no secret. Needs the `redis` extra.

The server's own words are not passed on: it may repeat what it was sent, and that may have been a password.
Nor are exceptions that come up while a connection is made: the frames of their tracebacks know the password.
"""

from typing import Final

import anyio
from attrs import frozen
from coredis import exceptions as e
from coredis.exceptions import RedisError

FAILURES: Final = (RedisError, OSError, anyio.BrokenResourceError, anyio.ClosedResourceError)
"""What coredis raises where a server can't be asked, or refuses."""

_LOST: Final = (
    e.ConnectionError,
    e.ReadOnlyError,
    OSError,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
)
_IN_CLASSES: Final = (
    (e.BusyLoadingError, "the server is reading its data from disk"),
    (e.AuthenticationError, "the server refuses the user or the password"),
    (e.AuthorizationError, "the server doesn't allow this user what a store needs (its ACL)"),
    (e.ReadOnlyError, "the server is a replica that can't be written to"),
    (e.WrongTypeError, "another program has keys with the store's prefix: one has another type"),
    (e.RedisClusterError, "the server is a node of a cluster, which RedisStore can't use"),
)
_IN_WORDS: Final = (
    ("BUSY ", "the server runs a script of another program that doesn't end"),
    ("max number of clients", "the server has no room for another connection (its maxclients)"),
    ("OOM ", "the server has no memory left (its maxmemory)"),
    ("MISCONF ", "the server can't write to its disk, and takes nothing in until it can"),
    ("NOREPLICAS ", "the server has fewer replicas than it must have"),
    ("READONLY ", "the server is a replica that can't be written to"),
    ("WRONGTYPE ", "another program has keys with the store's prefix: one has another type"),
    ("NOPERM ", "the server doesn't allow this user what a store needs (its ACL)"),
    ("ACL failure", "the server doesn't allow this user what a store needs (its ACL)"),
)


@frozen
class Fault:
    """A failure, as far as it may be told.

    Attributes:
        words: What has happened.
        passes: Whether the same question may have an answer in a moment.
        loses: Whether the connection is of no use any more, or leads to one who isn't in charge now.
    """

    words: str
    passes: bool
    loses: bool


def root(error: BaseException) -> BaseException:
    """The first error inside of groups."""
    inner: tuple[BaseException, ...] = getattr(error, "exceptions", ())  # of a group
    return root(inner[0]) if inner else error


def fault_of(error: BaseException) -> Fault:
    """What has happened."""
    is_lost = isinstance(error, _LOST)
    is_elsewhere = isinstance(error, e.ReadOnlyError)
    return Fault(
        _words_for(error),
        passes=(is_lost and not is_elsewhere) or str(error).startswith("BUSY "),
        loses=is_lost,
    )


def _words_for(error: BaseException) -> str:
    for kind, words in _IN_CLASSES:
        if isinstance(error, kind):
            return words
    text = str(error)
    for needle, words in _IN_WORDS:
        if needle in text:
            return words
    if not isinstance(error, _LOST):
        return f"the server refuses ({type(error).__name__})"
    while error.__cause__ is not None:
        error = root(error.__cause__)
    return f"no connection to the server ({type(error).__name__})"
