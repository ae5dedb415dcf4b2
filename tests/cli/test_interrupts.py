"""Where the event loop can't listen to signals, waiting for one never ends by itself."""

from typing import NoReturn

import anyio
import pytest

from agora_rec.cli.interrupts import interrupted

pytestmark = pytest.mark.anyio


async def test_without_signals_it_waits_for_ever(monkeypatch: pytest.MonkeyPatch):
    def unsupported(*_: object) -> NoReturn:
        raise NotImplementedError

    monkeypatch.setattr(anyio, "open_signal_receiver", unsupported)
    with anyio.move_on_after(0.02) as scope:
        await interrupted()
    assert scope.cancelled_caught
