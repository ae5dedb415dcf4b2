"""One session of the fuzzer, in a process that it ends itself; it takes libFuzzer's options and files.

The part of the library that reads notifications and believes them is instrumented, so that inputs which reach
something new are kept and twisted further.
"""

import asyncio
import logging
import sys
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any, Final

from attrs import define, field

atheris: Final[Any] = import_module("atheris")  # which has no types

READING: Final = ("notifications", "codec", "model", "lifecycle", "recording", "store", "vocabulary")
LIBRARY: Final = Path(__file__).resolve().parents[2] / "agora_rec"


def others() -> list[str]:
    """The modules that have no part in it: atheris knows whole packages, and single modules to leave out."""
    paths = [path.relative_to(LIBRARY.parent).with_suffix("") for path in LIBRARY.rglob("*.py")]
    names = [".".join(path.parts).removesuffix(".__init__") for path in paths]
    return [name for name in names if not name.startswith(tuple(f"agora_rec.{part}" for part in READING))]


with atheris.instrument_imports(include=["agora_rec"], exclude=others()):
    from tests.fuzz.mutation import twist
    from tests.fuzz.receiving import Desk, open_desk
    from tests.fuzz.target import delivery

OF_ITS_OWN: Final = 0.25
"""How often the fuzzer's own mutations of bytes are used."""
PER_DESK: Final = 500
"""How many inputs one client receives; then another one begins anew."""
CHECK_EVERY: Final = 25


@define
class Fuzzed:
    """The client that receives the inputs, in an event loop that runs while one is received."""

    loop: asyncio.AbstractEventLoop
    taken: int = 0
    _desk: Desk | None = None
    _closing: asyncio.Event = field(factory=asyncio.Event)
    _keeper: asyncio.Task[None] | None = None

    def __call__(self, data: bytes) -> None:
        """Have one input received; whatever is raised is a finding."""
        desk = self._desk
        if desk is None or self.taken % PER_DESK == 0:
            desk = self._desk = self.loop.run_until_complete(self._another())
        self.taken += 1
        self.loop.run_until_complete(desk.take(delivery(data)))
        if self.taken % CHECK_EVERY == 0:
            self.loop.run_until_complete(desk.check())

    async def _another(self) -> Desk:
        """Close the client, and open another one; each lives in one task."""
        self._closing.set()
        if self._keeper is not None:
            await self._keeper
        self._closing = asyncio.Event()
        opened: asyncio.Future[Desk] = self.loop.create_future()
        self._keeper = self.loop.create_task(self._keep(opened))
        return await opened

    async def _keep(self, opened: asyncio.Future[Desk]) -> None:
        async with open_desk() as desk:
            opened.set_result(desk)
            await self._closing.wait()


def mutate(data: bytes, largest: int, seed: int) -> bytes:
    """Twist an input: its JSON if it has some, else its bytes."""
    random = Random(seed)
    if random.random() >= OF_ITS_OWN:
        try:
            twisted = data[:1] + twist(data[1:], random)
        except (ValueError, RecursionError):
            pass
        else:
            if len(twisted) <= largest:
                return twisted
    mutated: bytes = atheris.Mutate(data, largest)
    return mutated


if __name__ == "__main__":
    # What the library logs of its inputs would bury what the fuzzer says.
    logging.getLogger("agora_rec").addHandler(logging.NullHandler())
    atheris.Setup(sys.argv, Fuzzed(asyncio.new_event_loop()), custom_mutator=mutate)
    atheris.Fuzz()
