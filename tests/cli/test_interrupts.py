"""Signals are heard by their names; where the event loop can't listen, waiting for one never ends."""

import os
import signal
from contextlib import aclosing
from typing import NoReturn

import anyio
import pytest

from agora_rec.cli.interrupts import interrupted, interrupts

pytestmark = pytest.mark.anyio


async def test_without_signals_it_waits_for_ever(monkeypatch: pytest.MonkeyPatch):
    def unsupported(*_: object) -> NoReturn:
        raise NotImplementedError

    monkeypatch.setattr(anyio, "open_signal_receiver", unsupported)
    with anyio.move_on_after(0.02) as scope:
        await interrupted()
    assert scope.cancelled_caught


async def test_each_signal_is_heard_by_its_name_until_nobody_listens():
    heard: list[str] = []

    async def listen() -> None:
        async with aclosing(interrupts()) as names:
            async for name in names:
                heard.append(name)
                received.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listen)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGINT):
            await anyio.wait_all_tasks_blocked()
            received = anyio.Event()
            os.kill(os.getpid(), number)
            await received.wait()
        tasks.cancel_scope.cancel()
    assert heard == ["SIGTERM", "Ctrl-C", "Ctrl-C"]
