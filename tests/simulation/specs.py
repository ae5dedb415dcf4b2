"""What a seed records, and on what kind of service: drawn once, at the beginning."""

import random
from typing import Final

from attrs import evolve, frozen

from agora_rec import (
    Alternate,
    AmazonS3,
    AmazonS3Region,
    AudioProfile,
    BestFit,
    Individual,
    Mix,
    Mode,
    Storage,
    SubscribeUidGroup,
    Transcoding,
    Web,
)
from agora_rec.emulator import Settings
from tests.support.secrets import ACCESS_KEY, RTMP_URL, SECRET_KEY, TOKEN, TOKEN_OF_ALTERNATE

BUCKET: Final = "bucket"
BACKUP_BUCKET: Final = "refuses-files"
WRONG_BUCKET: Final = "does-not-exist"


@frozen(kw_only=True)
class Spec:
    """One recording that is to be."""

    label: str
    cname: str
    uid: int
    mode: Mode
    token: str | None
    hours: int | None
    announce: bool
    alternate: Alternate | None = None


@frozen(kw_only=True)
class Scenario:
    """What a seed has drawn for itself."""

    specs: tuple[Spec, ...]
    settings: Settings
    qps: float
    users: int
    horizon: float
    """Virtual seconds after which the users of a life are sent home, and the weather becomes calm."""
    lives: int
    single_host: bool

    @classmethod
    def draw(cls, seed: int | str) -> "Scenario":
        """Everything that is settled before the play begins."""
        rng = random.Random(f"{seed}/scenario")
        count = rng.choice((1, 1, 2, 3, 4, 6))
        specs = [_spec(rng, number) for number in range(1, count + 1)]
        offers = random.Random(f"{seed}/alternates")
        return cls(
            specs=tuple(evolve(spec, alternate=_alternate(offers, spec)) for spec in specs),
            settings=_settings(rng),
            qps=rng.choice((10.0, 10.0, 10.0, 4.0, 2.0)),
            users=rng.choice((1, 2, 3, 5)),
            horizon=rng.choice((20.0, 60.0, 200.0, 200.0, 700.0, 2000.0)),
            lives=rng.choice((1, 1, 2, 2, 2, 3)),
            single_host=rng.random() < 0.5,
        )


def _storage(rng: random.Random) -> Storage:
    bucket = rng.choices((BUCKET, BACKUP_BUCKET, WRONG_BUCKET), weights=(8, 1, 1))[0]
    return AmazonS3(
        bucket=bucket, access_key=ACCESS_KEY, secret_key=SECRET_KEY, region=AmazonS3Region.US_EAST_1
    )


def _mode(rng: random.Random, hours: int | None) -> Mode:
    storage = _storage(rng)
    files = rng.choice((None, ("hls", "mp4")))
    idle = rng.choice((None, 5, 30, 300))
    match rng.randrange(4):
        case 0 | 1:
            picture = Transcoding(width=640, height=360, fps=15, bitrate=600, layout=BestFit())
            return Mix(
                storage=storage,
                max_idle_time=idle,
                av_file_type=files,
                transcoding=rng.choice((None, picture)),
            )
        case 2:
            group = SubscribeUidGroup.UP_TO_2
            return Individual(storage=storage, max_idle_time=idle, subscribe_uid_group=group)
        case _:
            return Web(
                storage=storage,
                url="https://example.com/class",
                audio_profile=AudioProfile.MONO_48_KBPS,
                video_width=1280,
                video_height=720,
                max_recording_hour=min(hours or 2, 2),
                av_file_type=files,
                rtmp_urls=rng.choice((None, (RTMP_URL,))),
            )


def _spec(rng: random.Random, number: int) -> Spec:
    hours = rng.choice((None, None, None, 1))
    return Spec(
        label=f"r{number}",
        cname=f"class-{number}",
        uid=1000 + number,
        mode=_mode(rng, hours),
        token=rng.choice((None, TOKEN)),
        hours=hours,
        announce=rng.random() < 0.2,
    )


def _alternate(rng: random.Random, spec: Spec) -> Alternate | None:
    if rng.random() < 0.4:
        return None
    return Alternate(uid=spec.uid + 1000, token=None if spec.token is None else TOKEN_OF_ALTERNATE)


def _settings(rng: random.Random) -> Settings:
    return Settings(
        latency=rng.choice((0.01, 0.01, 0.2, 1.5)),
        start_seconds=rng.choice((2.0, 2.0, 20.0)),
        upload_seconds=rng.choice((0.5, 0.5, 5.0, 19.0, 40.0)),
        exit_seconds=rng.choice((2.0, 2.0, 15.0)),
        wrong_values=frozenset({WRONG_BUCKET}),
        backup_buckets=frozenset({BACKUP_BUCKET}),
        concurrent_limit=rng.choice((50, 50, 50, 2)),
        repeated_start_with_sid=rng.random() < 0.5,
        observed_bodies=rng.random() < 0.3,
        exiting_refused=rng.random() < 0.3,
        slow_stop_code=rng.choice((50, None)),
        web_file_key=rng.choice(("filename", "fileName")),
        file_times_in_seconds=rng.random() < 0.3,
        older_unknown=rng.random() < 0.3,
    )
