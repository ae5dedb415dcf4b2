"""`agora-rec list`, `explain`, `query` and `stop`, over real sockets and a store in a file."""

import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from attrs import evolve
from click.testing import CliRunner, Result

from agora_rec import AgoraRecError, CloudRecording, Recording, SQLiteStore, State
from agora_rec.cli.commands import command
from agora_rec.emulator import Emulator, Refuse, Settings
from tests.cli.processes import agora_rec
from tests.recording.explaining.test_rules import known
from tests.support.cloud import QUERY, START, STOP, mix
from tests.support.secrets import CUSTOMER_ID, CUSTOMER_SECRET, NEEDLE, shown_in
from tests.support.served import served_emulator

BARE = ("stop", "--sid", "s", "--mode", "mix", "--resource-id", "r")
EVIL = "\x1b[2Jevil"


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[Emulator, str]]:
    """An emulator on a port."""
    quick = Settings(start_seconds=0.05, first_slice_mix=0.1, exit_seconds=0.1, upload_seconds=0.1)
    emulator = Emulator(customer_id=CUSTOMER_ID, customer_secret=CUSTOMER_SECRET, qps=None, settings=quick)
    with served_emulator(emulator) as served:
        yield served


class Stage:
    """A file, the environment of the command, and workers that use both."""

    def __init__(self, emulator: Emulator, url: str, path: Path) -> None:
        self.emulator = emulator
        self.path = path
        self.environment = {
            "AGORA_APP_ID": emulator.app_id,
            "AGORA_CUSTOMER_ID": CUSTOMER_ID,
            "AGORA_CUSTOMER_SECRET": CUSTOMER_SECRET,
            "AGORA_BASE_URL": url,
            "AGORA_STORE": f"sqlite:///{path}",
        }
        self.work(lambda _: anyio.lowlevel.checkpoint())

    def work(self, what: Callable[[CloudRecording], Awaitable[Any]]) -> Any:
        """What a worker does, and leaves behind in the store."""

        async def main() -> Any:
            async with CloudRecording(
                self.emulator.app_id,
                customer_id=CUSTOMER_ID,
                customer_secret=CUSTOMER_SECRET,
                base_url=self.environment["AGORA_BASE_URL"],
                store=SQLiteStore(self.path),
                qps=None,
            ) as cloud:
                return await what(cloud)

        return anyio.run(main)

    def started(self, key: str) -> Recording:
        """A recording that a worker has started."""

        async def start(cloud: CloudRecording) -> Recording:
            recording = await cloud.claim(key, cname=key, uid=7, mode=mix())
            await recording.ensure_started()
            return recording

        recording: Recording = self.work(start)
        return recording

    def run(self, *arguments: str, **environment: str) -> Result:
        """The command in this process."""
        result = CliRunner().invoke(command, list(arguments), env=self.environment | environment)
        assert not shown_in(result.output)
        assert "\x1b" not in result.output
        return result


@pytest.fixture
def stage(service: tuple[Emulator, str], tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(*service, tmp_path / "recordings.db")
    yield stage
    stage.emulator.clear_faults()


def test_what_is_unfinished_is_listed_with_all_that_it_is_known_by(stage: Stage) -> None:
    assert stage.run("list").output == "nothing is unfinished\n"
    recording = stage.started("lesson-1")
    (line,) = stage.run("list").stdout.splitlines()
    assert line.startswith("recording since 20")
    assert f"'lesson-1' uid 7  key 'lesson-1'  sid {recording.sid}" in line
    (told,) = json.loads(stage.run("list", "--json").stdout)
    assert (told["key"], told["state"], told["sid"]) == ("lesson-1", "recording", recording.sid)
    assert stage.run("stop", "lesson-1").exit_code == 0
    assert json.loads(stage.run("list", "--json").stdout) == []


def test_a_recording_without_key_and_sid_is_listed_too(stage: Stage) -> None:
    starting = evolve(known(State.STARTING, sid=None), cname=f"lost{EVIL}")
    stage.work(lambda cloud: cloud.store.save(starting, version=0))
    (line,) = stage.run("list").stdout.splitlines()
    assert line == "starting    'lost\\x1b[2Jevil' uid 880011  no key  no sid yet"
    assert json.loads(stage.run("list", "--json").stdout)[0]["cname"] == f"lost{EVIL}"
    refused = stage.run("query", "--json", "lost")
    assert refused.exit_code == 1


@pytest.mark.parametrize("by", ["key", "sid"])
def test_a_recording_is_explained_by_its_key_and_by_its_sid(stage: Stage, by: str) -> None:
    recording = stage.started("explained")
    name = recording.key if by == "key" else recording.sid
    result = stage.run("explain", name or "")
    assert result.exit_code == 0
    assert "recording 'explained' uid 7 (key 'explained'): RECORDING since " in result.stdout
    assert "idle -> acquired (acquired)" in result.stdout
    told = json.loads(stage.run("explain", name or "", "--json").stdout)
    assert (told["state"], told["maybe_running"], told["causes"]) == ("recording", True, [])
    assert [each["after"] for each in told["history"]] == ["acquired", "starting", "recording"]
    stage.run("stop", "explained")


def test_a_refused_start_is_explained_to_programs_too(stage: Stage) -> None:
    async def refused(cloud: CloudRecording) -> None:
        recording = await cloud.claim("refused", cname="refused", uid=7, mode=mix())
        with pytest.raises(AgoraRecError):
            await recording.ensure_started()

    stage.emulator.inject(Refuse(status=400, code=2), operation=START, cname="refused")
    stage.work(refused)
    (cause,) = json.loads(stage.run("explain", "refused", "--json").stdout)["causes"]
    assert (cause["name"], cause["certainty"]) == ("call refused", "said")
    assert [each["what"] for each in cause["evidence"]] == ["start: HTTP 400, code 2"]


def test_what_the_store_does_not_know_is_said_to_be_so(stage: Stage) -> None:
    for name in ("explain", "query", "stop"):
        result = stage.run(name, EVIL)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "the store knows no recording with the key or the sid '\\x1b[2Jevil'" in result.stderr


def test_a_query_tells_status_and_files(stage: Stage) -> None:
    recording = stage.started("asked")
    anyio.run(anyio.sleep, 0.2)
    result = stage.run("query", "asked")
    assert result.stdout.splitlines() == ["status 5 (in_progress)", f"{recording.sid}_asked.m3u8"]
    told = json.loads(stage.run("query", recording.sid or "", "--json").stdout)
    assert told["status"] == 5
    stage.emulator.inject(Refuse(status=404, code=404), operation=QUERY, cname="asked")
    refused = stage.run("query", "asked")
    assert refused.exit_code == 1
    assert "WorkerNotFound: query" in refused.stderr
    assert "query: HTTP 404, code 404 at " in stage.run("explain", "asked").stdout
    stage.run("stop", "asked")
    ended = stage.run("query", "asked")
    assert ended.exit_code == 1
    assert "uploaded: query is not legal in state UPLOADED" in ended.stderr


def test_a_stop_is_known_to_all_workers_afterwards(stage: Stage) -> None:
    recording = stage.started("stopped")
    anyio.run(anyio.sleep, 0.2)
    result = stage.run("stop", recording.sid or "")
    assert result.stdout.splitlines() == [f"{recording.sid}_stopped.m3u8", "uploaded: 1 file in your bucket"]
    again = json.loads(stage.run("stop", "stopped", "--json").stdout)
    assert again == {
        "state": "uploaded",
        "in_bucket": True,
        "no_data": False,
        "files": [f"{recording.sid}_stopped.m3u8"],
    }

    async def find(cloud: CloudRecording) -> State:
        found = await cloud.find("stopped")
        assert found is not None
        return found.state

    assert stage.work(find) is State.UPLOADED


def test_a_stop_that_fails_says_that_it_may_still_run(stage: Stage) -> None:
    stage.started("fails")
    stage.emulator.inject(Refuse(status=401), operation=STOP, cname="fails", times=None)
    result = stage.run("stop", "fails")
    assert result.exit_code == 3
    assert "AuthenticationFailed: stop" in result.stderr
    assert "it may still be recorded" in result.stderr
    assert "stop failed" in stage.run("explain", "fails").stdout
    stage.emulator.clear_faults()
    assert stage.run("stop", "fails").exit_code == 0


def bare(recording: Recording) -> list[str]:
    return [
        *("--resource-id", recording.resource_id or "", "--sid", recording.sid or ""),
        *("--cname", recording.cname, "--uid", str(recording.uid), "--mode", "mix"),
    ]


def test_bare_ids_need_no_store(stage: Stage) -> None:
    recording = stage.started("bare")
    anyio.run(anyio.sleep, 0.2)
    ids = bare(recording)
    assert stage.run("query", *ids, AGORA_STORE="").stdout.startswith("status 5")
    stopped = stage.run("stop", *ids, AGORA_STORE="")
    assert stopped.stdout.splitlines()[-1] == "uploaded: 1 file in your bucket"
    assert not [each for each in stage.emulator.running() if each.cname == "bare"]


@pytest.mark.parametrize(
    ("refusal", "code", "said"),
    [
        (Refuse(status=206, code=435), 0, "uploaded: nobody sent a stream, so there are no files"),
        (Refuse(status=206, code=50), 0, "stopping: 0 files"),
        (Refuse(status=400, code=49), 0, "stopping: 0 files"),
        (Refuse(status=401), 3, "it may still be recorded"),
    ],
)
def test_what_a_stop_with_bare_ids_is_answered_is_told(
    stage: Stage, refusal: Refuse, code: int, said: str
) -> None:
    recording = stage.started(f"bare-{refusal.status}-{refusal.code}")
    stage.emulator.inject(refusal, operation=STOP, cname=recording.cname)
    result = stage.run("stop", *bare(recording))
    assert result.exit_code == code
    assert said in result.output
    stage.emulator.clear_faults()
    stage.run("stop", *bare(recording))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("query",), "Give a KEY or a SID"),
        (("stop",), "Give a KEY or a SID"),
        (("query", "x", "--sid", "s"), "not both"),
        (("query", "--sid", "s"), "--resource-id, --mode"),
        (BARE, "--cname, --uid"),
        ((*BARE, "--cname", "a/b", "--uid", "5"), "cname"),
    ],
)
def test_wrong_usage_is_said_to_be_so(stage: Stage, arguments: tuple[str, ...], said: str) -> None:
    result = stage.run(*arguments)
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize("name", ["list", "explain", "query", "stop"])
def test_without_a_store_it_is_asked_for(stage: Stage, name: str) -> None:
    result = stage.run(name, *(() if name == "list" else ("x",)), AGORA_STORE="")
    assert result.exit_code == 2
    assert "AGORA_STORE" in result.output


def test_a_password_is_taken_from_the_environment_only_and_never_shown(stage: Stage) -> None:
    url = f"postgresql://user:{NEEDLE}@127.0.0.1:9/recordings"
    refused = stage.run("list", "--store", url)
    assert refused.exit_code == 2
    assert "put the URL in AGORA_STORE" in " ".join(refused.output.split())
    unreachable = stage.run("list", AGORA_STORE=url)
    assert unreachable.exit_code == 1
    assert "StoreUnavailable: " in unreachable.stderr


def test_a_driver_that_is_missing_is_named(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "agora_rec.store.over_redis", raising=False)
    monkeypatch.setitem(sys.modules, "coredis", None)
    result = stage.run("list", "--store", "redis://127.0.0.1:9")
    assert result.exit_code == 1
    assert "agora-rec[redis]" in result.output


@pytest.mark.parametrize(
    ("url", "said"), [("sqlite:///not/there.db", "there is no file"), ("mysql://host/db", "sqlite:///file")]
)
def test_a_store_that_is_none_is_wrong_usage(stage: Stage, url: str, said: str) -> None:
    result = stage.run("list", "--store", url)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_it_is_a_command_like_the_others(stage: Stage) -> None:
    with agora_rec("list", environment=stage.environment) as process:
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "nothing is unfinished\n", "")


def test_missing_credentials_are_wrong_usage(stage: Stage) -> None:
    for arguments in (("query", "x"), (*BARE, "--cname", "c", "--uid", "5")):
        result = stage.run(*arguments, AGORA_APP_ID="")
        assert result.exit_code == 2
