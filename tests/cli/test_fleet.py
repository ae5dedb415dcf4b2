"""`agora-rec fleet`: what it does and says, in virtual time; how it is called, over real sockets."""

import io
import json
import re
import signal
import time
from collections.abc import AsyncGenerator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import evolve
from click.testing import CliRunner, Result
from rich.console import Console

from agora_rec import CloudRecording, InvalidRequest, LoopClock, MemoryStore, Spec, StoreUnavailable
from agora_rec.cli import fleet
from agora_rec.cli.commands import command
from agora_rec.cli.fleet import Session
from agora_rec.cli.fleet_board import Board
from agora_rec.cli.fleet_progress import ALL_RECORDED, MAY_RUN, NOT_ALL_RECORDED, Progress
from agora_rec.cli.spec_fields import FIELDS, read_specs
from agora_rec.emulator import Emulator, Refuse, Settings, SlowAnswer
from tests.cli.processes import ROOT, agora_rec, line_with
from tests.support.backends import virtual_time
from tests.support.cloud import START, STOP, mix
from tests.support.secrets import ACCESS_KEY, CUSTOMER_ID, CUSTOMER_SECRET, SECRET_KEY, shown_in
from tests.support.served import served_emulator

anyio_backend = virtual_time


def lesson(number: int, seconds: float | None = 60.0) -> Spec:
    until = None if seconds is None else timedelta(seconds=seconds)
    return Spec(f"lesson-{number}", 7, mix(), key=f"lesson-{number}", until=until)


class Stage:
    """An emulator, and the command's session against it."""

    def __init__(self) -> None:
        self.clock = LoopClock()
        self.emulator = Emulator(
            customer_id=CUSTOMER_ID, customer_secret=CUSTOMER_SECRET, clock=self.clock, qps=None
        )
        self.store: MemoryStore | None = None
        self.output = io.StringIO()
        self.reports: list[str] = []
        self.left: list[int] = []

    async def run(self, *specs: Spec, is_terminal: bool = False, **options: Any) -> int:
        """Run the command's session, and give its exit code."""
        console = Console(
            file=self.output, width=300, height=10, force_terminal=is_terminal, color_system=None
        )
        board = Board(console, Progress.of(specs))
        given: dict[str, Any] = {
            "limit": 50,
            "web_limit": 50,
            "resume": False,
            "adopt": False,
            "report_to": "-",
        }
        session = Session(
            cloud=self.cloud(),
            specs=specs,
            board=board,
            out=self.reports.append,
            leave=self.left.append,
            **given | options,
        )
        return await session.run()

    def cloud(self) -> CloudRecording:
        return CloudRecording(
            self.emulator.app_id,
            customer_id=CUSTOMER_ID,
            customer_secret=CUSTOMER_SECRET,
            base_url=self.emulator.base_url,
            transport=self.emulator.transport(),
            clock=self.clock,
            qps=None,
            store=self.store,
        )

    @property
    def report(self) -> Any:
        """The last report."""
        assert not shown_in(self.reports[-1])
        return json.loads(self.reports[-1])

    def said(self) -> list[str]:
        """What was printed, without the times."""
        assert not shown_in(self.output.getvalue())
        return [re.sub(r"^ *[\d.]+ s  ", "", line) for line in self.output.getvalue().splitlines()]


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have signals come so many seconds one after another."""

    def after(*seconds: float, name: str = "Ctrl-C") -> None:
        async def interrupts() -> AsyncGenerator[str]:
            for each in seconds:
                await anyio.sleep(each)
                yield name
            await anyio.sleep_forever()

        monkeypatch.setattr(fleet, "interrupts", interrupts)

    return after


@pytest.mark.anyio
async def test_all_are_recorded_as_there_is_room_and_each_change_is_told(stage: Stage):
    stage.emulator.settings = Settings(concurrent_limit=1)
    assert await stage.run(lesson(1), lesson(2), limit=1) == ALL_RECORDED
    assert stage.said() == [
        "'lesson-1': recording",
        "'lesson-1': stopping",
        "'lesson-1': uploaded, 1 file",
        "'lesson-2': recording",
        "'lesson-2': stopping",
        "'lesson-2': uploaded, 1 file",
        "2 recordings: 2 uploaded; 2 files, 8 calls",
    ]
    assert not stage.emulator.running()


@pytest.mark.anyio
async def test_the_example_of_the_documents_is_recorded(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AGORA_STORAGE_ACCESS_KEY", ACCESS_KEY)
    monkeypatch.setenv("AGORA_STORAGE_SECRET_KEY", SECRET_KEY)
    specs = read_specs(ROOT / "docs" / "examples" / "lessons.csv", now=stage.clock.now())
    assert await stage.run(*(evolve(spec, until=timedelta(minutes=1)) for spec in specs)) == ALL_RECORDED
    assert [each["spec"]["vendor"] for each in stage.report["recordings"]] == [
        *("amazon-s3", "amazon-s3"),
        "google",
    ]


@pytest.mark.anyio
async def test_a_terminal_shows_a_table_that_is_gone_at_the_end(stage: Stage):
    assert await stage.run(lesson(1, 5), is_terminal=True) == ALL_RECORDED
    shown = stage.output.getvalue()
    assert re.search(r"'lesson-1' +recording +0", shown)
    assert "\x1b[?25l" in shown  # the cursor is hidden, and shown again
    assert shown.rindex("\x1b[?25h") < shown.rindex("1 recording: 1 uploaded; 1 file")
    assert shown.count("\n'lesson-1'") == 0


@pytest.mark.anyio
async def test_the_report_has_all_but_secrets(stage: Stage):
    await stage.run(lesson(1))
    (session,) = stage.emulator.sessions
    report = stage.report
    (one,) = report["recordings"]
    assert one["spec"] == {
        "key": "lesson-1",
        "cname": "lesson-1",
        "mode": "mix",
        "url": None,
        "until": None,
        "seconds": 60.0,
        "uid": 7,
        "region": None,
        "alternate": None,
        "resource_expired_hour": None,
        "replace": None,
        "twins": [],
        "vendor": "amazon-s3",
        "bucket": "recordings",
        "bucket_region": "eu-west-1",
        "endpoint": None,
        "prefix": None,
    }
    assert (one["state"], one["in_bucket"], one["maybe_running"]) == ("uploaded", True, False)
    assert (one["why"], one["gaps"], one["failures"]) == (None, [], [])
    (take,) = one["takes"]
    assert (take["sid"], take["uid"], take["files"]) == (session.sid, 7, one["files"])
    assert report["totals"] == {
        "recordings": 1,
        "states": {"uploaded": 1},
        "takes": 1,
        "files": 1,
        "calls": one["calls"],
        "maybe_running": 0,
    }
    assert report["interrupted"] is False
    assert one["calls"] == len(stage.emulator.calls)


@pytest.mark.anyio
async def test_what_is_refused_is_told_with_the_reason_and_disturbs_no_other(stage: Stage):
    stage.emulator.inject(Refuse(status=400, code=2), operation=START, cname="lesson-1", times=None)
    assert await stage.run(lesson(1), lesson(2)) == NOT_ALL_RECORDED
    assert any(line.startswith("'lesson-1': not started: start (cname 'lesson-1'") for line in stage.said())
    assert any(line.startswith("'lesson-1': failed: not started: start (") for line in stage.said())
    refused, recorded = stage.report["recordings"]
    assert (refused["state"], recorded["state"]) == ("failed", "uploaded")
    assert refused["failures"][0]["kind"] == "not started"


@pytest.mark.anyio
async def test_an_interrupt_stops_all_and_sends_away_who_waits(stage: Stage, interrupt: Any):
    interrupt(30)
    specs = [lesson(number, None) for number in range(4)]
    assert await stage.run(*specs, limit=2) == NOT_ALL_RECORDED
    assert "Ctrl-C: stopping all; another Ctrl-C leaves at once" in stage.said()
    assert [each["state"] for each in stage.report["recordings"]] == [
        *("uploaded", "uploaded"),
        *("withdrawn", "withdrawn"),
    ]
    assert stage.report["interrupted"] is True
    assert not stage.emulator.running()
    assert stage.said().count("'lesson-3': withdrawn") == 1
    assert stage.left == []


@pytest.mark.anyio
async def test_an_interrupt_in_mid_start_stops_what_was_started(stage: Stage, interrupt: Any):
    interrupt(1)
    stage.emulator.inject(SlowAnswer(5.0), operation=START)
    assert await stage.run(lesson(1, None)) == ALL_RECORDED
    assert not stage.emulator.running()


@pytest.mark.anyio
async def test_an_interrupt_while_it_opens_begins_nothing(
    stage: Stage, interrupt: Any, monkeypatch: pytest.MonkeyPatch
):
    opened = CloudRecording.__aenter__

    async def slowly(cloud: CloudRecording) -> CloudRecording:
        await anyio.sleep(5)
        return await opened(cloud)

    monkeypatch.setattr(CloudRecording, "__aenter__", slowly)
    interrupt(1)
    assert await stage.run(lesson(1)) == NOT_ALL_RECORDED
    assert stage.emulator.calls == ()


@pytest.mark.anyio
async def test_a_second_interrupt_leaves_at_once_and_says_what_may_run(stage: Stage, interrupt: Any):
    interrupt(30, 1)
    stage.emulator.inject(SlowAnswer(5.0), operation=STOP, cname="lesson-1")
    stage.emulator.inject(Refuse(status=401), operation=STOP, cname="lesson-2", times=1)
    stage.emulator.inject(SlowAnswer(40.0), operation=START, cname="lesson-3")
    await stage.run(*(lesson(number, None) for number in (1, 2, 3)))
    assert stage.left == [MAY_RUN]
    said = stage.said()
    assert "Ctrl-C: leaving at once" in said
    sessions = {session.cname: session for session in stage.emulator.sessions}
    two = sessions["lesson-2"]
    assert (
        f"  agora-rec stop --resource-id {two.resource_id} --sid {two.sid}"
        " --cname lesson-2 --uid 7 --mode mix" in said
    )
    assert "  'lesson-3' uid 7: its start was not answered, so there is no sid" in said
    assert not any("--resume" in line for line in said)
    left = json.loads(stage.reports[0])
    assert left["interrupted"] is True
    assert left["totals"]["maybe_running"] == 3


@pytest.mark.anyio
async def test_with_a_store_it_says_how_to_go_on(stage: Stage, interrupt: Any):
    interrupt(30, 0.1)
    stage.store = MemoryStore()
    stage.emulator.inject(SlowAnswer(5.0), operation=STOP)
    await stage.run(lesson(1, None))
    assert stage.left == [MAY_RUN]
    assert "The store has them: the same command with --resume --adopt goes on with them." in stage.said()


@pytest.mark.anyio
async def test_it_waits_for_what_it_has_adopted(stage: Stage):
    stage.store = MemoryStore()
    async with stage.cloud() as cloud:
        other = await cloud.claim("other", cname="other", uid=7, mode=mix())
        await other.ensure_started()
    stage.emulator.channel("other").empty()
    assert await stage.run(lesson(1, 1), adopt=True) == NOT_ALL_RECORDED
    assert [each["spec"]["key"] for each in stage.report["recordings"]] == ["lesson-1", "other"]
    assert not stage.emulator.running()


@pytest.mark.anyio
async def test_what_was_recorded_before_is_told_and_not_recorded_again(stage: Stage):
    stage.store = MemoryStore()
    assert await stage.run(lesson(1)) == ALL_RECORDED
    assert await stage.run(lesson(1), lesson(2), resume=True) == ALL_RECORDED
    assert [session.cname for session in stage.emulator.sessions] == ["lesson-1", "lesson-2"]
    assert [each["state"] for each in stage.report["recordings"]] == ["uploaded", "uploaded"]


@pytest.mark.anyio
async def test_a_client_that_can_not_be_opened_is_no_result(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    async def refused(_: object) -> None:
        raise StoreUnavailable("it is not there")

    monkeypatch.setattr(CloudRecording, "__aenter__", refused)
    with pytest.raises(StoreUnavailable):
        await stage.run(lesson(1))
    assert stage.reports == []


@pytest.mark.anyio
async def test_a_report_that_can_not_be_written_is_told_all_the_same(stage: Stage, tmp_path: Path):
    target = tmp_path / "report.json"
    target.mkdir()
    await stage.run(lesson(1), report_to=str(target))
    assert any(line.startswith("the report can't be written: ") for line in stage.said())
    assert stage.report["totals"]["recordings"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


QUICK = Settings(start_seconds=0.05, first_slice_mix=0.1, exit_seconds=0.1, upload_seconds=0.1)
BUCKET = "google,b"


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[Emulator, str]]:
    """An emulator on a port."""
    emulator = Emulator(customer_id=CUSTOMER_ID, customer_secret=CUSTOMER_SECRET, qps=None, settings=QUICK)
    with served_emulator(emulator) as served:
        yield served


@pytest.fixture
def environment(service: tuple[Emulator, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    emulator, url = service
    yield {
        "AGORA_APP_ID": emulator.app_id,
        "AGORA_CUSTOMER_ID": CUSTOMER_ID,
        "AGORA_CUSTOMER_SECRET": CUSTOMER_SECRET,
        "AGORA_BASE_URL": url,
        "AGORA_STORAGE_ACCESS_KEY": ACCESS_KEY,
        "AGORA_STORAGE_SECRET_KEY": SECRET_KEY,
        "AGORA_STORE": "",
    }
    emulator.clear_faults()


@pytest.fixture
def listed(tmp_path: Path) -> Any:
    """A file that lists some channels."""

    def write(*cnames: str, seconds: float | str = "") -> str:
        path = tmp_path / "list.csv"
        rows = "".join(f"{cname},7,{seconds},google,b\n" for cname in cnames)
        path.write_text(f"cname,uid,seconds,vendor,bucket\n{rows}", encoding="utf-8")
        return str(path)

    return write


def invoke(*arguments: str, environment: dict[str, str]) -> Result:
    """The command in this process."""
    result = CliRunner().invoke(command, ["fleet", *arguments], env=environment)
    assert not shown_in(result.output)
    return result


def test_a_file_is_recorded_and_reported(
    service: tuple[Emulator, str], environment: dict[str, str], listed: Any, tmp_path: Path
):
    emulator, _ = service
    report = tmp_path / "report.json"
    options = ("--json", str(report), "--store", f"sqlite:///{tmp_path}/new.db", "--qps", "50")
    result = invoke(listed("file-1", "file-2", seconds=0.2), *options, environment=environment)
    assert result.exit_code == ALL_RECORDED, result.output
    told = json.loads(report.read_text(encoding="ascii"))
    assert told["totals"]["states"] == {"uploaded": 2}
    assert len([each for each in emulator.sessions if each.cname.startswith("file-")]) == 2
    assert "2 recordings: 2 uploaded; 2 files" in result.output


def test_a_report_on_the_standard_output_stands_there_alone(environment: dict[str, str], listed: Any):
    result = invoke(listed("alone", seconds=0.2), "--json", "-", environment=environment)
    assert json.loads(result.stdout)["totals"]["recordings"] == 1
    assert "1 recording: 1 uploaded; 1 file" in result.stderr


def test_a_wrong_file_is_wrong_usage_and_nothing_is_sent(
    service: tuple[Emulator, str], environment: dict[str, str], listed: Any
):
    before = len(service[0].calls)
    result = invoke(listed("a/b", "fine", seconds=-1), environment=environment)
    assert result.exit_code == 2
    assert "3 wrong fields; nothing was sent" in result.output
    assert "list.csv:2: cname = 'a/b': " in result.output
    assert len(service[0].calls) == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--resume",), "--resume and --adopt need a store"),
        (("--adopt",), "--resume and --adopt need a store"),
        (("--limit", "0"), "--limit"),
        (("--replace", "-1"), "--replace"),
        (("--qps", "nan"), "--qps"),
        (("--json", "/not/there.json"), "--json"),
        (("--store", "sqlite:////not/there.db"), "there is no directory /not"),
    ],
)
def test_wrong_usage_is_said_to_be_so(
    environment: dict[str, str], listed: Any, options: tuple[str, ...], said: str
):
    result = invoke(listed("c"), *options, environment=environment)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_a_file_that_can_not_be_read_is_wrong_usage(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, listed: Any
):
    def refused(*_: object) -> None:
        raise PermissionError("not yours")

    path = listed("c")
    monkeypatch.setattr(Path, "open", refused)
    result = invoke(path, environment=environment)
    assert result.exit_code == 2
    assert "not yours" in result.output


def test_a_store_that_is_no_store_is_told(environment: dict[str, str], listed: Any, tmp_path: Path):
    (tmp_path / "no.db").write_bytes(b"no database, whatever its name says" * 100)
    result = invoke(listed("c"), "--store", f"sqlite:///{tmp_path}/no.db", environment=environment)
    assert result.exit_code == 1
    assert "Store" in result.output


def test_a_client_that_can_not_be_opened_is_wrong_usage(
    environment: dict[str, str], listed: Any, monkeypatch: pytest.MonkeyPatch
):
    async def refused(_: object) -> int:
        raise InvalidRequest(())

    monkeypatch.setattr(Session, "run", refused)
    assert invoke(listed("c"), environment=environment).exit_code == 2
    assert invoke(listed("c"), environment=environment | {"AGORA_APP_ID": ""}).exit_code == 2


def test_the_help_names_all_that_a_file_may_say():
    output = CliRunner().invoke(command, ["fleet", "--help"]).output
    assert [name for name in FIELDS if not re.search(rf"\b{name}\b", output)] == []
    assert "\\b" not in output


def test_ctrl_c_stops_all_and_nothing_is_left_running(
    service: tuple[Emulator, str], environment: dict[str, str], listed: Any, tmp_path: Path
):
    emulator, _ = service
    report = tmp_path / "report.json"
    arguments = ("fleet", listed("once-1", "once-2"), "--json", str(report))
    with agora_rec(*arguments, environment=environment) as process:
        line_with(process, "'once-2/7': recording")
        process.send_signal(signal.SIGINT)
        line_with(process, "Ctrl-C: stopping all")
        line_with(process, "2 recordings: 2 uploaded; 2 files")
        assert process.wait(10) == ALL_RECORDED
    assert len([each for each in emulator.sessions if each.cname.startswith("once-")]) == 2
    assert not [each for each in emulator.running() if each.cname.startswith("once-")]
    assert json.loads(report.read_text(encoding="ascii"))["interrupted"] is True


def test_after_a_second_ctrl_c_the_same_command_finds_everything(
    service: tuple[Emulator, str], environment: dict[str, str], listed: Any, tmp_path: Path
):
    emulator, _ = service
    cnames = [f"twice-{number}" for number in range(5)]
    arguments = ["fleet", listed(*cnames), "--store", f"sqlite:///{tmp_path}/fleet.db", "--qps", "50"]
    emulator.inject(Refuse(status=401), operation=STOP, times=None)
    with agora_rec(*arguments, "--limit", "4", environment=environment) as process:
        line_with(process, "'twice-3/7': recording")
        process.send_signal(signal.SIGINT)
        line_with(process, "Ctrl-C: stopping all")
        while len([call for call in emulator.calls if call.operation == STOP and call.cname in cnames]) < 4:
            time.sleep(0.01)
        time.sleep(0.3)  # until it knows; if it doesn't, the next one leaves a stop its time to be answered
        process.send_signal(signal.SIGINT)
        line_with(process, "These may still be recorded:")
        line_with(process, "The store has them: the same command with --resume --adopt goes on with them.")
        assert process.wait(5) == MAY_RUN
    running = [each for each in emulator.running() if each.cname in cnames]
    assert len(running) == 4
    emulator.clear_faults()
    arguments[1] = listed(*cnames, seconds=0.5)
    with agora_rec(*arguments, "--resume", "--adopt", environment=environment) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == ALL_RECORDED, output
    assert sorted(each.cname for each in emulator.sessions if each.cname in cnames) == cnames
    assert not [each for each in emulator.running() if each.cname in cnames]
