"""The near end of the process that makes files: started when first needed, spoken to one order at a time.

A subprocess with pipes, and not anyio's own worker processes: those run the program's main module a second
time, and would hand on to the S3 client whatever the environment says about proxies and other accounts.
"""

import os
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Protocol, cast

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, Process
from anyio.streams.buffered import BufferedByteReceiveStream
from attrs import frozen

from agora_rec.emulator.files.orders import SIZE_BYTES, Order, Result, pack, unpack_result

_START: Final = "from agora_rec.emulator.files.worker import main; main()"
_ROOT: Final = Path(__file__).resolve().parents[3]


class Maker(Protocol):
    """Who makes files and writes them."""

    async def carry_out(self, order: Order) -> Result:
        """Do what is asked.

        Raises:
            RuntimeError: there is nobody any more to do it.
        """
        ...


@frozen
class _Worker:
    process: Process
    orders: ByteSendStream
    results: BufferedByteReceiveStream

    async def carry_out(self, order: Order) -> Result:
        try:
            await self.orders.send(pack(order))
            size = await self.results.receive_exactly(SIZE_BYTES)
            return unpack_result(await self.results.receive_exactly(int.from_bytes(size, "big")))
        except (anyio.BrokenResourceError, anyio.IncompleteRead):
            code = await self.process.wait()
            raise RuntimeError(f"the process that makes files has died (code {code})") from None


@asynccontextmanager
async def open_worker() -> AsyncGenerator[Maker]:
    """A process that makes files while the block runs, and ends with it, whatever it is doing."""
    with tempfile.TemporaryDirectory(prefix="agora-rec-") as folder:
        command = [sys.executable, "-c", _START, folder]
        async with await anyio.open_process(command, stderr=None, env=clean(os.environ)) as process:
            # They are pipes, since nothing else was asked for.
            orders, results = cast("ByteSendStream", process.stdin), cast("ByteReceiveStream", process.stdout)
            try:
                yield _Worker(process, orders, BufferedByteReceiveStream(results))
            finally:
                # It has nothing to tidy up, and may be in the middle of something that takes long.
                with suppress(ProcessLookupError):
                    process.kill()


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which this package is found, and nothing says where else files might go."""
    kept = {
        name: value
        for name, value in environment.items()
        if not (name.startswith("AWS_") or name.lower().endswith("_proxy"))
    }
    paths = [str(_ROOT), *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths)}
