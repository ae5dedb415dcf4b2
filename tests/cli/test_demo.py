"""`agora-rec demo`: it works as a newcomer runs it, and it would notice if something went wrong."""

import io
import re

import pytest
from rich.console import Console

from agora_rec import CloudRecording, ModeName, OperationName, State
from agora_rec.cli.board import Board
from agora_rec.cli.commands import _show
from agora_rec.cli.demo import TROUBLE, Channel, Demo
from agora_rec.emulator import Delay
from tests.cli.processes import agora_rec


def test_forty_channels_end_as_they_should():
    with agora_rec("demo") as process:
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    rows = re.findall(r"│ (channel-\d\d) +│ (\w+) +│ (\w+) +│ (\d+) +│", output)
    assert len({cname for cname, *_ in rows}) == 40
    assert {mode for _, mode, *_ in rows} == set(ModeName)
    assert {state for *_, state, _ in rows} == {"uploaded", "backuped"}
    assert all(int(files) for *_, files in rows)
    assert all(trouble.text in output for trouble in TROUBLE.values())
    for wire in ("start 200 lost, start 201 code 7", "stop 206 code 65", "start cut", "acquire 429"):
        assert wire in output
    summary = output.splitlines()[-1]
    assert re.match(r"40 channels in \d+\.\d s with \d+ calls: .* none is running\.$", summary)


@pytest.fixture
def anyio_backend() -> str:
    """The emulator's port needs asyncio."""
    return "asyncio"


@pytest.mark.anyio
async def test_a_terminal_shows_all_channels_as_they_go_on():
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, height=30, color_system=None)
    demo = Demo.of(2)
    # The screen is drawn ten times a second: a start must take longer than that to be seen for certain.
    demo.emulator.inject(Delay(0.5), operation=OperationName.START, cname="channel-01")
    assert await _show(Board(console, demo), 0.2) == 0
    shown = screen.getvalue()
    assert re.search(r"01 starting +02 \w+", shown)
    assert re.search(r"01 recording +02 recording", shown)
    assert "2 uploaded" in shown


@pytest.mark.anyio
async def test_a_recording_that_fails_makes_the_demo_fail():
    screen = io.StringIO()
    demo = Demo.of(1)
    demo.emulator.customer_secret = "another"
    console = Console(file=screen, force_terminal=True, width=200, color_system=None)
    assert await _show(Board(console, demo), 0.2) == 1
    assert "channel-01: AuthenticationFailed: " in screen.getvalue()
    assert "channel-01: ended as idle instead of uploaded" in screen.getvalue()
    assert "4 things are not as they should be." in screen.getvalue()


class Recorded(Channel):
    """A channel whose recording stands as told."""

    @property
    def state(self) -> State:
        return State.UPLOADED


def test_what_the_service_knows_outweighs_what_the_client_says():
    demo = Demo.of(1)
    demo.channels = (Recorded(1, demo.channels[0].mode, None),)
    assert list(demo.complaints()) == [
        "channel-01: the service made 0 recordings instead of one",
        "channel-01: the files [] are not those of the service, []",
    ]


@pytest.mark.anyio
async def test_a_recording_that_goes_on_is_noticed():
    demo = Demo.of(1)
    emulator, (channel,) = demo.emulator, demo.channels
    async with CloudRecording(
        emulator.app_id,
        customer_id=emulator.customer_id,
        customer_secret=emulator.customer_secret,
        base_url=emulator.base_url,
        transport=emulator.transport(),
    ) as cloud:
        channel.recording = cloud.recording(channel.cname, 1, channel.mode)
        await channel.recording.ensure_started()
    complaints = list(demo.complaints())
    assert "channel-01: ended as recording instead of uploaded" in complaints
    assert "channel-01: the service is still recording" in complaints
