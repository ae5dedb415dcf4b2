"""What one call costs this process: CPU time per call of our send, beside httpx and aiohttp by hand.

Run with `python -m benchmarks.transport_overhead`; takes less than 20 seconds. All contenders call the same
server (its own process, canned answers) with keep-alive, in turns within one run, so that their ratios can be
compared even on a busy machine. A call is an `acquire`: request values, JSON, HTTP, JSON, answer values.
The contenders by hand do the same with dicts.
"""

import argparse
import asyncio
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

import aiohttp
import httpx
from attrs import define, field

from agora_rec import operations
from agora_rec.clock import SystemClock
from agora_rec.model import AcquireRequest
from agora_rec.transport import Hosts, RetryPolicy, Transport, Unpaced
from agora_rec.transport.http import HttpxWire
from agora_rec.transport.outgoing import basic_authorization
from agora_rec.transport.over_aiohttp import AiohttpWire
from agora_rec.transport.wire import Wire

CREDENTIALS = ("customer-id", "customer-secret")
APP_ID = "benchmark"
PATH = f"/v1/apps/{APP_ID}/cloud_recording/acquire"
ANSWER = b'{"cname":"class-42","uid":"880011","resourceId":"' + b"Qm3-xT_a91" * 20 + b'"}'
CONCURRENCY = (1, 50)
ROUNDS = 6
SECONDS = 12.0
"""After this no further round begins; there is one in any case."""

Call = Callable[[], Awaitable[object]]


class Canned(asyncio.Protocol):
    """A server's connection that answers every request alike; parses no more than it must."""

    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(ANSWER)}\r\n\r\n".encode()
    )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.waiting = b""

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self.waiting += data
        while True:
            head, found, rest = self.waiting.partition(b"\r\n\r\n")
            size = (
                int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0) if found else 0
            )
            if not found or len(rest) < size:
                return
            self.waiting = rest[size:]
            self.transport.write(self.head + ANSWER)


async def serve() -> None:
    """Serve until standard input ends; the first line on standard output is the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Canned, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)


@define
class Contender:
    """One way to make the call, and the CPU time that it took, by concurrency: seconds per call, by round."""

    name: str
    call: Call
    cpu: dict[int, list[float]] = field(factory=dict[int, list[float]])
    rate: dict[int, list[float]] = field(factory=dict[int, list[float]])

    async def run(self, concurrency: int, calls: int) -> None:
        """Make that many calls, so many at a time."""
        left = iter(range(calls))

        async def worker() -> None:
            for _ in left:
                await self.call()

        cpu, wall = time.process_time(), time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(concurrency)))
        self.cpu.setdefault(concurrency, []).append((time.process_time() - cpu) / calls)
        self.rate.setdefault(concurrency, []).append(calls / (time.perf_counter() - wall))

    def typical_cpu(self, concurrency: int) -> float:
        """The median of the rounds."""
        return statistics.median(self.cpu[concurrency])

    def typical_rate(self, concurrency: int) -> float:
        """The same of calls per second."""
        return statistics.median(self.rate[concurrency])


@asynccontextmanager
async def contenders(url: str) -> AsyncIterator[list[Contender]]:
    """All of them, with their connections."""
    body = {"cname": "class-42", "uid": "880011", "clientRequest": {}}
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            httpx.AsyncClient(auth=CREDENTIALS, limits=httpx.Limits(max_connections=None))
        )
        session = await stack.enter_async_context(
            aiohttp.ClientSession(
                headers={"Authorization": aiohttp.encode_basic_auth(*CREDENTIALS)},
                connector=aiohttp.TCPConnector(limit=0),
            )
        )

        async def with_httpx() -> object:
            answer = await client.post(url + PATH, json=body)
            answer.raise_for_status()
            return answer.json()["resourceId"]

        async def with_aiohttp() -> object:
            async with session.post(url + PATH, json=body, raise_for_status=True) as answer:
                return (await answer.json())["resourceId"]

        async def ours(wire: Wire) -> Call:
            transport = await stack.enter_async_context(
                Transport(
                    wire=wire,
                    hosts=Hosts.of_base_url(url),
                    budget=Unpaced(),
                    retry=RetryPolicy.never(),
                    timeout=10.0,
                    clock=SystemClock(),
                )
            )

            async def call() -> object:
                request = AcquireRequest(cname="class-42", uid=880011)
                return (await transport.send(operations.acquire(APP_ID, request))).resource_id

            return call

        authorization = basic_authorization(*CREDENTIALS)
        yield [
            Contender("httpx by hand", with_httpx),
            Contender("aiohttp by hand", with_aiohttp),
            Contender("agora_rec over httpx", await ours(HttpxWire(authorization))),
            Contender("agora_rec over aiohttp", await ours(AiohttpWire(authorization))),
        ]


def values_alone(calls: int) -> tuple[float, float]:
    """Seconds per call to make a request and its JSON, and to read an answer: what needs no network."""
    request = AcquireRequest(cname="class-42", uid=880011)
    operation = operations.acquire(APP_ID, request)
    began = time.process_time()
    for _ in range(calls):
        operations.acquire(APP_ID, AcquireRequest(cname="class-42", uid=880011))
    built = time.process_time()
    for _ in range(calls):
        operations.interpret(operation, 200, ANSWER)
    return (built - began) / calls, (time.process_time() - built) / calls


async def measure(url: str, calls: int) -> None:
    """Run all contenders in turns and print the table."""
    async with contenders(url) as every:
        for contender in every:  # opens the connections, imports what is imported late
            await contender.run(max(CONCURRENCY), 2 * max(CONCURRENCY))
            contender.cpu.clear()
            contender.rate.clear()
        stop_at = time.perf_counter() + SECONDS
        rounds = 0
        while rounds < ROUNDS and (not rounds or time.perf_counter() < stop_at):
            rounds += 1
            for concurrency in CONCURRENCY:
                for contender in every:
                    await contender.run(concurrency, calls)
    print(
        f"CPU time of this process per acquire call, its ratio to httpx by hand, and calls per second\n"
        f"(median of {rounds} rounds of {calls} calls, loopback, keep-alive; "
        f"Python {sys.version.split()[0]}, httpx {version('httpx')}, aiohttp {version('aiohttp')})"
    )
    print(f"{'':24}" + "".join(f"{f'{each} at a time':>30}" for each in CONCURRENCY))
    for contender in every:
        cells = [
            f"{contender.typical_cpu(each) * 1e6:7.0f} us "
            f"{contender.typical_cpu(each) / every[0].typical_cpu(each):5.2f} x "
            f"{contender.typical_rate(each):6.0f} /s"
            for each in CONCURRENCY
        ]
        print(f"{contender.name:24}" + "".join(f"{cell:>30}" for cell in cells))
    built, read = values_alone(1000)
    print(f"of agora_rec's: request to JSON {built * 1e6:.0f} us, JSON to answer {read * 1e6:.0f} us")


def main() -> None:
    """Start the server, measure, stop the server."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments.add_argument("--calls", type=int, default=200, help="calls per round (200)")
    given = arguments.parse_args()
    if given.serve:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve())
        return
    command = [sys.executable, "-m", "benchmarks.transport_overhead", "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        asyncio.run(measure(f"http://127.0.0.1:{int(server.stdout.readline())}", given.calls))
        server.communicate()


if __name__ == "__main__":
    main()
