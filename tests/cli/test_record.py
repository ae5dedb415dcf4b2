"""`agora-rec record`: what it does and says, in virtual time; how it is called, over real sockets."""

import io
import re
import signal
from collections.abc import Iterator

import anyio
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from agora_rec import AmazonS3, AmazonS3Region, CloudRecording, LoopClock, Mix, ModeName, OperationName
from agora_rec.cli import record
from agora_rec.cli.commands import command
from agora_rec.cli.record import MAY_RUN, NOT_RECORDED, RECORDED, Session
from agora_rec.emulator import Emulator, Refuse, SlowAnswer, Upload
from tests.cli.processes import agora_rec, line_with
from tests.support.backends import virtual_time
from tests.support.secrets import (
    ACCESS_KEY,
    CUSTOMER_ID,
    CUSTOMER_SECRET,
    SECRET_KEY,
    TOKEN,
    shown_in,
)
from tests.support.served import served_emulator

anyio_backend = virtual_time

STORAGE = AmazonS3(region=AmazonS3Region.US_EAST_1, bucket="b", access_key=ACCESS_KEY, secret_key=SECRET_KEY)


class Stage:
    """An emulator, and the command's session against it."""

    def __init__(self) -> None:
        self.clock = LoopClock()
        self.emulator = Emulator(
            customer_id=CUSTOMER_ID, customer_secret=CUSTOMER_SECRET, clock=self.clock, qps=None
        )
        self.output = io.StringIO()

    async def run(self, seconds: float | None = 4.0) -> int:
        """Run the command's session, and give its exit code."""
        console = Console(file=self.output, width=300)
        async with CloudRecording(
            self.emulator.app_id,
            customer_id=CUSTOMER_ID,
            customer_secret=CUSTOMER_SECRET,
            base_url=self.emulator.base_url,
            transport=self.emulator.transport(),
            clock=self.clock,
        ) as cloud:
            return await Session(cloud.recording("class", 7, Mix(storage=STORAGE)), seconds, console).run()

    def said(self) -> list[str]:
        """What was printed, without the times."""
        assert not shown_in(self.output.getvalue())
        return [re.sub(r"^ *[\d.]+ s  ", "", line) for line in self.output.getvalue().splitlines()]


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.mark.anyio
async def test_it_records_for_some_seconds_and_tells_each_step(stage: Stage):
    assert await stage.run(seconds=4) == RECORDED
    (session,) = stage.emulator.sessions
    assert stage.said() == [
        "idle -> acquired (acquired)",
        "acquired -> starting (start was sent)",
        "starting -> recording (started)",
        "recording for 4 s",
        "recording -> stopping (stop was sent)",
        "stopping -> uploaded (uploaded)",
        f"{session.sid}_class.m3u8",
        "uploaded: 1 file in your bucket",
    ]
    assert not session.running


@pytest.mark.anyio
async def test_without_seconds_it_records_until_it_is_interrupted(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    async def interrupted() -> str:
        await anyio.sleep(100)
        return "Ctrl-C"

    monkeypatch.setattr(record, "interrupted", interrupted)
    assert await stage.run(seconds=None) == RECORDED
    said = stage.said()
    assert said.index("recording until Ctrl-C") < said.index(
        "Ctrl-C: stopping the recording; another Ctrl-C leaves it to itself"
    )
    assert said[-1] == "uploaded: 1 file in your bucket"


@pytest.mark.anyio
async def test_an_interrupt_in_mid_start_stops_what_was_started(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    async def interrupted() -> str:
        await anyio.sleep(1)
        return "SIGTERM"

    monkeypatch.setattr(record, "interrupted", interrupted)
    stage.emulator.inject(SlowAnswer(5.0), operation=OperationName.START)
    assert await stage.run() == RECORDED
    (session,) = stage.emulator.sessions
    assert not session.running
    assert "SIGTERM: stopping the recording; another Ctrl-C leaves it to itself" in stage.said()


@pytest.mark.anyio
async def test_a_refused_start_is_explained(stage: Stage):
    stage.emulator.inject(Refuse(status=400, code=2), operation=OperationName.START, times=None)
    assert await stage.run() == NOT_RECORDED
    assert any(line.startswith("InvalidParameter: ") for line in stage.said())
    assert stage.said()[-1] == "failed: 0 files"
    assert stage.emulator.sessions == ()


@pytest.mark.anyio
async def test_a_stop_that_fails_says_what_may_go_on(stage: Stage):
    stage.emulator.inject(Refuse(status=401), operation=OperationName.STOP, times=None)
    assert await stage.run() == MAY_RUN
    (session,) = stage.emulator.sessions
    assert session.running
    assert (
        stage.said()[-1] == f"it may still be recorded: resource ID {session.resource_id}, sid {session.sid}"
    )


@pytest.mark.anyio
async def test_files_in_the_backup_are_said_to_be_there(stage: Stage):
    stage.emulator.inject(Upload(backuped=True), operation=OperationName.STOP)
    assert await stage.run() == RECORDED
    assert stage.said()[-1] == "backuped: 1 file in Agora's backup, on their way to your bucket"


@pytest.mark.anyio
async def test_a_channel_without_streams_is_not_recorded(stage: Stage):
    stage.emulator.channel("class").empty()
    assert await stage.run() == NOT_RECORDED
    assert stage.said()[-1] == "uploaded: nobody sent a stream, so there are no files"


@pytest.mark.anyio
async def test_what_never_began_is_said_plainly(stage: Stage):
    stage.emulator.inject(Refuse(status=400, code=53), operation=OperationName.START, times=None)
    assert await stage.run() == NOT_RECORDED
    assert stage.said()[-1] == "idle: nothing was recorded"


STORAGE_OPTIONS = ("--vendor", "amazon-s3", "--region", "us-east-1", "--bucket", "b")


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[Emulator, str]]:
    """An emulator on a port."""
    with served_emulator() as served:
        yield served


@pytest.fixture
def environment(service: tuple[Emulator, str]) -> dict[str, str]:
    emulator, _ = service
    return {
        "AGORA_APP_ID": emulator.app_id,
        "AGORA_CUSTOMER_ID": CUSTOMER_ID,
        "AGORA_CUSTOMER_SECRET": CUSTOMER_SECRET,
        "AGORA_STORAGE_ACCESS_KEY": ACCESS_KEY,
        "AGORA_STORAGE_SECRET_KEY": SECRET_KEY,
        "AGORA_TOKEN": TOKEN,
    }


def invoke(*arguments: str, environment: dict[str, str]) -> Result:
    """The command in this process."""
    result = CliRunner().invoke(command, ["record", *arguments, *STORAGE_OPTIONS], env=environment)
    assert not shown_in(result.output)
    return result


@pytest.mark.parametrize("mode", ModeName)
def test_each_mode_reaches_the_service(
    service: tuple[Emulator, str], environment: dict[str, str], mode: ModeName
):
    emulator, url = service
    cname = f"refused-{mode.value}"
    emulator.inject(Refuse(status=400, code=53), operation=OperationName.START, cname=cname)
    page = ("--url", "https://example.com/") if mode is ModeName.WEB else ()
    result = invoke(
        cname, "--uid", "5", "--mode", mode.value, *page, "--base-url", url, environment=environment
    )
    assert result.exit_code == NOT_RECORDED
    assert "TaskConflict: " in result.output
    assert [call.mode for call in emulator.calls if call.cname == cname] == [None, mode.value]


def test_the_base_url_may_be_in_the_environment(service: tuple[Emulator, str], environment: dict[str, str]):
    emulator, url = service
    emulator.inject(Refuse(status=400, code=53), operation=OperationName.START, cname="env")
    result = invoke("env", "--uid", "5", environment=environment | {"AGORA_BASE_URL": url})
    assert result.exit_code == NOT_RECORDED
    assert [call.operation for call in emulator.calls if call.cname == "env"] == ["acquire", "start"]


def test_missing_credentials_are_wrong_usage(environment: dict[str, str]):
    result = invoke(
        "c", "--uid", "5", environment=environment | {"AGORA_APP_ID": "", "AGORA_CUSTOMER_ID": ""}
    )
    assert result.exit_code == 2
    assert "AGORA_APP_ID" in result.output
    assert "AGORA_CUSTOMER_ID" in result.output


def test_a_wrong_request_is_wrong_usage(environment: dict[str, str]):
    result = invoke("a/b", "--uid", "5", environment=environment)
    assert result.exit_code == 2
    assert "cname" in result.output


@pytest.mark.parametrize("arguments", [("--mode", "web"), ("--url", "https://example.com/")])
def test_the_page_belongs_to_web_mode(environment: dict[str, str], arguments: tuple[str, ...]):
    result = invoke("c", "--uid", "5", *arguments, environment=environment)
    assert result.exit_code == 2
    assert "--mode web needs --url" in result.output


def test_ctrl_c_ends_the_recording_and_nothing_is_left_running(
    service: tuple[Emulator, str], environment: dict[str, str]
):
    emulator, url = service
    arguments = ("record", "interrupted", "--uid", "5", "--base-url", url, *STORAGE_OPTIONS)
    with agora_rec(*arguments, environment=environment) as process:
        line_with(process, "recording until Ctrl-C")
        process.send_signal(signal.SIGINT)
        line_with(process, "Ctrl-C: stopping the recording")
        line_with(process, "uploaded: 1 file in your bucket")
        assert process.wait(10) == RECORDED
    (session,) = [session for session in emulator.sessions if session.cname == "interrupted"]
    assert not session.running


@pytest.mark.parametrize("seconds", ["nan", "inf", "0", "-1"])
def test_seconds_that_never_end_are_wrong_usage(environment: dict[str, str], seconds: str):
    result = invoke("c", "--uid", "5", "--seconds", seconds, environment=environment)
    assert result.exit_code == 2
    assert "--seconds" in result.output


def test_the_help_keeps_the_lines_of_its_lists():
    output = CliRunner().invoke(command, ["record", "--help"]).output
    assert "\n    AGORA_STORAGE_ACCESS_KEY, AGORA_STORAGE_SECRET_KEY       the bucket\n" in output
    assert "\\b" not in output
