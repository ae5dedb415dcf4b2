"""What the store asks of a driver: a place to connect to, a connection, and how they fail."""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from attrs import frozen

RULE: Final = (
    "postgresql://user:password@host:port/database?sslmode=..., or as libpq writes it: host=... dbname=..."
)
"""What an address has to be."""

Value = str | int | float | bool | None
Row = tuple[str | None, ...]


class LostError(Exception):
    """There is no connection any more, or no answer; whether the server did what was asked is not known."""


class UnreachableError(LostError):
    """No connection could be made; nothing was asked."""


class RefusedError(Exception):
    """The server refused a statement, and did nothing of it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} (SQLSTATE {code})")
        self.code = code


@frozen
class News:
    """What a NOTIFY said, and on which channel."""

    channel: str
    text: str


class Link(Protocol):
    """One connection, for one task at a time.

    Whoever is cancelled, or sees `LostError`, leaves it in an unknown state; `is_idle` is false then, and it
    has to be closed.
    """

    async def run(self, statement: str, *values: Value) -> list[Row]:
        """Send one statement with its values; give its rows.

        Raises:
            RefusedError: The server refused it.
            LostError: The connection broke.
        """
        ...

    async def script(self, statements: str) -> None:
        """Send several statements without values; raises as `run` does."""
        ...

    async def news(self) -> list[News]:
        """Wait for what is told on the channels that it listens to. Being cancelled does no harm here.

        Raises:
            LostError: The connection broke.
        """
        ...

    @property
    def is_idle(self) -> bool:
        """Whether it can be used: it is connected, nothing is under way, and the server hasn't hung up."""
        ...

    def close(self) -> None:
        """Close it; nobody is waited for."""
        ...


Connect = Callable[[], Awaitable[Link]]
"""Makes a connection; raises `UnreachableError`."""


class Place(Protocol):
    """Where a server is."""

    @property
    def is_valid(self) -> bool:
        """Whether the driver can read the address."""
        ...

    @property
    def shown(self) -> str:
        """The address without what is secret in it."""
        ...

    async def connect(self, seconds: float) -> Link:
        """Make a connection, within so many seconds.

        Raises:
            UnreachableError: None can be made.
        """
        ...
