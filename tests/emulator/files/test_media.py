"""Scenes and their encoding: who looks how, what lies above what, and times that go on."""

from pathlib import Path

import pytest
from attrs import evolve

from agora_rec.emulator.files import font
from agora_rec.emulator.files.drawing import Painting, Strides, yuv
from agora_rec.emulator.files.encoding import encode_clip, encode_movie
from agora_rec.emulator.files.scenes import (
    Audio,
    Box,
    Clip,
    Scene,
    Video,
    color_of,
    hertz,
    mixed_scene,
    tone_of,
)
from agora_rec.emulator.layouts import Layout, LayoutKind, Picture, Region, RenderMode, arrange
from tests.emulator.files.playback import near, play

UIDS = [str(number) for number in range(1, 18)]


def scene(layout: Layout, uids: list[str], width: int = 640, height: int = 360) -> Scene:
    return mixed_scene(Picture(width, height, layout, arrange(layout, uids), frozenset(uids)))


def custom(**region: float) -> Scene:
    tile = Region(uid="1", **{"x": 0.25, "y": 0.0, "width": 0.5, "height": 1.0, **region})  # type: ignore[arg-type]
    return scene(Layout(kind=LayoutKind.CUSTOM, regions=(tile,), background_color="#ff0000"), ["1"])


def painted(scene: Scene) -> Painting:
    return Painting(scene, Strides(scene.width, scene.width // 2))


def test_users_are_told_apart_by_colour_and_neighbours_by_tone():
    colors = [color_of(uid) for uid in UIDS]
    assert not any(near(one, other) for number, one in enumerate(colors) for other in colors[:number])
    assert all(tone_of(uid) != tone_of(str(int(uid) + 1)) for uid in UIDS)
    assert color_of("a user account") == color_of("a user account")


@pytest.mark.parametrize("kind", [LayoutKind.FLOATING, LayoutKind.BEST_FIT, LayoutKind.VERTICAL])
@pytest.mark.parametrize("count", [1, 2, 5, 17])
@pytest.mark.parametrize("size", [(640, 360), (360, 640), (322, 182)])
def test_everything_lies_on_even_places_in_the_picture(kind: LayoutKind, count: int, size: tuple[int, int]):
    found = scene(Layout(kind=kind, large_uid="1"), UIDS[:count], *size)
    assert [box.label for box in found.boxes] == UIDS[:count]
    for box in found.boxes:
        assert [number % 2 for number in (box.x, box.y, box.width, box.height)] == [0] * 4
        assert 0 <= box.x < box.x + box.width <= found.width
        assert 0 <= box.y < box.y + box.height <= found.height


def test_what_fits_keeps_its_shape_and_what_is_cropped_fills_its_region():
    (box,) = custom(render_mode=RenderMode.CROP).boxes
    assert (box.x, box.y, box.width, box.height) == (160, 0, 320, 360)
    (box,) = custom(render_mode=RenderMode.FIT).boxes
    assert (box.x, box.y, box.width, box.height) == (160, 90, 320, 180)


def test_of_whoever_sends_no_video_there_is_the_place_alone():
    layout = Layout(kind=LayoutKind.BEST_FIT)
    picture = Picture(640, 360, layout, arrange(layout, ["1", "2"]), with_video=frozenset({"2"}))
    (box,) = mixed_scene(picture).boxes
    assert (box.label, box.x, box.width) == ("2", 320, 320)


def test_a_region_of_no_size_shows_nothing():
    assert custom(width=0.001).boxes == ()


@pytest.mark.parametrize("x", [0, 16, 32, 48])
def test_nothing_of_a_lower_box_moves_over_a_higher_one(x: int):
    below = Box(x=0, y=0, width=64, height=64, color=(200, 0, 0), label="")
    above = Box(x=x, y=32, width=16, height=32, color=(0, 0, 200), label="")
    both, alone = (painted(Scene(width=64, height=64, boxes=boxes)) for boxes in ((below, above), (below,)))
    for number in range(80):
        frame, single = both.brightness(number), alone.brightness(number)
        for row in range(32, 60):  # what moves of the higher one is below that
            line = frame[row * 64 : row * 64 + 64]
            assert set(line[x : x + 16]) == {yuv(above.color)[0]}
            outside = single[row * 64 : row * 64 + 64]
            assert line[:x] == outside[:x]
            assert line[x + 16 :] == outside[x + 16 :]


def test_later_boxes_lie_on_top_and_let_through_what_they_are_asked_to():
    below = Box(x=0, y=0, width=64, height=64, color=(200, 0, 0), label="")
    above = Box(x=16, y=16, width=32, height=32, color=(0, 0, 200), label="", alpha=0.25)
    planes = painted(Scene(width=64, height=64, boxes=(below, above))).planes
    for plane, first, second, stride, part in zip(
        planes, yuv(below.color), yuv(above.color), (64, 32, 32), (1, 2, 2), strict=True
    ):
        assert plane[2 // part * stride + 2 // part] == first
        assert plane[32 // part * stride + 32 // part] == pytest.approx(0.75 * first + 0.25 * second, abs=1)


@pytest.mark.parametrize(("character", "like"), [("a", "A"), ("~", "?"), ("ß", "?"), ("é", "?"), ("\n", "?")])
def test_what_has_no_letter_is_a_question_mark(character: str, like: str):
    assert font.columns(character) == font.columns(like)


def test_letters_are_as_they_should_be():
    rows = [
        "".join("#" if bits >> row & 1 else "." for bits in font.columns("4")) for row in range(font.ROWS)
    ]
    assert rows == ["...#.", "..##.", ".#.#.", "#..#.", "#####", "...#.", "...#."]


def test_small_boxes_have_no_letters_and_still_move():
    box = Box(x=0, y=0, width=16, height=16, color=(0, 0, 0), label="4294967295")
    found = painted(Scene(width=16, height=16, boxes=(box,)))
    assert len(set(found.planes[0])) == 1
    assert len({found.brightness(number) for number in (0, 10, 20, 80)}) == 3


CLIP = Clip(
    begin=0,
    length=2_000_000,
    video=Video(width=64, height=64, fps=5, kbps=50, scenes=((0.0, Scene(width=64, height=64)),)),
    audio=Audio(kbps=48, stereo=False, tones=((0.0, (10,)),)),
)


def test_a_movie_goes_on_where_the_times_of_slices_begin_anew(tmp_path: Path):
    """They have 33 bits, which are over after 26 and a half hours."""
    over = (1 << 33) / 90_000
    parts: list[Path] = []
    for number in range(3):
        begin = int((over - 3 + 2 * number) * 1_000_000)
        parts.append(tmp_path / f"{number}.ts")
        parts[-1].write_bytes(encode_clip(evolve(CLIP, begin=begin)))
    encode_movie(parts, tmp_path / "movie.mp4")
    movie = play((tmp_path / "movie.mp4").read_bytes())
    assert movie.times == pytest.approx([number / 5 for number in range(30)], abs=1e-3)
    assert movie.heard_times[-1] == pytest.approx(6, abs=0.05)
    for boundary in (2, 4):  # nothing is heard of it
        around = [movie.loudness(hertz(10), boundary - 0.06 + step / 100, 0.02) for step in range(10)]
        assert around == pytest.approx([0.5] * 10, abs=0.04)


def test_a_slice_is_never_empty():
    blink = play(encode_clip(evolve(CLIP, begin=1_000, length=1_000)), "mpegts")
    assert len(blink.times) == 1
    assert len(blink.heard_times) == 1
