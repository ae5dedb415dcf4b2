"""No secret is shown: recordings of each mode with every secret there is, through all that can go wrong.

Log records, errors and their frames are searched by `tests/support/canary.py`, here as everywhere; this
makes sure that there is something to search, and looks at what else can be shown: reprs and checkpoints.
"""

import gc
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from types import FunctionType, ModuleType

import pytest

from agora_rec import (
    AgoraRecError,
    AlibabaAudioModeration,
    AmazonS3,
    AmazonS3Region,
    AudioProfile,
    BestFit,
    Checkpoint,
    CloudRecording,
    DecryptionMode,
    Encryption,
    Individual,
    InvalidRequest,
    LoopClock,
    MemoryStore,
    Mix,
    Mode,
    OperationName,
    Recording,
    SubscribeUidGroup,
    Subscription,
    Web,
)
from agora_rec.emulator import Cut, Emulator, Fault, Garble, LoseAnswer, Refuse, Settings, Unreachable
from agora_rec.store import Lease
from tests.support import secrets
from tests.support.backends import virtual_time
from tests.support.cloud import a_client
from tests.support.secrets import shown_in

anyio_backend = virtual_time
pytestmark = pytest.mark.anyio

STORAGE = AmazonS3(
    region=AmazonS3Region.US_EAST_1,
    bucket="b",
    access_key=secrets.ACCESS_KEY,
    secret_key=secrets.SECRET_KEY,
    sts_token=secrets.STS_TOKEN,
    sts_expiration=4_000_000_000,
)
ENCRYPTION = Encryption(
    decryption_mode=DecryptionMode.AES_256_GCM2,
    secret=secrets.ENCRYPTION_SECRET,
    salt=secrets.ENCRYPTION_SALT,
)
MODES: dict[str, Mode] = {
    "mix": Mix(storage=STORAGE, encryption=ENCRYPTION),
    "individual": Individual(
        storage=STORAGE,
        encryption=ENCRYPTION,
        subscribe_uid_group=SubscribeUidGroup.UP_TO_2,
        moderation=AlibabaAudioModeration(
            access_key=secrets.ACCESS_KEY,
            secret_key=secrets.SECRET_KEY,
            callback_addr="https://example.com/",
            callback_seed=secrets.CALLBACK_SEED,
        ),
    ),
    "web": Web(
        storage=STORAGE,
        url="https://example.com/",
        audio_profile=AudioProfile.MONO_48_KBPS,
        video_width=1280,
        video_height=720,
        max_recording_hour=1,
        rtmp_urls=(secrets.RTMP_URL,),
    ),
}
FAULTS: dict[str, Fault] = {
    "refused": Refuse(status=400, code=2),
    "unauthorized": Refuse(status=401),
    "failing": Refuse(status=500),
    "garbled": Garble(b"<html>"),
    "cut": Cut(),
    "lost": LoseAnswer(),
    "unreachable": Unreachable(),
}


class Kept(MemoryStore):
    """A store that remembers everything that was ever written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Checkpoint] = []

    async def save(self, checkpoint: Checkpoint, *, version: int, lease: Lease | None = None) -> int:
        """Keep it, and remember it."""
        self.written.append(checkpoint)
        return await super().save(checkpoint, version=version, lease=lease)


class Stage:
    """An emulator and a client of it, with secrets everywhere."""

    def __init__(self) -> None:
        self.clock = LoopClock()
        self.emulator = Emulator(
            customer_id=secrets.CUSTOMER_ID,
            customer_secret=secrets.CUSTOMER_SECRET,
            clock=self.clock,
            qps=None,
            settings=Settings(repeated_start_with_sid=True),
        )
        self.store = Kept()

    def client(self) -> CloudRecording:
        return a_client(self.emulator, self.clock, store=self.store)


def reachable(*roots: object) -> Iterator[object]:
    """Every object of the library that hangs on these, however deep."""
    seen: set[int] = set()
    waiting: deque[object] = deque(roots)
    while waiting:
        one = waiting.popleft()
        if id(one) in seen or isinstance(one, type | ModuleType | FunctionType):
            continue
        seen.add(id(one))
        ours = type(one).__module__.split(".")[0] == "agora_rec"
        if ours:
            yield one
        if ours or isinstance(one, dict | list | tuple | set | frozenset | deque):
            waiting += gc.get_referents(one)


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
async def test_nothing_that_hangs_on_a_client_shows_a_secret(mode: Mode):
    stage = Stage()
    async with stage.client() as cloud:
        recording = cloud.recording("c", 7, mode, token=secrets.TOKEN, announce_start=True)
        async with recording:
            await recording.wait_started()
            seen = 0
            for one in reachable(cloud, recording, stage.emulator, mode):
                seen += 1
                assert not shown_in(f"{one!r} {one} {one:}" if not isinstance(one, str) else repr(one))
        await recording.wait_finished()
    assert seen > 50
    texts = [checkpoint.to_json() for checkpoint in stage.store.written]
    assert len(texts) > 4
    assert not any(shown_in(text) for text in texts)
    assert not shown_in(repr(stage.emulator.calls))


async def update(recording: Recording) -> object:
    """The update that carries most secrets."""
    if isinstance(recording.mode, Web):
        return await recording.update(rtmp_urls=(secrets.RTMP_URL,), storage=STORAGE)
    return await recording.update(subscription=Subscription(subscribe_audio_uids=[1]), storage=STORAGE)


COMMANDS: dict[OperationName, Callable[[Recording], Awaitable[object]]] = {
    OperationName.QUERY: Recording.query,
    OperationName.UPDATE: update,
    OperationName.UPDATE_LAYOUT: lambda recording: recording.update_layout(BestFit()),
    OperationName.STOP: Recording.stop,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("operation", [OperationName.ACQUIRE, OperationName.START, *COMMANDS])
async def test_no_failure_of_a_call_shows_a_secret(operation: OperationName, fault: Fault):
    stage = Stage()
    stage.emulator.inject(fault, operation=operation, times=None)
    async with stage.client() as cloud:
        recording = cloud.recording("c", 7, MODES["mix"], token=secrets.TOKEN, announce_start=True)

        async def attempt() -> None:
            await recording.ensure_started()
            await COMMANDS[operation](recording)

        with pytest.raises(AgoraRecError) as caught:
            await attempt()
        assert not shown_in(f"{caught.value} {caught.value!r}")
        stage.emulator.clear_faults()
        await recording.ensure_stopped()
    assert not stage.emulator.running()


async def test_wrong_values_are_named_without_the_secrets_beside_them():
    wrong = Mix(
        storage=AmazonS3(
            region=AmazonS3Region.US_EAST_1,
            bucket="",
            access_key=secrets.ACCESS_KEY + "é",
            secret_key="",
            sts_token=secrets.STS_TOKEN,
        ),
        encryption=Encryption(
            decryption_mode=DecryptionMode.AES_256_GCM2,
            secret=secrets.ENCRYPTION_SECRET + "\udc80",
            salt=secrets.NEEDLE,
        ),
    )
    async with Stage().client() as cloud:
        with pytest.raises(InvalidRequest) as caught:
            cloud.recording("c", 0, wrong, token=secrets.TOKEN + "\n")
    paths = {violation.path for violation in caught.value.violations}
    assert {"uid", "mode.storage.bucket", "mode.storage.secret_key", "mode.encryption.salt"} <= paths
    assert not shown_in(f"{caught.value} {caught.value!r} {caught.value.violations!r}")
