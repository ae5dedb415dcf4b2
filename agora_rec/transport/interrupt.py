"""How a stop ends a command that only waits: for its turn, its slot in the budget, or a backoff.

What is written to the wire is never cut here: the service would go on with it.
"""

from collections.abc import Generator
from contextlib import contextmanager

import anyio

from agora_rec.errors import Attempt


class Interrupted(Exception):  # noqa: N818 - a signal inside the library, never seen by callers
    """The waiting was ended by `Interrupt.trigger`; `attempts` were made before, none is on the wire."""

    def __init__(self, attempts: tuple[Attempt, ...] = ()) -> None:
        super().__init__(attempts)
        self.attempts = attempts


class Interrupt:
    """A switch that is turned on once and ends all waiting that is done under it, now and later."""

    __slots__ = ("_scopes", "requested")

    def __init__(self) -> None:
        self.requested: bool = False
        self._scopes: set[anyio.CancelScope] | None = None  # most never wait

    def __repr__(self) -> str:
        return f"<Interrupt requested={self.requested} waiting={len(self._scopes or ())}>"

    def trigger(self) -> None:
        """End what waits now, and let nothing wait again. Repeating it changes nothing."""
        self.requested = True
        for scope in self._scopes or ():
            scope.cancel()

    @contextmanager
    def waiting(self) -> Generator[None, None, None]:
        """Run a body that only waits, so that it may be cut at any await.

        A cancellation from outside goes through as itself. A body that ended by itself while the
        switch was turned is interrupted all the same: what follows the waiting must not begin.

        Raises:
            Interrupted: The switch is on: at entry (the body is not run), or since then.
        """
        if self.requested:
            raise Interrupted
        scopes = self._scopes
        if scopes is None:
            scopes = self._scopes = set()
        with anyio.CancelScope() as scope:
            scopes.add(scope)
            try:
                yield
            finally:
                scopes.discard(scope)
        if self.requested:
            raise Interrupted
