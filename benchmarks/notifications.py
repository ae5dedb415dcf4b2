"""What a notification costs, and whether memory stays flat: `python -m benchmarks.notifications`.

A thousand recordings are under way at once. Each is told about as the service does it, from its recorder's
start over a progress every minute to its files and its exit; then another one begins. Some notifications come
again. Nothing goes over a network; the store is this process's memory. See README.md beside this file.
"""

import argparse
import gc
import hashlib
import hmac
import itertools
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from random import Random
from resource import getpagesize
from typing import Any, Final

import anyio
import httpx
from attrs import define, field

from agora_rec import AmazonS3, AmazonS3Region, CloudRecording, Mix
from agora_rec.notifications import NotificationApp, parse, verify
from benchmarks.reporting import Target, origin, table, write_part
from benchmarks.sampling import sampled

SECRET: Final = "benchmark"
STORAGE: Final = AmazonS3(region=AmazonS3Region.US_EAST_1, bucket="b", access_key="id", secret_key="key")

RECORDINGS: Final = 1000
BATCH: Final = 5000
ROUNDS: Final = 10
TIMES: Final = 1_000_000
SENT_AGAIN: Final = 0.03
"""How many of the notifications have come before."""
MINUTES: Final = 20
"""Of a recording, and so how often it tells its progress."""

ENOUGH: Final = 10_000
"""Notifications a second that the project wants to take in on one core."""
GROWTH: Final = 1.05

COMMAND: Final = "python -m benchmarks.notifications --markdown"
DEAREST: Final = 25

Request = tuple[list[tuple[bytes, bytes]], bytes]


class Service(httpx.AsyncBaseTransport):
    """Starts whatever it is asked to, and remembers nothing."""

    def __init__(self) -> None:
        self._sids = itertools.count(1)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        answer = {"resourceId": "r" * 160}
        if request.url.path.endswith("/start"):
            answer["sid"] = f"{next(self._sids):032x}"
        return httpx.Response(200, json=answer)


def life(cname: str, uid: int, sid: str) -> Iterator[dict[str, Any]]:
    """What the service tells of a recording that goes well (events.yaml `typical_order`), as payloads."""
    files = [
        {
            "fileName": f"{sid}_{cname}{end}",
            "trackType": "audio_and_video",
            "uid": "0",
            "mixedAllUser": True,
            "isPlayable": True,
            "sliceStartTime": 1780000005120,
        }
        for end in (".m3u8", "_0.mp4")
    ]
    told: list[tuple[int, int, dict[str, Any]]] = [
        (13, 0, {"msgName": "ha_register_success"}),
        (40, 1, {"msgName": "recorder_started", "status": 0}),
        (30, 2, {"msgName": "uploader_started", "status": 0}),
    ]
    for user in range(4):
        told += [
            (
                43,
                1,
                {
                    "msgName": "recorder_audio_stream_state_changed",
                    "streamUid": f"{user}",
                    "state": 0,
                    "UtcMs": 1,
                },
            ),
            (
                44,
                1,
                {
                    "msgName": "recorder_video_stream_state_changed",
                    "streamUid": f"{user}",
                    "state": 0,
                    "UtcMs": 1,
                },
            ),
        ]
    told += [
        (
            42,
            1,
            {
                "msgName": "recorder_slice_start",
                "startUtcMs": 1780000005120,
                "streamUid": "0",
                "trackType": "audio",
            },
        ),
        (4, 0, {"msgName": "cloud_recording_file_infos", "fileList": f"{sid}_{cname}.m3u8"}),
    ]
    told += [
        (33, 2, {"msgName": "uploading_progress", "progress": 9000 + minute}) for minute in range(MINUTES)
    ]
    told += [
        (41, 1, {"msgName": "recorder_leave", "leaveCode": 16}),
        (33, 2, {"msgName": "uploading_progress", "progress": 10000}),
        (31, 2, {"msgName": "uploaded", "status": 0, "fileList": files}),
        (11, 0, {"msgName": "session_exit", "exitStatus": 0}),
    ]
    for sequence, (event_type, service_type, details) in enumerate(told):
        yield {
            "eventType": event_type,
            "payload": {
                "cname": cname,
                "uid": f"{uid}",
                "sid": sid,
                "sequence": sequence,
                "sendts": 1780000005120 + sequence,
                "serviceType": service_type,
                "details": details,
            },
        }


def request(told: dict[str, Any]) -> Request:
    """A notification as it arrives: the headers that a server gives, and the signed body."""
    body = json.dumps(told, separators=(",", ":")).encode()
    headers = {
        "host": "hooks.example.com",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "agora-signature": hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest(),
        "agora-signature-v2": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest(),
    }
    return [(name.encode(), value.encode()) for name, value in headers.items()], body


@define
class Crowd:
    """Recordings under way, and what is told of them next. It holds none of them itself."""

    cloud: CloudRecording
    random: Random = field(factory=lambda: Random(1))
    begun: int = 0
    lives: list[Iterator[dict[str, Any]]] = field(factory=list[Iterator[dict[str, Any]]])
    told: deque[dict[str, Any]] = field(factory=lambda: deque[dict[str, Any]](maxlen=RECORDINGS))
    notices: Iterator[int] = field(factory=itertools.count)

    async def begin(self) -> Iterator[dict[str, Any]]:
        """Start one more recording."""
        self.begun += 1
        cname, uid = f"class-{self.begun}", 1000 + self.begun
        recording = self.cloud.recording(cname, uid, Mix(storage=STORAGE))
        await recording.acquire()
        await recording.start()
        return life(cname, uid, recording.sid or "")

    async def batch(self, size: int) -> list[Request]:
        """So many notifications, in the order in which they arrive."""
        while len(self.lives) < RECORDINGS:
            self.lives.append(await self.begin())
        return [request(await self._next()) for _ in range(size)]

    async def _next(self) -> dict[str, Any]:
        moment = 1780000006000 + next(self.notices)
        if self.told and self.random.random() < SENT_AGAIN:
            return self.random.choice(self.told) | {"notifyMs": moment}
        while True:
            index = self.random.randrange(RECORDINGS)
            told = next(self.lives[index], None)
            if told is not None:
                break
            self.lives[index] = await self.begin()
        told = {"noticeId": f"n-{moment}", "productId": 3, "notifyMs": moment, **told}
        self.told.append(told)
        return told


async def handed_over(app: NotificationApp, request: Request) -> None:
    """Hand a notification to the application as an ASGI server would."""
    headers, body = request
    answered: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answered.append(message["status"])

    await app({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive, send)
    assert answered == [200]


@define
class Part:
    """Something that is done with each notification, and the CPU seconds that it took, round by round."""

    name: str
    work: Callable[[Request], Awaitable[object]]
    seconds: list[float] = field(factory=list[float])

    async def measure(self, requests: list[Request]) -> None:
        """One round."""
        gc.collect()
        work = self.work
        began = time.process_time()
        for each in requests:
            await work(each)
        self.seconds.append((time.process_time() - began) / len(requests))

    @property
    def best(self) -> float:
        """The fastest round: whatever else runs on the machine only adds to the others."""
        return min(self.seconds)


@define
class Memory:
    """What this process and the client hold after so many notifications."""

    taken: int
    resident: int
    objects: int
    recordings: int

    @classmethod
    def now(cls, taken: int, cloud: CloudRecording) -> "Memory":
        """Look."""
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return cls(taken, pages * getpagesize(), len(gc.get_objects()), len(cloud.recordings))


def a_client() -> CloudRecording:
    """The client, over no network."""
    return CloudRecording(
        "benchmark",
        customer_id="id",
        customer_secret="secret",
        transport=Service(),
        qps=None,
        webhook_secret=SECRET,
    )


async def costs(crowd: Crowd, rounds: int) -> str:
    """What a notification costs, and what that is spent on: a table."""
    cloud, app = crowd.cloud, NotificationApp(crowd.cloud)

    async def left_alone(_: Request) -> None:
        pass

    async def verified(given: Request) -> None:
        verify(SECRET, given[0], given[1])

    async def read(given: Request) -> None:
        parse(given[1])

    nothing = Part("nothing", left_alone)
    verifying, reading = Part("verify", verified), Part("parse", read)
    receiving = Part("receive", lambda given: cloud.receive(*given))
    again = Part("receive, all of them known", receiving.work)
    over_app = Part("NotificationApp, in process", lambda given: handed_over(app, given))
    for _ in range(rounds):
        requests = await crowd.batch(BATCH)
        for part in (nothing, verifying, reading, receiving, again):
            await part.measure(requests)
        await over_app.measure(await crowd.batch(BATCH))
    rest = receiving.best - verifying.best - reading.best + 2 * nothing.best
    rows = [
        ("CPU time of a notification", "µs", "a second"),
        _row("verify", verifying.best - nothing.best),
        _row("parse", reading.best - nothing.best),
        _row("find its recording, absorb, save", rest),
        _row("all of it: CloudRecording.receive", receiving.best),
        _row("the same for one that is known already", again.best),
        _row("all of it through NotificationApp, in process", over_app.best),
    ]
    target = Target("microseconds of CPU time to receive a notification", 1e6 / ENOUGH, receiving.best * 1e6)
    return f"{table(rows)}\n\n- {target}"


def _row(name: str, seconds: float) -> tuple[str, str, str]:
    return name, f"{seconds * 1e6:.1f}", f"{1 / seconds:,.0f}"


async def memory(crowd: Crowd, times: int) -> str:
    """What is held while notifications come and recordings with them: a table."""
    seen: list[Memory] = []
    for taken in range(0, times, BATCH):
        if taken % (times // 10) < BATCH:
            seen.append(Memory.now(taken, crowd.cloud))
        for headers, body in await crowd.batch(BATCH):
            await crowd.cloud.receive(headers, body)
    seen.append(Memory.now(times, crowd.cloud))
    rows = [("notifications", "resident MiB", "Python's objects", "recordings under way")]
    rows += [
        (f"{one.taken:,}", f"{one.resident / 2**20:.1f}", f"{one.objects:,}", f"{one.recordings:,}")
        for one in seen
    ]
    # The first fifth fills what has bounds: what is remembered of those that came, of those that ended.
    target = Target(
        "resident memory at the end, times that after a fifth", GROWTH, seen[-1].resident / seen[2].resident
    )
    return f"{table(rows)}\n\n- {target}"


async def profile(crowd: Crowd) -> None:
    """Print where the CPU time goes."""
    requests = await crowd.batch(10 * BATCH)
    with sampled() as found:
        for headers, body in requests:
            await crowd.cloud.receive(headers, body)
    for group, seconds in found.seconds_by_group().items():
        print(f"{seconds / len(requests) * 1e6:6.1f} µs  {group}")
    for place, share in found.dearest(DEAREST):
        print(f"{share:6.1%}  {place}")


async def run(options: argparse.Namespace) -> None:
    """Measure, print, and write it down."""
    async with a_client() as cloud:
        crowd = Crowd(cloud)
        if options.profile:
            await profile(crowd)
            return
        what_it_costs = await costs(crowd, ROUNDS)
        print(what_it_costs, end="\n\n")
        what_it_holds = await memory(crowd, options.times)
        print(what_it_holds)
    if options.markdown:
        measured = origin("httpx", "attrs")
        write_part("performance_notifications.md", COMMAND, measured, f"{what_it_costs}\n\n{what_it_holds}")


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=TIMES, help="notifications for the look at the memory")
    parser.add_argument("--profile", action="store_true", help="print where CPU time goes instead")
    parser.add_argument("--markdown", action="store_true", help="write a part of docs/performance.md")
    anyio.run(run, parser.parse_args())


if __name__ == "__main__":
    main()
