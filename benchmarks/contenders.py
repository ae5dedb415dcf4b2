"""Five ways to make one recording, which is five calls: acquire, start, query, update, stop.

All ask the same server, keep their connections (but for Agora's client, which opens one for each call), build
what they send anew each time, and read the answers. By hand that is done as one who knows the library would:
one client for all calls, limits out of the way, dicts for requests and answers. This library does all that it
does for its users (typed values, validation, lifecycle, checkpoints), with the budget off.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from importlib import import_module
from typing import Any, Final

import aiohttp
import httpx
from attrs import frozen

from agora_rec import AmazonS3, AmazonS3Region, CloudRecording, Mix, State, Subscription
from benchmarks.canned import APP_ID, PATH

CALLS: Final = 5
"""Of one recording."""

BY_HAND_HTTPX: Final = "httpx by hand"
BY_HAND_AIOHTTP: Final = "aiohttp by hand"
OVER_HTTPX: Final = "agora_rec"
OVER_AIOHTTP: Final = "agora_rec with aiohttp"
AGORA_CLIENT: Final = "agora-rest-client"
ALL: Final = (BY_HAND_HTTPX, BY_HAND_AIOHTTP, OVER_HTTPX, OVER_AIOHTTP, AGORA_CLIENT)

_USER: Final = "customer-id"
_PASSWORD: Final = "customer-secret"
_BUCKET: Final = "bucket"
_ACCESS_KEY: Final = "key-id"
_SECRET_KEY: Final = "key"
_EVERYBODY: Final = ["#allstream#"]
_PATIENCE: Final = 120.0
"""Seconds that a call may take: 500 at once take httpx many."""

_Json = dict[str, Any]
_Ask = Callable[[str, _Json | None], Awaitable[_Json]]


@frozen
class Contender:
    """One way to make recordings.

    Attributes:
        name: What the tables call it.
        most: How many calls it is asked to make at once at most.
        run: Makes so many recordings, so many at a time, each up to the given number of its calls.
    """

    name: str
    most: int
    run: Callable[[int, int, int], Awaitable[None]]


@asynccontextmanager
async def contenders(url: str, names: Sequence[str]) -> AsyncIterator[list[Contender]]:
    """These of them, ready, with their connections."""
    async with AsyncExitStack() as stack:
        made: list[Contender] = []
        for name in names:
            if name == AGORA_CLIENT:
                made.append(Contender(name, 50, _agora_client(url)))
                continue
            if name in {BY_HAND_HTTPX, BY_HAND_AIOHTTP}:
                library = _httpx() if name == BY_HAND_HTTPX else _aiohttp()
                record = _by_hand(url, await stack.enter_async_context(library))
            else:
                client = _client(url, over_aiohttp=name == OVER_AIOHTTP)
                record = _ours(await stack.enter_async_context(client))
            made.append(Contender(name, 500, _at_once(record)))
        yield made


def _at_once(record: Callable[[int, int], Awaitable[None]]) -> Callable[[int, int, int], Awaitable[None]]:
    """A pool of tasks: each takes the next recording until there is none left."""

    async def run(concurrency: int, recordings: int, calls: int) -> None:
        numbers = iter(range(1, recordings + 1))

        async def work() -> None:
            for number in numbers:
                await record(number, calls)

        await asyncio.gather(*(work() for _ in range(concurrency)))

    return run


def _by_hand(url: str, ask: _Ask) -> Callable[[int, int], Awaitable[None]]:
    async def record(number: int, calls: int) -> None:
        cname, uid = f"class-{number}", str(number)
        base = url + PATH
        answer = await ask(f"{base}/acquire", {"cname": cname, "uid": uid, "clientRequest": {}})
        if calls == 1:
            return
        resource_id = answer["resourceId"]
        storage = {
            "vendor": 1,
            "region": 0,
            "bucket": _BUCKET,
            "accessKey": _ACCESS_KEY,
            "secretKey": _SECRET_KEY,
        }
        parameter = {"recordingConfig": {"channelType": 0}, "storageConfig": storage}
        answer = await ask(
            f"{base}/resourceid/{resource_id}/mode/mix/start",
            {"cname": cname, "uid": uid, "clientRequest": parameter},
        )
        session = f"{base}/resourceid/{resource_id}/sid/{answer['sid']}/mode/mix"
        await ask(f"{session}/query", None)
        change = {"streamSubscribe": {"audioUidList": {"subscribeAudioUids": _EVERYBODY}}}
        await ask(f"{session}/update", {"cname": cname, "uid": uid, "clientRequest": change})
        answer = await ask(f"{session}/stop", {"cname": cname, "uid": uid, "clientRequest": {}})
        assert answer["serverResponse"]["uploadingStatus"] == "uploaded"

    return record


@asynccontextmanager
async def _httpx() -> AsyncIterator[_Ask]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(auth=(_USER, _PASSWORD), limits=limits, timeout=_PATIENCE) as client:

        async def ask(url: str, body: _Json | None) -> _Json:
            response = await (client.get(url) if body is None else client.post(url, json=body))
            response.raise_for_status()
            answer: _Json = response.json()
            return answer

        yield ask


@asynccontextmanager
async def _aiohttp() -> AsyncIterator[_Ask]:
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"Authorization": aiohttp.encode_basic_auth(_USER, _PASSWORD)}
    timeout = aiohttp.ClientTimeout(total=_PATIENCE)
    async with aiohttp.ClientSession(headers=headers, connector=connector, timeout=timeout) as session:

        async def ask(url: str, body: _Json | None) -> _Json:
            method = "GET" if body is None else "POST"
            async with session.request(method, url, json=body, raise_for_status=True) as response:
                answer: _Json = await response.json()
                return answer

        yield ask


@asynccontextmanager
async def _client(url: str, *, over_aiohttp: bool) -> AsyncIterator[CloudRecording]:
    """A client of ours, which sends through httpx or aiohttp: whatever is installed where it is opened."""
    hidden = [] if over_aiohttp else ["agora_rec.transport.over_aiohttp"]
    cloud = CloudRecording(
        APP_ID, customer_id=_USER, customer_secret=_PASSWORD, base_url=url, qps=None, timeout=_PATIENCE
    )
    async with AsyncExitStack() as stack:
        with _not_installed(hidden):
            await stack.enter_async_context(cloud)
            await _ours(cloud)(1, CALLS)
        yield cloud


@contextmanager
def _not_installed(modules: list[str]) -> Iterator[None]:
    """Let an import fail, as it does where the `aiohttp` extra isn't installed."""
    before = {name: sys.modules.pop(name, None) for name in modules}
    sys.modules.update(dict.fromkeys(modules))  # type: ignore[arg-type]  # None: can't be imported
    yield
    for name, module in before.items():
        del sys.modules[name]
        if module is not None:
            sys.modules[name] = module


def _ours(cloud: CloudRecording) -> Callable[[int, int], Awaitable[None]]:
    async def record(number: int, calls: int) -> None:
        storage = AmazonS3(
            region=AmazonS3Region.US_EAST_1, bucket=_BUCKET, access_key=_ACCESS_KEY, secret_key=_SECRET_KEY
        )
        recording = cloud.recording(f"class-{number}", number, Mix(storage=storage))
        await recording.acquire()
        if calls == 1:
            return
        await recording.start()
        await recording.query()
        await recording.update(subscription=Subscription(subscribe_audio_uids=_EVERYBODY))
        await recording.stop()
        assert recording.state is State.UPLOADED

    return record


def _agora_client(url: str) -> Callable[[int, int, int], Awaitable[None]]:
    """Agora's own client, which blocks: as many threads as calls at once.

    It takes no URL, only names of Agora's, which it resolves in a thread that never ends, and it puts
    `https://` in front of them. So its domain is told that it has run already, and its URLs are made here, of
    plain http. That is to its advantage: it opens a connection for each call, and here without TLS.
    """
    try:
        mix = import_module(
            "agora_rest_client.services.cloud_recording.v1.mix_recording.mix_recording_client"
        )
    except ImportError:
        sys.exit(f"Agora's client is not installed here: pip install {AGORA_CLIENT}, or -e .[bench]")
    package = "agora_rest_client.services.cloud_recording.v1.mix_recording"
    starts, updates = import_module(f"{package}.api_start"), import_module(f"{package}.api_update")
    domain = import_module("agora_rest_client.core.domain").Domain(0)
    domain.set_logger(logging.getLogger("agora_rest_client"))
    domain.get_domain_list = lambda: [url]
    client = (
        mix.MixRecordingClient()
        .with_app_id(APP_ID)
        .with_credential_basic_auth(_USER, _PASSWORD)
        .with_domain(domain)
        .build()
    )
    client.get_api_url = lambda host, path, _region: host + path

    def record(number: int, calls: int) -> None:
        cname, uid = f"class-{number}", str(number)
        resource_id = client.acquire(cname=cname, uid=uid).resourceId
        if calls == 1:
            return
        storage = starts.StorageConfig(
            vendor=1,
            region=0,
            bucket=_BUCKET,
            accessKey=_ACCESS_KEY,
            secretKey=_SECRET_KEY,
        )
        started = client.start(
            resource_id=resource_id,
            cname=cname,
            uid=uid,
            token=None,
            storage_config=storage,
            recording_config=starts.RecordingConfig(channelType=0),
        )
        of_session = {"resource_id": resource_id, "sid": started.sid}
        client.query(**of_session)
        audio = updates.AudioUidList(subscribeAudioUids=_EVERYBODY)
        subscription = updates.StreamSubscribe(audioUidList=audio)
        client.update(**of_session, cname=cname, uid=uid, stream_subscribe=subscription)
        stopped = client.stop(**of_session, cname=cname, uid=uid)
        assert stopped.serverResponse["uploadingStatus"] == "uploaded"

    async def run(concurrency: int, recordings: int, calls: int) -> None:
        with ThreadPoolExecutor(concurrency) as threads:
            for _ in threads.map(record, range(1, recordings + 1), [calls] * recordings):
                pass

    return run
