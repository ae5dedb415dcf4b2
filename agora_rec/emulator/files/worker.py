"""The process that makes files and writes them: one order after the other, from its standard input.

A process of its own, since encoding takes the processor for longer than an event loop may stand still, and
since neither of the two event loops may be assumed. It keeps nothing but slices that MP4 files will want
again, in the folder that it is given, which isn't its own to tidy; when its orders end, it ends.
"""

import hashlib
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from attrs import frozen

from agora_rec.emulator.files.bucket import BucketRefusedError, check, put
from agora_rec.emulator.files.encoding import encode_clip, encode_movie, encode_sound, encode_still
from agora_rec.emulator.files.orders import Check, Order, Put, Result, pack, unpack_order
from agora_rec.emulator.files.scenes import Clip, Movie, Sound, Still


def main() -> None:
    """Serve whoever started this process."""
    # Ctrl-C in a terminal is for the program that started it, which will tell by ending the orders.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.stdin.buffer, sys.stdout.buffer, Workshop(Path(sys.argv[1])))


def serve(orders: BinaryIO, results: BinaryIO, workshop: "Workshop") -> None:
    """Carry out orders until there are no more."""
    while (order := unpack_order(orders.read)) is not None:
        results.write(pack(workshop.carry_out(order)))
        results.flush()


@frozen
class Workshop:
    """Makes files; `folder` is where those are kept that will be wanted again."""

    folder: Path

    def carry_out(self, order: Order) -> Result:
        """Do what is asked; whatever goes wrong is told."""
        try:
            if isinstance(order, Check):
                check(order.target, order.name)
            else:
                put(order.target, order.name, self.make(order))
        except BucketRefusedError as refused:
            return Result(refused=refused.word)
        except Exception as error:  # noqa: BLE001 - the next file may be a better one
            return Result(failed=f"{type(error).__name__}: {error}")
        return Result()

    def make(self, order: Put) -> bytes | Path:
        """The file that is asked for."""
        content = order.content
        if isinstance(content, str):
            return content.encode()
        if isinstance(content, Still):
            return encode_still(content.scene)
        if isinstance(content, Sound):
            return encode_sound(content)
        if isinstance(content, Clip):
            return self._slice(order.name, content) if order.kept else encode_clip(content)
        return self._movie(content)

    def _movie(self, movie: Movie) -> bytes:
        slices = [self._slice(name, clip) for name, clip in movie.clips]
        target = self.folder / "movie.mp4"
        encode_movie(slices, target)
        for path in slices:
            path.unlink()
        return target.read_bytes()

    def _slice(self, name: str, clip: Clip) -> Path:
        path = self.folder / f"{hashlib.sha256(name.encode()).hexdigest()}.ts"
        if not path.exists():
            path.write_bytes(encode_clip(clip))
        return path
