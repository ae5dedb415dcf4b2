"""Buckets that refuse: at the start, in the middle, and where nothing may be sent at all."""

from datetime import timedelta
from typing import Any

import pytest

from agora_rec import InvalidRequest
from agora_rec.emulator import Emulator, EndReason, Settings, Upload
from agora_rec.emulator.files.access import find_url
from agora_rec.emulator.files.process import clean
from agora_rec.emulator.recorded import milliseconds
from agora_rec.vocabulary import UploadingStatus
from tests.emulator.files.playback import play, read_playlist
from tests.emulator.files.setting import TINY, begin, go_on, writing_stage
from tests.emulator.stage import Stage
from tests.support.backends import virtual_time
from tests.support.s3 import S3

anyio_backend = virtual_time
pytestmark = pytest.mark.anyio


def told(stage: Stage) -> list[tuple[int, object]]:
    """Types of what was notified of, with what they say of errors, warnings, and the exit."""
    return [
        (int(each.event_type), each.details.get("warnCode", each.details.get("exitStatus")))
        for each in stage.emulator.notices
        if each.event_type in {1, 2, 11, 31, 32}
    ]


async def begin_tiny(stage: Stage, storage: dict[str, Any], **changes: Any) -> Any:
    return await begin(stage, "start_mix_hls", storage, recordingConfig=TINY, **changes)


@pytest.mark.parametrize("wrong", ["accessKey", "secretKey"])
async def test_wrong_keys_pass_the_start_and_are_told_of_later(wrong: str, s3: S3, bucket: str):
    with s3.good_keys() as (access, secret):
        keys = {"accessKey": access, "secretKey": secret}
        await assert_found_wrong(s3, s3.storage(bucket, **(keys | {wrong: "wrong"})))
    assert s3.names(bucket) == []


async def test_so_do_buckets_that_are_not_there(s3: S3, caplog: pytest.LogCaptureFixture):
    await assert_found_wrong(s3, s3.storage("nowhere"))
    away = s3.storage("nowhere", extensionParams={"endpoint": "away.test"})
    await assert_found_wrong(s3, away, endpoints={"away.test": "http://127.0.0.1:9"})
    said = [each.getMessage() for each in caplog.records if each.name == "agora_rec.emulator"]
    assert [each.partition(": ")[2] for each in said] == [
        "the storage refused nowhere: NoSuchBucket",
        "the storage refused nowhere: unreachable",
    ]


async def assert_found_wrong(s3: S3, storage: dict[str, Any], **options: Any) -> None:
    async with writing_stage(s3, **options) as stage:
        started = await begin_tiny(stage, storage)
        await go_on(stage, 4.9)
        assert (await stage.query(started)).status_code == 200
        await go_on(stage, 10)
        assert (await stage.query(started)).status_code == 404
        (session,) = stage.emulator.sessions
        assert session.end_reason is EndReason.WRONG_PARAMETERS
        assert (session.files, session.uploading_status) == ((), None)
        assert told(stage) == [(1, None), (11, 1)]


async def test_keys_that_may_only_write_are_good_keys(s3: S3, bucket: str):
    with s3.good_keys() as (access, secret):
        async with writing_stage(s3) as stage:
            await begin_tiny(stage, s3.storage(bucket, accessKey=access, secretKey=secret))
            await go_on(stage, 2 + 16)
            (session,) = stage.emulator.sessions
    assert session.running
    assert len(s3.names(bucket)) == 2


async def test_a_bucket_that_is_lost_later_gets_its_files_from_the_backup(
    s3: S3, bucket: str, caplog: pytest.LogCaptureFixture
):
    async with writing_stage(s3) as stage:
        started = await begin_tiny(stage, s3.storage(bucket))
        await go_on(stage, 2 + 16)
        s3.delete(bucket)
        await go_on(stage, 15)
        await go_on(stage, 5)
        assert told(stage) == [(2, 31), (2, 32)]
        await stage.stop(started)
        s3.create(bucket)
        await go_on(stage, 10)
        assert [kind for kind, _ in told(stage)] == [2, 2, 32, 11]
        assert s3.names(bucket) == []
        (session,) = stage.emulator.sessions
        assert session.uploading_status is UploadingStatus.BACKUPED
        await go_on(stage, 300)
    names = s3.names(bucket)
    (playlist,) = [each for each in names if each.endswith(".m3u8")]
    listed = read_playlist(s3.read(bucket, playlist))
    assert listed.closed
    assert [part.seconds for part in listed.parts] == [15, 15, 6]
    # The first slice was in the bucket that is gone.
    assert sorted([playlist, *listed.names[1:]]) == names
    assert [each.getMessage() for each in caplog.records if each.name == "agora_rec.emulator"] == [
        f"recording {started.sid}: the storage refused {listed.names[1]}: NoSuchBucket"
    ]


async def test_what_the_backup_hands_over_comes_late_under_a_name_of_its_own(s3: S3, bucket: str):
    async with writing_stage(s3) as stage:
        started = await begin_tiny(stage, s3.storage(bucket, fileNamePrefix=["a"]))
        await go_on(stage, 2 + 20)
        stage.emulator.inject(Upload(seconds=3, backuped=True))
        await stage.stop(started)
        stored = stage.clock.now()
        await go_on(stage, 10)
        name = f"a/{started.sid}_class-42"
        before = s3.names(bucket)
        assert len(before) == 2
        await go_on(stage, 291)
    handed_over = f"{name}_{milliseconds(stored + timedelta(seconds=300))}_0.m3u8"
    new = set(s3.names(bucket)) - set(before)
    assert handed_over in new
    assert not read_playlist(s3.read(bucket, f"{name}.m3u8")).closed
    listed = read_playlist(s3.read(bucket, handed_over))
    assert listed.closed
    assert {f"a/{each}" for each in listed.names} == {
        each for each in s3.names(bucket) if each.endswith(".ts")
    }
    assert play(s3.read(bucket, f"a/{listed.names[1]}")).times == pytest.approx(range(15, 20), abs=1e-4)


async def test_of_a_bucket_that_refuses_all_everything_comes_from_the_backup(s3: S3, bucket: str):
    settings = Settings(latency=0.0, backup_buckets=frozenset({bucket}), handover_seconds=60)
    async with writing_stage(s3, settings) as stage:
        started = await begin(
            stage,
            "start_individual_and_snapshots",
            s3.storage(bucket),
            snapshotConfig={"captureInterval": 5},
            recordingConfig={"streamTypes": 1, "subscribeVideoUids": ["11"]},
        )
        await go_on(stage, 2 + 6)
        await stage.stop(started)
        await go_on(stage, 59)
        early = s3.names(bucket)
        await go_on(stage, 5)
    assert len(early) == 0
    assert sorted(each.rpartition(".")[2] for each in s3.names(bucket)) == ["jpg", "m3u8", "ts"]


async def test_of_a_recording_that_never_ends_the_backup_hands_nothing_over(s3: S3, bucket: str):
    settings = Settings(latency=0.0, backup_buckets=frozenset({bucket}))
    async with writing_stage(s3, settings) as stage:
        files = {"avFileType": ["hls", "mp4"]}
        await begin(
            stage, "start_mix_hls", s3.storage(bucket), recordingConfig=TINY, recordingFileConfig=files
        )
        await begin(stage, "start_snapshot_only", s3.storage(bucket), uid="7")
        await go_on(stage, 8000)
    assert s3.names(bucket) == []


async def test_nothing_is_sent_to_another_machine_unless_it_is_allowed(
    s3: S3, bucket: str, caplog: pytest.LogCaptureFixture
):
    storage = s3.storage(bucket, extensionParams={"endpoint": "s3.example.org"})
    for endpoints in ({}, {"s3.example.org": s3.url}):
        async with writing_stage(s3, endpoints=endpoints) as stage:
            started = await begin_tiny(stage, storage)
            await go_on(stage, 2 + 16)
            await stage.stop(started)
            await go_on(stage, 10)
            assert [each.uploading_status for each in stage.emulator.sessions] == ["uploaded"]
        assert len(s3.names(bucket)) == (3 if endpoints else 0)
    (record,) = [each for each in caplog.records if each.name == "agora_rec.emulator"]
    assert "nothing is written to s3.example.org" in record.getMessage()


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1"),
        ("127.8.9.1", "http://127.8.9.1"),
        ("localhost", "http://localhost"),
        ("LOCALHOST", "http://LOCALHOST"),
        ("localhost.example.org", None),
        ("127.0.0.1.example.org", None),
        ("10.0.0.1", None),
        ("192.168.0.7", None),
        ("s3.example.org", None),
        ("minio.lan", "https://minio.lan:9000"),
    ],
)
def test_where_an_endpoint_is(endpoint: str, url: str | None):
    assert find_url(endpoint, {"minio.lan": "https://minio.lan:9000"}) == url


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("s3.example.org", "s3.example.org"),
        ("", "http://127.0.0.1:9000"),
        ("127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://s3.lan", "http://127.0.0.1:9000"),
    ],
)
def test_an_endpoint_has_a_name_that_a_start_can_use_and_a_url(name: str, url: str):
    with pytest.raises(InvalidRequest, match="host name without a port, and its URL"):
        Emulator(endpoints={name: url})


async def test_an_update_may_bring_new_keys_but_no_way_out(s3: S3, bucket: str):
    async with writing_stage(s3) as stage:
        started = await begin_tiny(stage, s3.storage(bucket))
        other = s3.create(f"{bucket}-other")
        await stage.tell(started, "update", {"storageConfig": s3.storage(other)})
        await go_on(stage, 2 + 16)
        assert (len(s3.names(bucket)), len(s3.names(other))) == (0, 2)
        away = {"extensionParams": {"endpoint": "s3.example.org"}}
        await stage.tell(started, "update", {"storageConfig": s3.storage(other, **away)})
        await go_on(stage, 15)
        amazon = {"vendor": 1, "extensionParams": {}}
        await stage.tell(started, "update", {"storageConfig": s3.storage(other, **amazon)})
        await go_on(stage, 15)
        assert len(s3.names(other)) == 2
        (session,) = stage.emulator.sessions
        assert session.running


def test_the_process_is_told_nothing_of_other_accounts_or_ways():
    given = {
        "AWS_SESSION_TOKEN": "t",
        "HTTP_PROXY": "http://p",
        "all_proxy": "p",
        "PATH": "/bin",
        "PYTHONPATH": "/x",
    }
    kept = clean(given)
    assert set(kept) == {"PATH", "PYTHONPATH"}
    assert kept["PYTHONPATH"].endswith(":/x")
    assert ":" not in clean({})["PYTHONPATH"]
