"""A mixed recording, played frame by frame from a real bucket."""

import pytest

from agora_rec.emulator.files.scenes import color_of, hertz, image_color, tone_of
from agora_rec.files import utc_text
from tests.emulator.files.playback import Color, Played, near, play, read_playlist
from tests.emulator.files.setting import STILL, begin, go_on, writing_stage
from tests.emulator.stage import example, set_stage
from tests.support.backends import virtual_time
from tests.support.s3 import S3

anyio_backend = virtual_time
pytestmark = pytest.mark.anyio

SMALL = {"width": 320, "height": 180, "fps": 5, "bitrate": 200, "mixedVideoLayout": 1}
BOARD = {"channelType": 0, "transcodingConfig": SMALL}
BOTH = {"avFileType": ["hls", "mp4"]}
BLUE = (0x20, 0x30, 0x40)


def what_is_at(
    played: Played, places: dict[str, tuple[float, float]]
) -> dict[str, list[tuple[float, Color]]]:
    """The colours at some places, each with the time at which it was first seen there."""
    found: dict[str, list[tuple[float, Color]]] = {place: [] for place in places}
    for number, time in enumerate(played.times):
        colors = played.colors_at(number, places.values())
        for place, color in zip(places, colors, strict=True):
            if not found[place] or not near(color, found[place][-1][1]):
                found[place].append((round(time, 2), color))
    return found


def assert_seen(found: dict[str, list[tuple[float, Color]]], wanted: dict[str, list[tuple[float, Color]]]):
    for place, colors in wanted.items():
        assert [time for time, _ in found[place]] == [time for time, _ in colors], place
        for (_, color), (_, other) in zip(found[place], colors, strict=True):
            assert near(color, other), (place, color, other)


def assert_heard(played: Played, wanted: dict[int, list[str]]):
    for second, uids in wanted.items():
        for uid in ("11", "12", "13"):
            loudness = 0.5 / len(uids) if uid in uids else 0.0
            assert played.loudness(hertz(tone_of(uid)), second) == pytest.approx(loudness, abs=0.03)


async def test_a_mixed_recording_shows_and_tells_what_was_asked_for_when_it_was(s3: S3, bucket: str):
    """The files are made by the real process."""
    async with set_stage(STILL, endpoints=s3.endpoints) as stage, stage.emulator.writing():
        started = await begin(
            stage, "start_mix_hls_mp4", s3.storage(bucket), recordingConfig=BOARD, recordingFileConfig=BOTH
        )
        await go_on(stage, 17.5)  # two seconds until it is ready, a slice, and a little more
        first = s3.names(bucket)
        early = read_playlist(s3.read(bucket, first[0]))
        await go_on(stage, 4.5)  # 20 s recorded
        assert (await stage.tell(started, "updateLayout", example("updateLayout"))).is_success
        await go_on(stage, 6)
        stage.emulator.channel(started.cname).join(13)
        await go_on(stage, 2)
        stage.emulator.channel(started.cname).leave(11)
        await go_on(stage, 6)
        answer = await stage.stop(started)  # 34 s recorded
        await stage.emulator.written()
        assert answer.json()["serverResponse"]["uploadingStatus"] == "uploaded"
        (session,) = stage.emulator.sessions
        begun = stage.emulator._service.office.sessions[started.sid].ready_at
    name = f"{started.sid}_class-42"
    slices = [f"{name}_{utc_text(begun.replace(second=second))}.ts" for second in (2, 17, 32)]
    assert s3.names(bucket) == sorted([f"{name}.m3u8", f"{name}_0.mp4", *slices])
    assert set(session.files) == {f"{name}.m3u8", f"{name}_0.mp4"}
    assert early.names == slices[:1]
    assert not early.closed
    assert len(first) == 2
    whole = read_playlist(s3.read(bucket, f"{name}.m3u8"))
    assert whole.closed
    assert whole.names == slices
    assert [part.seconds for part in whole.parts] == [15, 15, 4]
    assert [part.broken for part in whole.parts] == [True, False, False]
    assert whole.parts[0].starts == (("AUDIO", utc_text(begun)), ("VIDEO", utc_text(begun)))
    played = [play(s3.read(bucket, each)) for each in slices]
    times = [time for each in played for time in each.times]
    assert times == pytest.approx([number / 5 for number in range(34 * 5)], abs=1e-4)
    heard = [time for each in played for time in each.heard_times]
    assert heard == pytest.approx([number * 1024 / 48000 for number in range(len(heard))], abs=1e-4)
    assert heard[-1] == pytest.approx(34, abs=0.03)
    assert played[0].size == (320, 180)

    movie = play(s3.read(bucket, f"{name}_0.mp4"))
    assert movie.times == pytest.approx(times, abs=1e-4)
    seen = what_is_at(movie, {"left": (0.25, 0.5), "above": (0.4, 0.1), "right": (0.75, 0.5)})
    red, green, blue = color_of("12")
    through = (round(0.9 * red + 3.2), round(0.9 * green + 4.8), round(0.9 * blue + 6.4))
    wanted: dict[str, list[tuple[float, Color]]] = {
        "left": [(0.0, color_of("11")), (28.0, BLUE)],
        "above": [
            (0.0, color_of("11")),
            (20.0, BLUE),
        ],  # what doesn't fill its region has the ground beside it
        "right": [(0.0, color_of("12")), (20.0, through)],
    }
    assert_seen(seen, wanted)
    assert_heard(movie, {1: ["11", "12"], 24: ["11", "12"], 27: ["11", "12", "13"], 29: ["12", "13"]})


async def test_a_user_is_named_and_moves(s3: S3, bucket: str):
    async with writing_stage(s3) as stage:
        await begin(stage, "start_mix_hls", s3.storage(bucket), recordingConfig=BOARD)
        stage.emulator.channel("class-42").leave(12)
        await go_on(stage, 17.5)
        (name,) = [each for each in s3.names(bucket) if each.endswith(".ts")]
    played = play(s3.read(bucket, name))
    assert len(played.colors(0, 0.0, 0.0, 0.3, 0.25)) > 1  # letters on the colour of the user
    assert len(played.colors(0, 0.3, 0.3, 1.0, 0.7)) == 1
    bottom = [played.colors(number, 0.0, 0.85, 0.1, 1.0) for number in (0, 20)]
    assert len(bottom[0]) > 1
    assert len(bottom[1]) == 1


FLOATING = {"11": (0.5, 0.3), "12": (0.13, 0.87), "13": (0.376, 0.87)}
"""Where the middle of each tile is: 11 fills the canvas; small ones stand in a row at the bottom."""
VERTICAL = {"12": (0.4, 0.5), "11": (0.9, 0.125), "13": (0.9, 0.375)}
BEST_FIT = {"11": (0.25, 0.25), "12": (0.75, 0.25), "13": (0.25, 0.75)}
CUSTOM = {"13": (0.25, 0.5), "11": (0.75, 0.25), "12": (0.75, 0.75)}
REGIONS = [
    {"uid": "13", "x_axis": 0, "y_axis": 0, "width": 0.5, "height": 1, "render_mode": 1},
    {"x_axis": 0.5, "y_axis": 0, "width": 0.5, "height": 0.5},
    {"uid": "", "x_axis": 0.5, "y_axis": 0.5, "width": 0.5, "height": 0.5},
]


async def test_each_layout_has_everybody_in_their_place_from_the_moment_of_its_update(s3: S3, bucket: str):
    async with writing_stage(s3) as stage:
        stage.emulator.channel("class-42").join(13)
        floating = {"channelType": 0, "transcodingConfig": {**SMALL, "mixedVideoLayout": 0}}
        started = await begin(stage, "start_mix_hls", s3.storage(bucket), recordingConfig=floating)
        await go_on(stage, 2)
        for layout in (
            {"mixedVideoLayout": 2, "maxResolutionUid": "12", "backgroundColor": "#203040"},
            {"mixedVideoLayout": 1},
            {"mixedVideoLayout": 3, "layoutConfig": REGIONS, "backgroundColor": "#203040"},
        ):
            await go_on(stage, 3)
            assert (await stage.tell(started, "updateLayout", layout)).is_success
        await go_on(stage, 3)
        await stage.stop(started)
        await stage.emulator.written()
        (name,) = [each for each in s3.names(bucket) if each.endswith(".ts")]
    played = play(s3.read(bucket, name))
    assert len(played.times) == 12 * 5
    spans = [(0, FLOATING), (15, VERTICAL), (30, BEST_FIT), (45, CUSTOM)]
    for (first, places), last in zip(spans, (14, 29, 44, 59), strict=True):
        for number in (first, last):
            colors = played.colors_at(number, places.values())
            for uid, color in zip(places, colors, strict=True):
                assert near(color, color_of(uid)), (number, uid)
    # What fits has the ground beside it: the large one, and a wide picture in a high region.
    for number, place in ((20, (0.4, 0.03)), (50, (0.25, 0.05))):
        assert near(played.color(number, *place), BLUE)
    assert near(played.color(35, 0.75, 0.75), (0, 0, 0))  # nobody is fourth, and the colour is left out


BELOW, OWN, ANYBODYS = (f"https://images.example/{name}.jpg?sign=shh" for name in ("below", "own", "any"))


async def test_images_lie_below_all_and_stand_for_users_who_have_sent_no_video_for_a_while(
    s3: S3, bucket: str
):
    async with writing_stage(s3) as stage:
        channel = stage.emulator.channel("class-42")
        channel.unpublish(11, audio=False)
        images = {
            **SMALL,
            "width": 320,
            "height": 320,
            "backgroundImage": BELOW,
            "defaultUserBackgroundImage": ANYBODYS,
            "backgroundConfig": [{"uid": "11", "image_url": OWN, "render_mode": 1}],
        }
        recording = {"channelType": 0, "transcodingConfig": images}
        started = await begin(stage, "start_mix_hls", s3.storage(bucket), recordingConfig=recording)
        await go_on(stage, 2 + 5)
        channel.unpublish(12, audio=False)
        await go_on(stage, 4)
        assert (await stage.tell(started, "updateLayout", {"mixedVideoLayout": 1})).is_success
        await go_on(stage, 2)
        await stage.stop(started)
        await stage.emulator.written()
        (name,) = [each for each in s3.names(bucket) if each.endswith(".ts")]
        assert "shh" not in repr(stage.emulator._service.office.sessions)
    played = play(s3.read(bucket, name))
    below, own, anybodys = map(image_color, (BELOW, OWN, ANYBODYS))
    fit = {"left": (0.25, 0.5), "beside": (0.25, 0.25), "right": (0.75, 0.5)}
    seen = what_is_at(played, fit)
    assert_seen(
        seen,
        {
            "left": [(0.0, below), (3.6, own), (9.0, (0, 0, 0))],
            "beside": [(0.0, below), (9.0, (0, 0, 0))],
            "right": [(0.0, color_of("12")), (5.0, below), (8.6, anybodys), (9.0, (0, 0, 0))],
        },
    )
