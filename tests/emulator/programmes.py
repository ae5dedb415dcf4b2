"""Short programmes that between them let the emulator tell of everything that it knows."""

from collections.abc import Awaitable, Callable
from typing import Any

from agora_rec.emulator import Notice, PageTrouble, Settings, Upload
from tests.emulator.stage import Stage, example, set_stage

PAGE = "https://example.org/board"
PUSH = "rtmp://live.example.org/app/key"
STS_SECONDS = 4 * 3600 + 60
Programme = tuple[Settings, Callable[[Stage], Awaitable[object]]]


def still(**changes: Any) -> Settings:
    """Settings without latency, so that the clock stands where the test puts it."""
    return Settings(**{"latency": 0.0, **changes})


def page(trouble: PageTrouble) -> Settings:
    return still(page_troubles={PAGE: trouble})


def with_sts(stage: Stage, name: str = "start_mix_hls") -> dict[str, Any]:
    """A start whose storage token runs out STS_SECONDS from now."""
    request = example(name)
    seconds = int(stage.clock.moment.timestamp()) + STS_SECONDS
    request["storageConfig"] |= {"stsToken": "t", "stsExpiration": seconds}
    return request


async def mix(stage: Stage) -> None:
    recording = await stage.record("start_mix_hls_mp4")
    stage.clock.pass_by(130)
    await stage.stop(recording)


async def individual(stage: Stage) -> None:
    recording = await stage.record("start_individual")
    stage.clock.pass_by(130)
    await stage.stop(recording)


async def snapshots(stage: Stage) -> None:
    recording = await stage.record("start_individual_and_snapshots")
    stage.clock.pass_by(65)
    await stage.stop(recording)


async def idle(stage: Stage) -> None:
    await stage.record("start_mix_hls_mp4")
    stage.clock.pass_by(70)
    stage.emulator.channel("class-42").empty()


async def flawed(stage: Stage) -> None:
    await stage.record("start_mix_hls")


async def web(stage: Stage) -> None:
    recording = await stage.record("start_web")
    stage.clock.pass_by(130)
    await stage.stop(recording)


async def web_push(stage: Stage) -> None:
    recording = await stage.record("start_web_rtmp")
    stage.clock.pass_by(30)
    await stage.tell(recording, "update", {"webRecordingConfig": {"onhold": False}})
    stage.clock.pass_by(30)
    await stage.stop(recording)


async def web_watched(stage: Stage) -> None:
    request = example("start_web_rtmp")
    request["extensionServiceConfig"]["extensionServices"][0]["serviceParam"]["onhold"] = False
    await stage.record("start_web_rtmp", request=request)


async def backup(stage: Stage) -> None:
    recording = await stage.record()
    stage.clock.pass_by(30)
    stage.emulator.inject(Upload(60, backuped=True))
    await stage.stop(recording, async_stop=True)


async def sts(stage: Stage) -> None:
    recording = await stage.record(request=with_sts(stage))
    stage.clock.pass_by(STS_SECONDS + 60)
    await stage.stop(recording)


async def moved(stage: Stage) -> None:
    recording = await stage.record("start_individual")
    stage.clock.pass_by(100)
    stage.emulator.fail_over(recording.sid, old_reports=True)
    stage.clock.pass_by(160)
    await stage.stop(recording)


async def moved_page(stage: Stage) -> None:
    recording = await stage.record("start_web")
    stage.clock.pass_by(100)
    stage.emulator.fail_over(recording.sid, old_reports=True)
    stage.clock.pass_by(160)
    await stage.stop(recording)


async def started_twice(stage: Stage) -> None:
    recording = await stage.record()
    stage.clock.pass_by(30)
    await stage.start(recording.resource_id, example("start_mix_hls"))


VOD = {
    "serviceName": "aliyun_vod_service",
    "serviceParam": {
        "accessKey": "a",
        "secretKey": "s",
        "regionId": "cn-shanghai",
        "apiData": {"videoData": {"title": "t"}},
    },
}
SCAN = {
    "serviceName": "aliyun_voice_async_scan",
    "serviceParam": {
        "callbackAddr": "https://example.org/callback",
        "apiData": {"callbackSeed": "c", "accessKey": "a", "secretKey": "s"},
    },
}


def with_service(name: str, service: dict[str, Any]) -> dict[str, Any]:
    """A start with one of the services that left the documents."""
    return {**example(name), "extensionServiceConfig": {"extensionServices": [service]}}


def mixed_later(container: str | None = None) -> dict[str, Any]:
    """A start with postponed audio mixing."""
    options: dict[str, Any] = {"transConfig": {"transMode": "audioMix"}}
    if container is not None:
        options["container"] = {"format": container}
    policy = {"combinationPolicy": "postpone_transcoding"}
    return {**example("start_individual"), "appsCollection": policy, "transcodeOptions": options}


async def vod(stage: Stage) -> None:
    recording = await stage.record(request=with_service("start_mix_hls", VOD))
    stage.clock.pass_by(60)
    await stage.stop(recording)


async def scanned(stage: Stage) -> None:
    request = with_service("start_individual", SCAN)
    recording = await stage.record("start_individual", request=request)
    stage.clock.pass_by(30)
    stage.emulator.channel("class-42").leave(12)
    stage.clock.pass_by(30)
    await stage.stop(recording)


async def mixed_afterwards(stage: Stage) -> None:
    recording = await stage.record("start_individual", acquire={"scene": 2}, request=mixed_later())
    stage.clock.pass_by(60)
    await stage.stop(recording)


PROGRAMMES: dict[str, Programme] = {
    "mix": (still(), mix),
    "individual": (still(), individual),
    "snapshots": (still(), snapshots),
    "idle": (still(), idle),
    "storage": (still(wrong_values=frozenset({"b"})), flawed),
    "token": (still(wrong_tokens=frozenset({"t"})), flawed),
    "web": (still(), web),
    "web_push": (still(dead_outputs=frozenset({PUSH})), web_push),
    "never_ready": (page(PageTrouble.NEVER_READY), web_watched),
    "too_large": (page(PageTrouble.RESOLUTION), web_watched),
    "web_breaks": (page(PageTrouble.BREAKS), web_watched),
    "backup": (still(), backup),
    "sts": (still(), sts),
    "moved": (still(), moved),
    "moved_page": (still(), moved_page),
    "started_twice": (still(), started_twice),
    "vod": (still(), vod),
    "scanned": (still(), scanned),
    "scan_fails": (still(broken_services=frozenset({"aliyun_voice_async_scan"})), scanned),
    "mixed_afterwards": (still(), mixed_afterwards),
    "mixing_fails": (still(backup_buckets=frozenset({"b"})), mixed_afterwards),
}


async def play(name: str) -> tuple[Notice, ...]:
    """All notices of a programme, and of the five minutes after it."""
    settings, programme = PROGRAMMES[name]
    async with set_stage(settings) as stage:
        await programme(stage)
        stage.clock.pass_by(300)
        return stage.emulator.notices


def seconds_of(stage: Stage, notice: Notice) -> float:
    """When that happened, in seconds after the start of the first recording."""
    return (notice.happened_at - stage.emulator.sessions[0].started_at).total_seconds()


def story(stage: Stage, *event_types: int) -> list[tuple[float, dict[str, Any]]]:
    """When such events happened so far (seconds after the start), and what they said."""
    return [
        (
            seconds_of(stage, notice),
            {name: item for name, item in notice.details.items() if name != "msgName"},
        )
        for notice in stage.emulator.notices
        if notice.event_type in event_types
    ]


def moments(stage: Stage, *event_types: int) -> list[tuple[float, int]]:
    """When such events happened so far, and which."""
    return [
        (seconds_of(stage, notice), int(notice.event_type))
        for notice in stage.emulator.notices
        if notice.event_type in event_types
    ]
