"""A small session itself: it finds nothing in the emulator, and every mistake that is planted there."""

from typing import Any

import pytest

from agora_rec.emulator.app import AsgiApp
from tests.openapi import session
from tests.openapi.session import run
from tests.schema.test_judge import boom, spoilt


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(session._EXAMPLES, "schemathesis", 3)
    monkeypatch.setattr(session, "_CHOSEN", ("clock", "ncs_ip_v1", "query_mix", "stop_web"))


def test_a_small_one_reaches_recordings_and_finds_nothing():
    report = run("schemathesis", cases=1)
    assert report.faults == {}
    assert set(report.by_operation) == {"clock", "ncs_ip_v1", "query_mix", "stop_web"}
    assert report.deep > 0
    assert {200, 400, 401} <= set(report.by_status)
    assert sum(report.by_status.values()) == report.cases == sum(report.by_operation.values())


def test_programmes_reach_recordings_and_find_nothing():
    report = run("programmes", cases=100)
    assert report.faults == {}
    assert report.cases == sum(report.by_operation.values()) >= 100
    assert report.deep > 10


def kinder(app: AsgiApp) -> AsgiApp:
    """An emulator that takes everybody's word for who they are."""

    async def without_credentials(scope: Any, receive: Any, send: Any) -> None:
        headers = [pair for pair in scope["headers"] if pair[0] != b"authorization"]
        await app({**scope, "headers": [*headers, (b"authorization", RIGHT)]}, receive, send)

    return without_credentials


RIGHT = b"Basic ZW11bGF0ZWQtY3VzdG9tZXI6ZW11bGF0ZWQtc2VjcmV0"


def cut(app: AsgiApp) -> AsgiApp:
    """An emulator whose answers about addresses are shorter than they say."""

    async def cutting(scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            await send({**message, "body": b"{}"} if message.get("body") else message)

        await app(scope, receive, sending if scope["path"].endswith("/ncs/ip") else send)

    return cutting


@pytest.mark.parametrize(
    ("mistake", "found"),
    [
        (lambda app: spoilt(app, "/query", boom), "ZeroDivisionError"),
        (
            lambda app: spoilt(app, "/query", lambda body: body.replace(b'"status":', b'"state":')),
            "query_mix",
        ),
        (lambda app: spoilt(app, "/ncs/ip", lambda _: b"<html>"), "ncs_ip_v1"),
        (lambda app: spoilt(app, "/clock", lambda body: body.replace(b"true", b'"yes"')), "clock"),
        (kinder, "ncs_ip_v1"),
        (cut, "/v1/ncs/ip"),
    ],
)
def test_a_planted_mistake_is_found(mistake: Any, found: str):
    report = run("schemathesis", cases=1, wrap=mistake)
    assert any(found in what for what in report.faults)
