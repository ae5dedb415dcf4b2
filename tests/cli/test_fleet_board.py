"""What `agora-rec fleet` shows of its recordings, and what it tells of them at the end."""

import io
import logging
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from agora_rec import Incident, IncidentKind, RecordedFile, Spec, Take
from agora_rec import Result as Known
from agora_rec import ResultState as S
from agora_rec.cli.fleet_board import Board
from agora_rec.cli.fleet_progress import (
    ALL_RECORDED,
    MAY_RUN,
    NOT_ALL_RECORDED,
    Progress,
    may_run,
    why,
)
from agora_rec.errors import FleetClosed
from agora_rec.fleet.roster import INCIDENT
from tests.support.backends import virtual_time
from tests.support.cloud import mix

anyio_backend = virtual_time

AT = datetime(2026, 11, 26, tzinfo=UTC)


def known(cname: str, state: S, **more: Any) -> Known:
    return Known(spec=Spec(cname, 7, mix()), state=state, **more)


def trouble(kind: IncidentKind, text: str) -> Incident:
    return Incident(at=AT, kind=kind, text=text)


def take(*, ended: bool) -> Take:
    return Take(uid=7, resource_id="r", sid="s", started_at=AT, ended_at=AT if ended else None)


FILE = RecordedFile(name="a.m3u8")
LOST = trouble(IncidentKind.LOST, "it is gone")


def screen(height: int = 10) -> tuple[Board, io.StringIO]:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100, height=height, color_system=None)
    return Board(console, Progress()), output


@pytest.mark.anyio
async def test_a_terminal_shows_first_what_goes_on_then_what_went_wrong_and_never_more_than_fits():
    board, output = screen(height=10)
    board.progress.see(
        [
            *(known(f"done-{number}", S.UPLOADED, files=(FILE,), calls=3) for number in range(3)),
            known("waits", S.WAITING),
            known("lost", S.FAILED, failures=(LOST,)),
            known("runs", S.RECORDING),
        ]
    )
    board.open()
    board.show(())
    board.close()
    shown = output.getvalue()
    last = shown[shown.rindex("last trouble") :]
    rows = [line.split("'")[1] for line in last.splitlines() if line.lstrip().startswith("'")]
    assert rows == ["runs/7", "lost/7", "waits/7", "done-0/7", "done-1/7"]
    assert "... and 1 more" in last
    assert "lost: it is gone" in last
    assert "6 recordings: 1 waiting, 1 recording, 3 uploaded, 1 failed; 3 files, 9 calls" in last


@pytest.mark.anyio
async def test_what_is_said_meanwhile_stays_above_the_table_and_foreign_texts_are_escaped():
    board, output = screen()
    board.progress.see([known("\x1b[2Jevil", S.FAILED, failures=(LOST,))])
    board.open()
    board.say("Ctrl-C: stopping all")
    board.close()
    board.close()  # it is closed already
    board.sum_up()
    assert "0.0 s  Ctrl-C: stopping all" in output.getvalue()
    assert "'\\x1b[2Jevil/7': failed: lost: it is gone" in output.getvalue()
    assert "\x1b[2Jevil" not in output.getvalue()


@pytest.mark.anyio
async def test_what_is_logged_is_said_once_by_the_board():
    board, output = screen()
    board.open()
    log = logging.getLogger("agora_rec")
    log.warning(INCIDENT, "'a'", LOST)
    log.warning("the store is \x1b[2J%s", "away")
    log.info("all is well")
    board.close()
    log.warning("nobody listens")
    assert "0.0 s  the store is \\x1b[2Jaway" in output.getvalue()
    assert not re.search("it is gone|all is well|nobody", output.getvalue())


def test_each_change_is_news_once():
    progress = Progress.of([Spec("a", 7, mix(), key="k")])
    running = Known(spec=Spec("a", 7, mix(), key="k"), state=S.RECORDING)
    assert [(each.name, each.text) for each in progress.see([running])] == [("k", "recording")]
    assert progress.see([running]) == []
    lost = Known(spec=running.spec, state=S.FAILED, failures=(LOST,), error=FleetClosed())
    assert [each.text for each in progress.see([lost])] == ["lost: it is gone", "failed"]


def test_what_never_began_is_news_with_its_reason():
    progress = Progress()
    (refused,) = progress.see([known("a", S.NOT_STARTED, error=ValueError("because"))])
    assert refused.text == "not started: because"
    (nameless,) = progress.see([known("b", S.NOT_STARTED, error=ValueError())])
    assert nameless.text == "not started: ValueError"


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ((known("a", S.UPLOADED), known("b", S.BACKUPED)), ALL_RECORDED),
        ((known("a", S.UPLOADED), known("b", S.NO_DATA)), NOT_ALL_RECORDED),
        ((known("a", S.UPLOADED, takes=(take(ended=True),)),), ALL_RECORDED),
        ((known("a", S.NOT_STARTED), known("b", S.RECORDING, takes=(take(ended=False),))), MAY_RUN),
        ((known("a", S.UNCONFIRMED, takes=(take(ended=False),)),), MAY_RUN),
        ((known("a", S.FAILED, failures=(trouble(IncidentKind.OUT_OF_CONTROL, "433"),)),), MAY_RUN),
    ],
)
def test_the_exit_code_says_whether_all_was_recorded_and_whether_something_may_run(
    results: tuple[Known, ...], code: int
):
    progress = Progress()
    progress.see(results)
    assert progress.exit_code == code
    assert any(map(may_run, results)) is (code == MAY_RUN)


def test_what_nobody_begins_any_more_is_withdrawn():
    progress = Progress.of([Spec("a", 7, mix()), Spec("b", 7, mix())])
    progress.see([known("a", S.WITHDRAWN, error=FleetClosed())])
    assert [(each.name, each.text) for each in progress.withdraw()] == [("b/7", "withdrawn")]
    assert why(progress.results[1]) == ""
