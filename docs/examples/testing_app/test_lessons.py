"""The application on good days and on bad ones. All that these tests need comes with `agora-rec[testing]`."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import ASGITransport, AsyncClient
from lessons import create_app

from agora_rec.emulator import EndReason, LoseAnswer, Refuse, WebhookSwitches
from agora_rec.testing import StagedCloud, StagedEmulator


@pytest.fixture
def agora_emulator_options() -> dict[str, Any]:
    """Where the application takes webhooks."""
    return {"webhooks": WebhookSwitches(path="/agora/")}


@pytest.fixture
def app(agora_emulator: StagedEmulator, agora_cloud: StagedCloud, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """The application, with a client of the emulator, and with the emulator's webhooks."""
    monkeypatch.setenv("AGORA_STORAGE_ACCESS_KEY", "id")
    monkeypatch.setenv("AGORA_STORAGE_SECRET_KEY", "key")
    agora_emulator.webhooks_to = app = create_app(agora_cloud)
    return app


@pytest.fixture
def web(app: FastAPI) -> Iterator[TestClient]:
    """A browser of the application, which runs."""
    with TestClient(app) as client:
        yield client


def test_a_lesson_is_recorded_until_it_ends(web: TestClient, agora_emulator: StagedEmulator) -> None:
    assert web.post("/lessons/physics").status_code == 200
    (session,) = agora_emulator.running()
    assert session.cname == "physics"

    agora_emulator.advance(45 * 60)  # takes no time
    assert web.delete("/lessons/physics").status_code == 200

    assert not agora_emulator.running()


def test_its_files_are_known_when_the_webhook_has_come(
    web: TestClient, agora_emulator: StagedEmulator
) -> None:
    web.post("/lessons/physics")
    agora_emulator.advance(45 * 60)
    web.delete("/lessons/physics")
    assert web.get("/lessons/physics/files").json() == []

    agora_emulator.advance(60)

    (session,) = agora_emulator.sessions
    assert web.get("/lessons/physics/files").json() == list(session.files) != []


def test_an_empty_classroom_ends_the_recording(web: TestClient, agora_emulator: StagedEmulator) -> None:
    web.post("/lessons/physics")
    agora_emulator.advance(45 * 60)
    agora_emulator.channel("physics").empty()

    agora_emulator.advance(2 * 60)

    (session,) = agora_emulator.sessions
    assert session.end_reason is EndReason.IDLE
    assert web.get("/lessons/physics/files").json() == list(session.files)


@pytest.mark.agora_faults(LoseAnswer(), operation="start")
def test_a_lost_answer_is_nobodys_problem(web: TestClient, agora_emulator: StagedEmulator) -> None:
    assert web.post("/lessons/physics").status_code == 200
    assert len(agora_emulator.running()) == 1


@pytest.mark.agora_faults(Refuse(400, code=2), operation="start")
def test_what_is_not_recorded_is_said(web: TestClient, agora_emulator: StagedEmulator) -> None:
    assert web.post("/lessons/physics").status_code == 503
    assert not agora_emulator.sessions


@pytest.mark.agora_emulator(concurrent_limit=1)
def test_two_lessons_are_one_too_many(web: TestClient) -> None:
    assert web.post("/lessons/physics").status_code == 200
    assert web.post("/lessons/chemistry").status_code == 503


@pytest.mark.anyio
async def test_a_test_may_be_a_coroutine(
    app: FastAPI, agora_emulator: StagedEmulator, agora_cloud: StagedCloud
) -> None:
    async with agora_cloud, AsyncClient(transport=ASGITransport(app), base_url="http://lessons") as web:
        await web.post("/lessons/physics")
        await agora_emulator.sleep(45 * 60)
        await web.delete("/lessons/physics")
        await agora_emulator.sleep(60)
        await agora_emulator.settled()

        (session,) = agora_emulator.sessions
        assert (await web.get("/lessons/physics/files")).json() == list(session.files)
