from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agora_rec.files import (
    Backup,
    FileKind,
    FileName,
    Media,
    mixed_mp4,
    mixed_playlist,
    mixed_slice,
    parse,
    snapshot,
    user_playlist,
    user_slice,
    utc_moment,
    utc_text,
    web_cname,
)
from tests.support.reference import load

FILES: dict[str, Any] = load("files")
SID = "0f6c2a5d9b1e4c7f8a3d2e1b0c9f8e7d"
CNAME = "class-42"
START = datetime(2019, 6, 11, 7, 32, 46, 73000, tzinfo=UTC)

BUILT = {
    ("individual", "m3u8"): user_playlist(SID, CNAME, 11, Media.AUDIO),
    ("individual", "ts"): user_slice(SID, CNAME, 11, Media.VIDEO, START),
    ("individual", "webm"): user_slice(SID, CNAME, 11, Media.VIDEO, START, extension="webm"),
    ("individual_audio_original", "m3u8"): user_playlist(SID, CNAME, 11, Media.AUDIO),
    ("individual_audio_original", "ts"): user_slice(SID, CNAME, 11, Media.AUDIO, START),
    ("mix", "m3u8"): mixed_playlist(SID, CNAME),
    ("mix", "ts"): mixed_slice(SID, CNAME, START),
    ("mix", "mp4"): mixed_mp4(SID, CNAME, 3),
    ("web", "m3u8"): mixed_playlist(SID, CNAME),
    ("web", "ts"): mixed_slice(SID, CNAME, START),
    ("web", "mp4"): mixed_mp4(SID, CNAME, 3),
    ("snapshot", "jpg"): snapshot(SID, CNAME, 11, START),
    ("postponed_mixing", "mp3"): FileName(
        kind=FileKind.MIXED_AUDIO, sid=SID, cname=CNAME, extension="mp3", index=3
    ),
    ("postponed_mixing", "m4a"): FileName(
        kind=FileKind.MIXED_AUDIO, sid=SID, cname=CNAME, extension="m4a", index=3
    ),
    ("postponed_mixing", "aac"): FileName(
        kind=FileKind.MIXED_AUDIO, sid=SID, cname=CNAME, extension="aac", index=3
    ),
}


def documented_forms() -> dict[tuple[str, str], str]:
    return {
        (mode, extension): form
        for mode, forms in FILES["names"].items()
        for extension, form in forms.items()
        if isinstance(form, str) and form.startswith("<sid>")
    }


def test_every_documented_form_of_a_name_is_built_and_read():
    assert set(BUILT) == set(documented_forms())


@pytest.mark.parametrize("key", sorted(BUILT), ids="-".join)
def test_a_built_name_has_the_documented_form_and_is_read_back(key: tuple[str, str]):
    name = BUILT[key]
    expected = documented_forms()[key]
    for part, text in {
        "<sid>": SID,
        "<cname>": CNAME,
        "<uid>": "11",
        "<type>": str(name.media),
        "<utc>": "20190611073246073",
        "<index>": "3",
    }.items():
        expected = expected.replace(part, text)
    assert str(name) == expected
    assert parse(expected) == name
    assert parse(expected, sid=SID, cname=CNAME) == name


def test_folders_stand_in_front():
    built = mixed_playlist("0f6c2a5d", "class-42", folders=["term1", "day2"])
    assert str(built) == "term1/day2/0f6c2a5d_class-42.m3u8"
    assert parse(str(built)) == built


def test_a_failover_marks_the_file_and_not_the_folder():
    name = parse(FILES["after_failover"]["example"])
    assert (name.failover, name.sid, name.cname) == (0, "sid713476478245", "cnameagora")
    moved = "term1/bak2_0f6c2a5d_class-42_0.mp4"
    assert parse(moved).failover == 2
    assert str(parse(moved)) == moved


def test_a_playlist_from_the_backup_tells_its_version():
    name = parse(FILES["after_backup"]["example"])
    assert name.backup == Backup(tick=22194679897, index=3)
    assert (name.uid, name.media) == (123, Media.VIDEO)
    assert str(name) == FILES["after_backup"]["example"]


@pytest.mark.parametrize("character", FILES["replaced_characters"]["characters"])
def test_web_replaces_each_special_character(character: str):
    assert web_cname(f"a{character}b {character}") == "a-b -"


def test_web_replaces_nothing_else():
    plain = "abc XYZ-09/'é"
    assert web_cname(plain) == plain


def test_the_known_channel_decides_what_is_ambiguous():
    name = f"{SID}_room_123456_7.m3u8"
    assert parse(name).backup == Backup(123456, 7)
    assert parse(name, sid=SID, cname="room_123456_7") == mixed_playlist(SID, "room_123456_7")


def test_a_channel_that_ends_in_short_numbers_is_not_taken_for_a_backup():
    assert parse(f"{SID}_room_12345_7.m3u8") == mixed_playlist(SID, "room_12345_7")


def test_a_known_channel_with_a_slash_is_not_taken_for_folders():
    built = mixed_playlist(SID, "a/b", folders=["term1"])
    assert parse(str(built), cname="a/b") == built


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x",
        "notes.txt",
        f"{SID}_{CNAME}.txt",
        f"{SID}.m3u8",
        f"{SID}_{CNAME}.mp4",
        f"{SID}_{CNAME}__uid_s_11__uid_e_audio_20190611073246073.jpg.bak",
        f"{SID}_{CNAME}_20191311073246073.ts",
    ],
)
def test_other_names_are_refused(name: str):
    with pytest.raises(ValueError, match=r"."):
        parse(name)


@pytest.mark.parametrize(("sid", "cname"), [("other", None), (None, "other"), (None, "a/b/c")])
def test_names_of_other_recordings_are_refused(sid: str | None, cname: str | None):
    with pytest.raises(ValueError, match="no name"):
        parse(f"{SID}_{CNAME}.m3u8", sid=sid, cname=cname)


def test_moments_have_seventeen_digits_in_utc():
    assert utc_text(START) == "20190611073246073"
    assert utc_moment("20190611073246073") == START
    for wrong in ("2019061107324607", "2019061107324607x", "²0190611073246073"):
        with pytest.raises(ValueError, match="17 digits"):
            utc_moment(wrong)


moments = st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)


@given(moments)
def test_every_moment_survives_its_text(moment: datetime):
    assert utc_moment(utc_text(moment)) == moment


@given(
    cname=st.text(min_size=1, max_size=64).filter(lambda text: "/" not in text),
    uid=st.integers(1, 2**32 - 1),
    start=moments,
    index=st.integers(0, 10**6),
    where=st.tuples(
        st.none() | st.integers(0, 2),
        st.lists(st.from_regex("[A-Za-z0-9]+", fullmatch=True), max_size=3).map(tuple),
    ),
)
def test_every_name_survives_being_read_with_its_channel(
    cname: str, uid: int, start: datetime, index: int, where: tuple[int | None, tuple[str, ...]]
):
    failover, folders = where

    def name(kind: FileKind, extension: str, **parts: Any) -> FileName:
        whole = {"sid": SID, "cname": cname, "failover": failover, "folders": folders, **parts}
        return FileName(kind=kind, extension=extension, **whole)

    for built in (
        name(FileKind.PLAYLIST, "m3u8", uid=uid, media=Media.AUDIO, backup=Backup(123456, index)),
        name(FileKind.SLICE, "webm", uid=uid, media=Media.VIDEO, start=start),
        name(FileKind.SNAPSHOT, "jpg", uid=uid, media=Media.VIDEO, start=start),
        name(FileKind.SLICE, "ts", start=start),
        name(FileKind.MP4, "mp4", index=index),
        name(FileKind.PLAYLIST, "m3u8"),
    ):
        assert parse(str(built), sid=SID, cname=cname) == built


@given(st.text())
def test_any_text_is_a_name_or_a_value_error(text: str):
    try:
        name = parse(text)
    except ValueError:
        return
    assert parse(str(name), sid=name.sid, cname=name.cname) == name
