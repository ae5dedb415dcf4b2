"""One session of the fuzzer, in a process that it ends itself; it takes libFuzzer's options and files.

The part of the library that reads notifications is instrumented, so that inputs which reach something new are
kept and twisted further.
"""

import sys
from importlib import import_module
from random import Random
from typing import Any, Final

atheris: Final[Any] = import_module("atheris")  # which has no types

with atheris.instrument_imports(
    include=["agora_rec.notifications", "agora_rec.codec", "agora_rec.model", "agora_rec.vocabulary"]
):
    from tests.fuzz import target
    from tests.fuzz.mutation import twist

OF_ITS_OWN: Final = 0.25
"""How often the fuzzer's own mutations of bytes are used."""


def try_one(data: bytes) -> None:
    """Have one input read; whatever is raised is a finding."""
    target.feed(target.delivery(data))


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
    atheris.Setup(sys.argv, try_one, custom_mutator=mutate)
    atheris.Fuzz()
