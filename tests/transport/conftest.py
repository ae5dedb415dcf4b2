"""The three ways on which a call travels, for modules that try each of them over real sockets."""

from typing import Any

import pytest

from agora_rec.transport import wires


@pytest.fixture(
    params=[("asyncio", "httpx"), ("trio", "httpx"), ("asyncio", "aiohttp")], ids="-".join, name="stack"
)
def an_event_loop_and_a_library(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def the_library(stack: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    if stack[1] == "httpx":
        monkeypatch.setattr(wires, "_over_aiohttp", lambda: None)
