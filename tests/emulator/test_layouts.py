"""Who is seen where in a mixed picture."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agora_rec.emulator.layouts import Layout, LayoutKind, Region, RenderMode, Tile, arrange, read_layout
from tests.emulator.stage import Stage, example, set_stage

pytestmark = pytest.mark.anyio


def uids(count: int) -> list[str]:
    return [str(number) for number in range(1, count + 1)]


def place(tile: Tile) -> tuple[float, float, float, float]:
    return round(tile.x, 4), round(tile.y, 4), round(tile.width, 4), round(tile.height, 4)


def places(layout: Layout, count: int) -> list[tuple[float, float, float, float]]:
    return [place(tile) for tile in arrange(layout, uids(count))]


FLOATING = Layout()
BEST_FIT = Layout(kind=LayoutKind.BEST_FIT)


def vertical(large: str | None) -> Layout:
    return Layout(kind=LayoutKind.VERTICAL, large_uid=large)


def test_floating_has_the_first_user_everywhere_and_the_others_above_from_the_bottom_left():
    assert places(FLOATING, 6) == [
        (0.0, 0.0, 1.0, 1.0),
        (0.012, 0.753, 0.235, 0.235),
        (0.259, 0.753, 0.235, 0.235),
        (0.506, 0.753, 0.235, 0.235),
        (0.753, 0.753, 0.235, 0.235),
        (0.012, 0.506, 0.235, 0.235),
    ]


@pytest.mark.parametrize(
    ("count", "last"),
    [
        (1, (0.0, 0.0, 1.0, 1.0)),
        (2, (0.5, 0.0, 0.5, 1.0)),
        (3, (0.0, 0.5, 0.5, 0.5)),
        (4, (0.5, 0.5, 0.5, 0.5)),
        (5, (0.3333, 0.3333, 0.3333, 0.3333)),
        (9, (0.6667, 0.6667, 0.3333, 0.3333)),
        (10, (0.25, 0.5, 0.25, 0.25)),
        (16, (0.75, 0.75, 0.25, 0.25)),
        (17, (0.4, 0.8, 0.2, 0.2)),
    ],
)
def test_best_fit_is_a_grid_that_grows(count: int, last: tuple[float, float, float, float]):
    assert places(BEST_FIT, count)[-1] == last


def test_seventeen_in_best_fit_have_margins():
    assert places(BEST_FIT, 17)[15] == (0.7, 0.6, 0.2, 0.2)


@pytest.mark.parametrize(
    ("count", "large", "last"),
    [
        (1, 1.0 - 1 / 5, (0.0, 0.0, 0.8, 1.0)),
        (5, 0.8, (0.8, 0.75, 0.2, 0.25)),
        (7, 6 / 7, (0.8571, 0.8333, 0.1429, 0.1667)),
        (9, 8 / 9, (0.8889, 0.875, 0.1111, 0.125)),
        (10, 0.8, (0.9, 0.0, 0.1, 0.125)),
        (17, 0.8, (0.9, 0.875, 0.1, 0.125)),
    ],
)
def test_vertical_has_a_large_user_and_up_to_two_columns(
    count: int, large: float, last: tuple[float, float, float, float]
):
    tiles = arrange(vertical("1"), uids(count))
    assert tiles[0].uid == "1"
    assert tiles[0].width == pytest.approx(large)
    assert place(tiles[-1]) == last


@pytest.mark.parametrize("large", [None, "99"])
def test_the_large_region_is_nobodys_while_its_user_is_away(large: str | None):
    tiles = arrange(vertical(large), uids(5))
    assert [tile.uid for tile in tiles] == [None, "1", "2", "3", "4", "5"]
    assert place(tiles[0]) == (0.0, 0.0, 0.8571, 1.0)  # five small ones need the column of six


def test_custom_regions_go_to_their_users_and_the_others_to_whoever_comes():
    layout = read_layout(
        {
            "mixedVideoLayout": 3,
            "backgroundColor": "#203040",
            "layoutConfig": [
                {"x_axis": 0, "y_axis": 0, "width": 0.5, "height": 1, "alpha": 0.25, "render_mode": 1},
                {"uid": "2", "x_axis": 0.5, "y_axis": 0.0, "width": 0.5, "height": 0.5},
                {"uid": "9", "x_axis": 0.5, "y_axis": 0.5, "width": 0.25, "height": 0.5},
                {"x_axis": 0.75, "y_axis": 0.5, "width": 0.25, "height": 0.5},
                {"x_axis": 0.9, "y_axis": 0.9, "width": 0.1, "height": 0.1},
            ],
        }
    )
    assert layout.background_color == "#203040"
    tiles = arrange(layout, ["2", "1", "3"])
    assert [tile.uid for tile in tiles] == ["1", "2", None, "3", None]
    assert tiles[0] == Region(
        uid="1", x=0.0, y=0.0, width=0.5, height=1.0, alpha=0.25, render_mode=RenderMode.FIT
    )
    assert (tiles[1].alpha, tiles[1].render_mode) == (1.0, RenderMode.CROP)


@given(
    kind=st.sampled_from([LayoutKind.FLOATING, LayoutKind.BEST_FIT, LayoutKind.VERTICAL]),
    count=st.integers(0, 40),
    large=st.none() | st.integers(1, 40).map(str),
)
def test_nobody_is_seen_twice_or_outside_and_seventeen_at_most(
    kind: LayoutKind, count: int, large: str | None
):
    tiles = arrange(Layout(kind=kind, large_uid=large), uids(count))
    shown = [tile.uid for tile in tiles if tile.uid is not None]
    assert len(shown) == len(set(shown)) <= 17
    assert len(shown) >= min(count, 16)
    for tile in tiles:
        assert tile.x >= 0
        assert tile.y >= -1e-9
        assert tile.x + tile.width <= 1 + 1e-9
        assert tile.y + tile.height <= 1 + 1e-9


async def seen(stage: Stage, sid: str) -> list[str | None] | None:
    session = stage.emulator._service.office.sessions[sid]
    picture = session.picture(stage.clock.now())
    return None if picture is None else [tile.uid for tile in picture.tiles]


async def test_a_mixed_recording_shows_who_is_recorded_in_the_order_of_coming():
    async with set_stage() as stage:
        started = await stage.record("start_mix_hls_mp4")
        assert await seen(stage, started.sid) is None
        stage.clock.pass_by(10)
        assert await seen(stage, started.sid) == ["11", "12"]
        channel = stage.emulator.channel(started.cname)
        channel.join(13, video=False)
        stage.clock.pass_by(10)
        channel.join(11, video=False)  # sends something else, and keeps its place
        channel.leave(12)
        channel.join(14, audio=False, video=False)
        stage.clock.pass_by(10)
        assert await seen(stage, started.sid) == ["11", "13"]
        picture = stage.emulator._service.office.sessions[started.sid].picture(stage.clock.now())
        assert picture is not None
        assert picture.with_video == set()  # both send audio alone
        channel.leave(11)
        stage.clock.pass_by(10)
        channel.join(12)
        channel.join(11)
        stage.clock.pass_by(10)
        assert await seen(stage, started.sid) == ["13", "12", "11"]


async def test_the_layout_is_the_latest_that_was_asked_for():
    async with set_stage() as stage:
        started = await stage.record("start_mix_hls_mp4")
        stage.clock.pass_by(10)
        session = stage.emulator._service.office.sessions[started.sid]
        picture = session.picture(stage.clock.now())
        assert picture is not None
        assert (picture.width, picture.height, picture.layout.kind) == (1280, 720, LayoutKind.BEST_FIT)
        answer = await stage.tell(started, "updateLayout", example("updateLayout"))
        assert answer.status_code == 200
        stage.clock.pass_by(10)
        picture = session.picture(stage.clock.now())
        assert picture is not None
        assert picture.layout.kind is LayoutKind.CUSTOM
        assert picture.layout.background_color == "#203040"
        assert [tile.uid for tile in picture.tiles] == ["11", "12"]
        assert picture.with_video == {"11", "12"}


async def test_nothing_is_seen_of_pages_of_audio_alone_or_while_a_recording_is_moved_or_over():
    async with set_stage() as stage:
        quiet = example("start_mix_hls")
        quiet["recordingConfig"]["streamTypes"] = 0
        web = await stage.record("start_web")
        audio = await stage.record(cname="audio", request=quiet)
        mix = await stage.record(cname="mix")
        stage.clock.pass_by(10)
        assert [await seen(stage, each.sid) for each in (web, audio)] == [None, None]
        assert await seen(stage, mix.sid) == ["11", "12"]
        stage.emulator.fail_over(mix.sid, seconds=30)
        assert await seen(stage, mix.sid) is None
        stage.clock.pass_by(31)
        assert await seen(stage, mix.sid) == ["11", "12"]
        await stage.stop(mix)
        assert await seen(stage, mix.sid) is None
