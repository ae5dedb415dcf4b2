"""Files that list recordings: what they mean, and everything that is wrong with them, told at once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from agora_rec import (
    Alternate,
    AmazonS3,
    AmazonS3Region,
    Individual,
    InvalidRequest,
    Mix,
    Region,
    Replacement,
    S3Compatible,
    Spec,
    Twin,
    Web,
)
from agora_rec.cli import spec_files
from agora_rec.cli.spec_fields import FIELDS, read_specs
from agora_rec.cli.spec_files import MOST_BYTES
from agora_rec.model import Mode
from tests.cli.processes import ROOT
from tests.support.secrets import ACCESS_KEY, NEEDLE, SECRET_KEY, TOKEN, TOKEN_OF_ALTERNATE, shown_in

NOW = datetime(2026, 11, 26, tzinfo=UTC)
BUCKET = 'vendor = "amazon-s3"\nbucket = "b"\nbucket_region = "us-east-1"\n'
DEFAULTS = f"[defaults]\n{BUCKET}"
STORAGE = AmazonS3(bucket="b", region=AmazonS3Region.US_EAST_1, access_key=ACCESS_KEY, secret_key=SECRET_KEY)

Reads = Callable[..., tuple[Spec, ...]]
Tells = Callable[..., list[str]]


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGORA_STORAGE_ACCESS_KEY", ACCESS_KEY)
    monkeypatch.setenv("AGORA_STORAGE_SECRET_KEY", SECRET_KEY)
    monkeypatch.setenv("TOKEN_A", TOKEN)
    monkeypatch.setenv("TOKEN_B", TOKEN_OF_ALTERNATE)


@pytest.fixture
def reads(tmp_path: Path) -> Reads:
    """Read a file with that content."""

    def read(text: str | bytes, name: str = "list.toml", **options: Any) -> tuple[Spec, ...]:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_specs(path, now=NOW, **options)

    return read


@pytest.fixture
def tells(reads: Reads) -> Tells:
    """What is wrong with a file, as people see it."""

    def told(text: str | bytes, name: str = "list.toml") -> list[str]:
        with pytest.raises(InvalidRequest) as caught:
            reads(text, name)
        assert not shown_in(str(caught.value))
        assert "\x1b" not in str(caught.value)
        return [str(each) for each in caught.value.violations]

    return told


def test_a_row_needs_a_channel_a_uid_and_a_bucket(reads: Reads) -> None:
    (spec,) = reads(f'{DEFAULTS}[[recording]]\ncname = "a"\nuid = 5\n')
    assert spec == Spec("a", 5, Mix(storage=STORAGE), key="a/5")


def test_a_row_may_say_everything(reads: Reads) -> None:
    (spec,) = reads(
        f"""
        [[recording]]
        {BUCKET}
        cname = "a"
        uid = "5"
        key = "lesson"
        mode = "individual"
        until = 2027-01-31T17:00:00+01:00
        region = "NA"
        resource_expired_hour = 48
        token_env = "TOKEN_A"
        alternate = 6
        alternate_token_env = "TOKEN_B"
        prefix = ["term1", "day2"]
        replace = 2
        twins = [
            {{uid = 7, region = "NA", token_env = "TOKEN_A", alternate = 8, alternate_token_env = "TOKEN_B"}},
        ]
        """
    )
    assert isinstance(spec.mode, Individual)
    assert spec.mode.storage.file_name_prefix == ("term1", "day2")
    assert spec == Spec(
        "a",
        5,
        spec.mode,
        key="lesson",
        until=datetime(2027, 1, 31, 17, tzinfo=timezone(timedelta(hours=1))),
        region=Region.NA,
        resource_expired_hour=48,
        token=TOKEN,
        alternate=Alternate(uid=6, token=TOKEN_OF_ALTERNATE),
        replacement=Replacement(most=2),
        twins=(
            Twin(
                uid=7,
                region=Region.NA,
                token=TOKEN,
                alternate=Alternate(uid=8, token=TOKEN_OF_ALTERNATE),
            ),
        ),
    )


def test_a_csv_file_says_the_same_in_text(reads: Reads) -> None:
    head = "\ufeffcname, uid,mode,url,until,minutes,vendor,bucket,endpoint,prefix,twins\r\n"
    page, lesson, blank = reads(
        f"{head}page,5,web,https://example.com/,2027-01-31T17:00:00Z,,s3-compatible,b,s3.example.com,,\r\n"
        f"lesson,6,,,,1.5,s3-compatible,b,s3.example.com,term1/day2,7; 8\r\n,,,\r\n"
        f'"a, b",7,,,,,s3-compatible,b,s3.example.com\r\n',
        "list.CSV",
    )
    assert isinstance(page.mode, Web)
    assert (page.mode.url, page.until) == ("https://example.com/", datetime(2027, 1, 31, 17, tzinfo=UTC))
    assert isinstance(lesson.mode.storage, S3Compatible)
    assert lesson.mode.storage.file_name_prefix == ("term1", "day2")
    assert lesson.until == timedelta(seconds=90)
    assert [twin.uid for twin in lesson.twins] == [7, 8]
    assert blank.cname == "a, b"


def test_a_row_that_says_when_it_ends_has_no_other_end_by_default(reads: Reads) -> None:
    first, second, third = reads(
        f'{DEFAULTS}minutes = 45\n[[recording]]\ncname = "a"\nuid = 5\n'
        '[[recording]]\ncname = "b"\nuid = 5\nseconds = 30\n'
        '[[recording]]\ncname = "c"\nuid = 5\nuntil = "2027-01-31T17:00:00Z"\n'
    )
    assert (first.until, second.until) == (timedelta(minutes=45), timedelta(seconds=30))
    assert third.until == datetime(2027, 1, 31, 17, tzinfo=UTC)


def test_each_bucket_may_have_keys_of_its_own(reads: Reads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_ACCESS", f"{NEEDLE}Other")
    monkeypatch.setenv("OTHER_SECRET", f"{NEEDLE}OtherSecret")
    first, second, third = reads(
        f'{DEFAULTS}[[recording]]\ncname = "a"\nuid = 5\n[[recording]]\ncname = "b"\nuid = 5\n'
        '[[recording]]\ncname = "c"\nuid = 5\naccess_key_env = "OTHER_ACCESS"\n'
        'secret_key_env = "OTHER_SECRET"\n'
    )
    assert third.mode.storage.access_key.reveal() == f"{NEEDLE}Other"
    assert third.mode.storage.secret_key.reveal() == f"{NEEDLE}OtherSecret"
    assert first.mode is second.mode  # thousands of rows may have the same


def test_all_are_replaced_as_often_as_the_command_says_but_for_those_that_say_otherwise(reads: Reads) -> None:
    text = (
        f'{DEFAULTS}[[recording]]\ncname = "a"\nuid = 5\nalternate = 6\n'
        '[[recording]]\ncname = "b"\nuid = 5\nreplace = 0\n'
    )
    assert [spec.replacement for spec in reads(text, replace=3)] == [Replacement(most=3), None]


def test_a_moment_that_has_passed_is_no_fault_where_recordings_are_gone_on_with(reads: Reads) -> None:
    text = f'{DEFAULTS}[[recording]]\ncname = "a"\nuid = 5\nuntil = 2020-01-01T00:00:00Z\n'
    assert reads(text, is_resumed=True)[0].until == datetime(2020, 1, 1, tzinfo=UTC)
    with pytest.raises(InvalidRequest, match=r"list\.toml:5: until = .*: in the future"):
        reads(text)


def test_every_wrong_field_of_every_row_is_told_with_its_place_its_value_and_the_rule(tells: Tells) -> None:
    told = tells(
        f"""{DEFAULTS}seconds = 0
        [[recording]]
        cname = "a/b"
        uid = 0
        region = "us-east-1"
        [[recording]]
        cname = 7
        uid = true
        mode = "picture"
        until = 2027-01-31T17:00:00
        prefix = "not-a-folder"
        resource_expired_hour = 1000
        replace = 1
        twins = [5, "x", {{ regio = "EU" }}]
        """
    )
    assert [each.partition(" = ")[0] for each in told] == [
        "list.toml: defaults: seconds",
        *(f"list.toml:6: {name}" for name in ("region", "cname", "uid")),
        *(f"list.toml:10: {name}" for name in ("cname", "uid", "mode", "until", "twins[1].uid")),
        "list.toml:10: twins[2]: 'regio'",
        "list.toml:10: twins[2].uid",
        *(f"list.toml:10: {name}" for name in ("prefix[0]", "resource_expired_hour", "alternate")),
        *(f"list.toml:10: twins[{number}].alternate" for number in range(3)),
    ]
    assert "list.toml:6: uid = 0: an integer from 1 to 4294967295, or its digits as text" in told
    assert "list.toml:10: cname = 7: a text" in told


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("", "uid = missing: it has to be given"),
        ("uid = 5.0", "uid = 5.0: a whole number"),
        ("uid = 5\nminutes = 1\nseconds = 2", "minutes = given: only one of until, seconds, minutes"),
        ("uid = 5\nminutes = 43201", "minutes = 43201: a number above 0, at most 43200"),
        ("uid = 5\nseconds = true", "seconds = True: a number above 0, at most 2592000"),
        ("uid = 5\nseconds = nan", "seconds = nan: a number above 0"),
        ("uid = 5\nseconds = []", "seconds = []: a number above 0"),
        (
            "uid = 5\nuntil = 2027-01-31",
            "until = datetime.date(2027, 1, 31): a date and a time with the offset",
        ),
        ('uid = 5\nuntil = "soon"', "until = 'soon': a date and a time with the offset"),
        ('uid = 5\nmode = "web"', "url = missing: for mode web, and only for it"),
        (
            'uid = 5\nurl = "https://example.com"',
            "url = 'https://example.com': for mode web, and only for it",
        ),
        ('uid = 5\nbucket_region = "us-eats-1"', "bucket_region = 'us-eats-1': amazon-s3 has us-east-1, "),
        ('uid = 5\nvendor = "azure"', "bucket_region = 'us-east-1': not for azure"),
        ('uid = 5\nvendor = "s3-compatible"', "endpoint = missing: it has to be given"),
        ('uid = 5\nendpoint = "s3.example.com"', "endpoint = 's3.example.com': only for s3-compatible"),
        ("uid = 5\nprefix = [1]", "prefix = [1]: folders, as term1/day2"),
        ('uid = 5\nprefix = "a-b"', "prefix[0] = 'a-b': "),
        ("uid = 5\ntwins = 7", "twins = 7: uids; or tables"),
        ("uid = 5\ntwins = [5]", "twins[0].uid = 5: a uid that no other recorder has"),
        ("uid = 5\ntwins = [{ region = 'EU' }]", "twins[0].uid = missing: it has to be given"),
        ("uid = 5\ntwins = [{ uid = 6, alternate = 0 }]", "twins[0].alternate = 0: "),
        ("uid = 5\nreplace = 1", "alternate = None: another uid, under which it can be replaced"),
        ("uid = 5\nresource_expired_hour = 0", "resource_expired_hour = 0: "),
        ('uid = 5\nkey = ""', "key = '': a text of 1 to 200 characters"),
        (
            'uid = 5\nregion = "us-east-1"',
            "region = 'us-east-1': one of CN, AP, EU, NA: where the service may",
        ),
        (
            'uid = 5\ntoken_env = "NOT_SET"',
            "token_env = 'NOT_SET': the name of an environment variable that is set",
        ),
        (
            f'uid = 5\ntoken_env = "{TOKEN}"',
            "token_env = ***: the name of an environment variable that is set",
        ),
        ('uid = 5\ntoken_env = "A=B"', "token_env = ***: "),
        (f'uid = 5\ntoken = "{TOKEN}"', "'token' = ***: not in a file: secrets come from the environment"),
        (f'uid = 5\nAccessKey = "{ACCESS_KEY}"', "'AccessKey' = ***: not in a file"),
        ("uid = 5\nchannel = 1", "'channel' = unknown: there are cname, uid, "),
        ("uid = 5\nminute = 1", "'minute' = unknown: did you mean minutes"),
    ],
)
def test_each_fault_is_told(tells: Tells, fields: str, said: str) -> None:
    (told,) = [each for each in tells(f'{DEFAULTS}[[recording]]\ncname = "a"\n{fields}\n') if said in each]
    assert told.startswith((f"list.toml:5: {said}", f"list.toml: defaults: {said}"))


def test_two_rows_are_not_one_recording(tells: Tells) -> None:
    row = '[[recording]]\ncname = "a"\nuid = 5\n'
    assert tells(f"{DEFAULTS}{row}{row}") == [
        "list.toml:8: key = 'a/5': not that of list.toml:5; without one it is channel and uid, as cname/uid"
    ]
    told = tells(f'{DEFAULTS}{row}twins = [6]\n[[recording]]\ncname = "b"\nuid = 5\nkey = "a/5~1"\n')
    assert told[0].startswith("list.toml:9: key = 'a/5~1': not that of list.toml:5")


def test_keys_that_are_not_in_the_environment_are_told_once(
    tells: Tells, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AGORA_STORAGE_SECRET_KEY")
    rows = "".join(f'[[recording]]\ncname = "a"\nuid = {uid}\n' for uid in (5, 6))
    (told,) = tells(f"{DEFAULTS}{rows}")
    assert told.startswith(
        "AGORA_STORAGE_SECRET_KEY = missing: set in the environment; or secret_key_env in "
    )


EVIL = "\x1b[2J"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("list.json", "{}", "list.json = '.json': a file that ends in .toml or .csv"),
        ("list.toml", b"\xff", "list.toml = byte 0: UTF-8"),
        ("list.toml", "", "list.toml = no recordings: one at least"),
        ("list.csv", "", "list.csv = no recordings: one at least"),
        ("list.csv", "cname,uid\n", "list.csv = no recordings: one at least"),
        ("list.toml", "a = ", "list.toml = 'Invalid value"),
        ("list.toml", f"a = {'[' * 5000}", "list.toml = '"),
        ("list.toml", f"a = {'1' * 5000}", "list.toml = '"),
        ("list.toml", f'a = "{EVIL}"', "list.toml = 'Illegal character "),
        ("list.toml", '"\\u001b[2J" = 1', "list.toml: '\\x1b[2J' = unknown: there are defaults, recording"),
        ("list.toml", "recordings = []", "list.toml: 'recordings' = unknown: did you mean recording?"),
        ("list.toml", "defaults = 1", "list.toml: defaults = something else: a table: [defaults]"),
        ("list.toml", "recording = 1", "list.toml: recording = something else: tables: [[recording]]"),
        ("list.toml", "recording = [1]", "list.toml: recording = something else: tables: [[recording]]"),
        ("list.toml", "[defaults]\nnam = 1", "list.toml: defaults: 'nam' = unknown: did you mean cname?"),
        ("list.toml", "recording = [{}]", "list.toml: recording 1: cname = missing: it has to be given"),
        ("list.csv", "cname,cname\n", "list.csv:1: 'cname' = twice: one column"),
        ("list.csv", f"{EVIL}\nx\n", "list.csv:1: '\\x1b[2J' = unknown: there are cname, "),
        ("list.csv", "cname\na,b\n", "list.csv:2 = 2 cells: at most 1, as the first line has"),
        ("list.csv", 'cname\n"a"b\n', "list.csv:2 = '"),
        ("list.csv", f"cname\na{EVIL}\n", "list.csv:2: cname = 'a\\x1b[2J': "),
    ],
)
def test_what_is_no_list_is_refused(tells: Tells, name: str, text: str | bytes, said: str) -> None:
    assert any(each.startswith(said) for each in tells(text, name)), tells(text, name)


def test_a_file_that_is_too_large_is_refused(tells: Tells, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tells(b"#" * (MOST_BYTES + 1)) == [
        f"list.toml = more than {MOST_BYTES} bytes: at most {MOST_BYTES} bytes"
    ]
    monkeypatch.setattr(spec_files, "MOST_ROWS", 2)
    assert tells("cname\na\nb\nc\n", "list.csv") == ["list.csv = 3 recordings: at most 2"]


def test_every_mode_can_be_listed(reads: Reads) -> None:
    modes: dict[str, type[Mode]] = {"mix": Mix, "individual": Individual, "web": Web}
    rows = "".join(f"{mode},5,{mode},{'https://example.com' * (mode == 'web')}\n" for mode in modes)
    text = f"cname,uid,mode,url,vendor,bucket\n{rows}".replace("\n", ",google,b\n").replace(
        "vendor,bucket,google,b", "vendor,bucket"
    )
    assert [type(spec.mode) for spec in reads(text, "list.csv")] == list(modes.values())


def test_the_names_are_few_enough_to_be_told() -> None:
    assert "cname" in FIELDS
    assert len(", ".join(FIELDS)) < 2 * 200


@pytest.mark.parametrize("name", ["lessons.toml", "lessons.csv"])
def test_the_files_of_the_documents_are_right(name: str) -> None:
    specs = read_specs(ROOT / "docs" / "examples" / name, now=NOW)
    assert [spec.cname for spec in specs] == ["class-42", "class-43", "whiteboard-43"]
    assert specs[0].until == timedelta(minutes=45)
