"""A server with canned answers, in a process of its own: what every contender of a benchmark calls.

It parses no more than it must, and answers each of the service's calls by the last part of its path, always
with the same bytes. `python -m benchmarks.canned` serves until standard input ends.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

APP_ID: Final = "benchmark"
PATH: Final = f"/v1/apps/{APP_ID}/cloud_recording"
CONNECTIONS: Final = 2000
"""That may wait to be accepted: more than any contender opens at once."""

_ACQUIRED: Final = {"cname": "class-42", "uid": "880011", "resourceId": "Qm3-xT_a91" * 20}
_STARTED: Final = {**_ACQUIRED, "sid": "38f8e3cfdc474cd56fc1ceba380d7e1a"}
_FILES: Final = {
    "fileListMode": "json",
    "fileList": [
        {
            "fileName": "38f8e3cfdc474cd56fc1ceba380d7e1a_class-42.m3u8",
            "trackType": "audio_and_video",
            "uid": "0",
            "mixedAllUser": True,
            "isPlayable": True,
            "sliceStartTime": 1562724971626,
        }
    ],
}
ANSWERS: Final[dict[str, object]] = {
    "acquire": _ACQUIRED,
    "start": _STARTED,
    "query": {**_STARTED, "serverResponse": {**_FILES, "status": 5, "sliceStartTime": 1562724971626}},
    "update": _STARTED,
    "stop": {**_STARTED, "serverResponse": {**_FILES, "uploadingStatus": "uploaded"}},
}


def _response(answer: object) -> bytes:
    body = json.dumps(answer).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


_RESPONSES: Final = {call.encode(): _response(answer) for call, answer in ANSWERS.items()}


class _Connection(asyncio.Protocol):
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
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            size = int(length or 0)
            if not found or len(rest) < size:
                return
            self.waiting = rest[size:]
            path = head.split(b" ", 2)[1]
            self.transport.write(_RESPONSES[path.rsplit(b"/", 1)[1]])


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0, backlog=CONNECTIONS)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)


@contextmanager
def canned_server() -> Iterator[str]:
    """Run the server, and give its base URL."""
    command = [sys.executable, "-m", "benchmarks.canned"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.communicate()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve())
