"""What the emulator asks of the process that makes its files, and what comes back: values, as bytes.

Both ends are the same program on the same machine, so pickle does; nothing of it comes from outside.
"""

import pickle
from collections.abc import Callable
from typing import Final, TypeAlias

from attrs import field, frozen

from agora_rec.emulator.files.scenes import Content

SIZE_BYTES: Final = 4


@frozen
class Target:
    """A bucket, with what opens it. `url` is that of its storage."""

    url: str
    bucket: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)


@frozen
class Check:
    """See whether the bucket is there, and knows the keys. `name` is what no file in it is called."""

    target: Target
    name: str


@frozen
class Put:
    """Make a file and write it. `kept`: an MP4 file will want it again."""

    target: Target
    name: str
    content: Content
    kept: bool = False


Order: TypeAlias = Check | Put


@frozen
class Result:
    """What came of an order: nothing bad, a storage that refuses (in a word), or a failure of our own."""

    refused: str | None = None
    failed: str | None = None


def pack(value: Order | Result) -> bytes:
    """A value with its size before it."""
    data = pickle.dumps(value)
    return len(data).to_bytes(SIZE_BYTES, "big") + data


def unpack_order(read: Callable[[int], bytes]) -> Order | None:
    """The next order, from a pipe; None when there will be none."""
    size = read(SIZE_BYTES)
    order: Order | None = pickle.loads(read(int.from_bytes(size, "big"))) if size else None  # noqa: S301 - ours
    return order


def unpack_result(data: bytes) -> Result:
    """A result, without its size."""
    result: Result = pickle.loads(data)  # noqa: S301 - ours
    return result
