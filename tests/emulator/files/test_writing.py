"""The shell that has files made and written: what it asks for, in which order, and when it waits."""

import io
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx
import pytest
from attrs import define, evolve, field

from agora_rec.emulator import Emulator, Settings
from agora_rec.emulator.files import worker
from agora_rec.emulator.files.holding import HoldingApp
from agora_rec.emulator.files.orders import Check, Order, Put, Result, Target, pack, unpack_result
from agora_rec.emulator.files.process import Maker, open_worker
from agora_rec.emulator.files.scenes import Still, user_scene
from tests.emulator.files.playback import play, read_playlist
from tests.emulator.files.setting import STILL, TINY, begin, go_on
from tests.emulator.stage import Stage, example, set_stage
from tests.support.s3 import S3

pytestmark = pytest.mark.anyio

HERE = {"vendor": 11, "region": 0, "bucket": "b", "accessKey": "a", "secretKey": "s"}
HERE |= {"extensionParams": {"endpoint": "127.0.0.1"}}
TARGET = Target("http://127.0.0.1:9", "b", "a", "s")


@define
class Listed:
    """Makes nothing, and remembers what it was asked for. `answer` says what comes of it."""

    answer: Result = field(factory=Result)
    checks: list[Check] = field(factory=list[Check])
    puts: list[Put] = field(factory=list[Put])
    hurdle: anyio.Event | None = None
    opened: int = 0

    async def carry_out(self, order: Order) -> Result:
        if self.hurdle is not None:
            await self.hurdle.wait()
        if isinstance(order, Check):
            self.checks.append(order)
            return Result()
        self.puts.append(order)
        return self.answer

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Maker]:
        self.opened += 1
        yield self

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.puts]


@asynccontextmanager
async def listed(settings: Settings = STILL) -> AsyncGenerator[tuple[Stage, Listed]]:
    maker = Listed()
    async with set_stage(settings) as stage, stage.emulator._writer.writing(maker.open):
        yield stage, maker


async def test_ten_minutes_are_forty_slices_and_old_versions_of_playlists_are_left_out():
    async with listed() as (stage, maker):
        started = await begin(stage, "start_mix_hls", HERE, recordingConfig=TINY)
        await go_on(stage, 2 + 600)
        await stage.stop(started)
        await go_on(stage, 10)
    slices = [each.name for each in maker.puts if each.name.endswith(".ts")]
    assert len(slices) == len(set(slices)) == 40
    texts = [each.content for each in maker.puts if isinstance(each.content, str)]
    # 39 slices and as many versions were due; they are looked through 64 at once.
    first, second, last = (read_playlist(str(each).encode()) for each in texts)
    assert (first.names, second.names) == (slices[:32], slices[:39])
    assert not second.closed
    assert last.names == slices
    assert last.closed
    assert [each.target for each in maker.checks] == [evolve(TARGET, url="http://127.0.0.1")]


async def test_nothing_is_started_for_recordings_that_go_elsewhere():
    async with listed() as (stage, maker):
        await stage.record("start_mix_hls")
        await go_on(stage, 60)
        assert maker.opened == 0
        await begin(stage, "start_mix_hls", HERE, uid="7")
        assert maker.opened == 1


async def test_many_recordings_are_written_in_the_order_in_which_files_are_due():
    async with listed() as (stage, maker):
        await begin(stage, "start_mix_hls", HERE, recordingConfig=TINY, uid="1")
        stage.clock.pass_by(7)
        await begin(stage, "start_mix_hls", HERE, recordingConfig=TINY, uid="2")
        await go_on(stage, 2 + 31)
    sids = [each.partition("_")[0] for each in maker.names if each.endswith(".ts")]
    assert len(sids) == 4
    assert sids[0] == sids[2] != sids[1] == sids[3]


async def test_what_is_not_written_when_the_block_ends_is_written_in_the_next_one():
    maker = Listed()
    async with set_stage(STILL) as stage:
        emulator = stage.emulator
        async with emulator._writer.writing(maker.open):
            await begin(stage, "start_mix_hls", HERE, recordingConfig=TINY)
            await go_on(stage, 2 + 16)
            maker.hurdle = anyio.Event()
            stage.clock.pass_by(30)
            emulator._writer.ring()
            await anyio.wait_all_tasks_blocked()
        before = list(maker.names)
        maker.hurdle = None
        stage.clock.pass_by(15)
        async with emulator._writer.writing(maker.open):
            await emulator.written()
    assert len(before) == 2
    slices = [each for each in maker.names if each.endswith(".ts")]
    assert len(slices) == len(set(slices)) == 4


async def test_a_file_that_cannot_be_made_is_told_of_and_left_out(caplog: pytest.LogCaptureFixture):
    async with listed() as (stage, maker):
        started = await begin(stage, "start_mix_hls", HERE, recordingConfig=TINY)
        maker.answer = Result(failed="ValueError: no")
        await go_on(stage, 2 + 16)
        maker.answer = Result()
        await stage.stop(started)
        await go_on(stage, 10)
        assert [each.uploading_status for each in stage.emulator.sessions] == ["uploaded"]
    said = [each.getMessage() for each in caplog.records if each.name == "agora_rec.emulator"]
    assert len(said) == 2
    assert said[0].endswith(".ts could not be made: ValueError: no")


async def test_what_can_not_begin_is_not_looked_at():
    async with listed(evolve(STILL, wrong_values=frozenset({"b"}))) as (stage, maker):
        await begin(stage, "start_mix_hls", HERE, recordingConfig=TINY)
        await go_on(stage, 60)
        assert (maker.checks, maker.puts) == ([], [])


async def test_nobody_waits_where_nothing_is_written():
    emulator = Emulator()
    with pytest.raises(RuntimeError, match="nothing is written outside"):
        await emulator.written()
    async with emulator.writing():
        with pytest.raises(RuntimeError, match="already"):
            async with emulator.writing():
                pass
        await emulator.written()
    with pytest.raises(RuntimeError, match="nothing is written outside"):
        await emulator.written()


async def test_those_who_wait_are_told_when_the_writing_ends():
    maker = Listed(hurdle=anyio.Event())
    failures: list[str] = []
    async with set_stage(STILL) as stage, anyio.create_task_group() as group:

        async def wait() -> None:
            try:
                await stage.emulator.written()
            except RuntimeError as error:
                failures.append(str(error))

        async with stage.emulator._writer.writing(maker.open):
            request = {**example("start_mix_hls"), "storageConfig": HERE}
            await stage.record(request=request)
            group.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
    assert len(failures) == 1


async def test_whoever_has_stopped_waits_for_the_files_of_that_recording_alone():
    async with listed() as (stage, maker):
        writer = stage.emulator._writer
        one = await begin(stage, "start_mix_hls", HERE, recordingConfig=TINY, uid="1")
        other = await begin(stage, "start_mix_hls", HERE, recordingConfig=TINY, uid="2")
        await go_on(stage, 10)
        maker.hurdle = anyio.Event()
        await stage.stop(one)
        stage.clock.pass_by(1)
        async with anyio.create_task_group() as group:
            group.start_soon(writer.stored, one.sid)
            await anyio.wait_all_tasks_blocked()
            await writer.stored(other.sid)
            await writer.stored("of nobody")
            assert maker.names == []
            maker.hurdle.set()
        assert len(maker.names) == 2
        await stage.stop(other)
    await writer.stored(other.sid)  # nothing is written any more, and nobody waits


async def test_over_sockets_a_stop_is_answered_when_the_files_are_there():
    answered: list[int] = []
    async with listed() as (stage, maker):
        started = await begin(stage, "start_mix_hls", HERE, recordingConfig=TINY)
        await go_on(stage, 10)
        maker.hurdle = anyio.Event()
        emulator = stage.emulator
        served = httpx.ASGITransport(HoldingApp(emulator.app, emulator._writer))
        auth = (emulator.customer_id, emulator.customer_secret)
        async with httpx.AsyncClient(base_url=emulator.base_url, transport=served, auth=auth) as http:

            async def stop() -> None:
                answered.append((await Stage(emulator, http).stop(started)).status_code)

            async with anyio.create_task_group() as group:
                group.start_soon(stop)
                await anyio.wait_all_tasks_blocked()
                assert answered == []
                maker.hurdle.set()
    assert (answered, len(maker.names)) == ([200], 2)


async def test_an_error_in_the_block_comes_out_as_it_is():
    with pytest.raises(ZeroDivisionError):
        async with Emulator().writing():
            raise ZeroDivisionError


async def test_the_death_of_the_process_ends_the_block(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("agora_rec.emulator.files.process._START", "import sys; sys.stdin.buffer.read(4)")

    async def record() -> None:
        async with set_stage(STILL) as stage, stage.emulator.writing():
            request = {**example("start_mix_hls"), "storageConfig": HERE}
            await stage.record(request=request)
            await anyio.sleep(60)

    with pytest.raises(RuntimeError, match=r"died \(code 0\)"):
        await record()


@pytest.mark.parametrize("missing", ["av", "obstore"])
async def test_what_is_not_installed_is_named(missing: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("agora_rec.emulator.emulator.find_spec", lambda name: None if name == missing else 1)
    with pytest.raises(ImportError, match=rf"{missing}.*agora-rec\[emulator\]"):
        Emulator().writing()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_whoever_serves_writes_too(s3: S3, bucket: str):
    """Over sockets, in real time, with the real process."""
    names = await serve_a_recording(s3, bucket, seconds=0.6)
    assert read_playlist(
        s3.read(bucket, names[0])
    ).closed  # a stop that says so is answered when all is there
    slices = [each for each in names if each.endswith(".ts")]
    assert read_playlist(s3.read(bucket, names[0])).names == slices
    for name in slices:
        assert play(s3.read(bucket, name)).times


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_whoever_serves_need_not_be_able_to_write(s3: S3, bucket: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("agora_rec.emulator.emulator.find_spec", lambda _: None)
    assert await serve_a_recording(s3, bucket, seconds=0.0) == []


async def serve_a_recording(s3: S3, bucket: str, *, seconds: float) -> list[str]:
    settings = Settings(start_seconds=0.1, slice_seconds=0.4, first_slice_mix=0.4, notice_seconds=0.01)
    emulator = Emulator(settings=settings, endpoints=s3.endpoints)
    async with emulator.serve() as served:
        auth = (emulator.customer_id, emulator.customer_secret)
        async with httpx.AsyncClient(base_url=served.url, auth=auth, trust_env=False) as http:
            stage = Stage(emulator, http)
            request = {**example("start_mix_hls"), "recordingConfig": TINY}
            started = await stage.record(request=request | {"storageConfig": s3.storage(bucket)})
            await anyio.sleep(seconds)
            assert (await stage.stop(started)).status_code == (200 if seconds else 206)
            return s3.names(bucket)


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_the_process_makes_files_and_goes_with_the_block(
    s3: S3, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    target = Target(s3.url, bucket, "a", "s")
    async with open_worker() as maker:
        assert len(list(tmp_path.iterdir())) == 1
        assert await maker.carry_out(Check(target, "x")) == Result()
        assert await maker.carry_out(Put(target, "x.jpg", Still(user_scene("11")))) == Result()
        assert await maker.carry_out(Check(evolve(target, bucket="no"), "x")) == Result(
            refused="NoSuchBucket"
        )
    assert s3.names(bucket) == ["x.jpg"]
    assert list(tmp_path.iterdir()) == []


def test_the_process_serves_until_there_are_no_more_orders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """What it does, in this process."""
    orders = io.BytesIO(
        pack(Check(TARGET, "x")) + pack(Put(TARGET, "x.m3u8", "#EXTM3U")) + pack(Put(TARGET, "x", ""))
    )
    results = io.BytesIO()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(orders))
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(results))
    monkeypatch.setattr("sys.argv", ["-c", str(tmp_path)])
    before = signal.getsignal(signal.SIGINT)
    try:
        worker.main()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    said: list[Result] = []
    results.seek(0)
    while size := results.read(4):
        said.append(unpack_result(results.read(int.from_bytes(size, "big"))))
    assert said[:2] == [Result(refused="unreachable")] * 2
    assert said[2].failed is not None
    assert said[2].failed.startswith("KeyError")


def test_what_is_given_to_the_process_shows_no_keys():
    assert "'s'" not in repr(TARGET)
