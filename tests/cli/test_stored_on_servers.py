"""`agora-rec list` and `explain` on the stores of real servers: their passwords come from the environment."""

from collections.abc import Iterator

import anyio
import pytest
from attrs import evolve
from click.testing import CliRunner

from agora_rec import Secret, State, store_from_url
from agora_rec.cli.commands import command
from tests.recording.explaining.test_rules import known
from tests.support.postgres import PASSWORD, served_postgres
from tests.support.secrets import NEEDLE
from tests.support.valkey import Valkey


@pytest.fixture(params=["valkey", "postgres"])
def url(request: pytest.FixtureRequest) -> Iterator[Secret]:
    """Where a server is."""
    if request.param == "valkey":
        with Valkey(NEEDLE) as server:
            yield Secret(server.tcp_url)
    else:
        with served_postgres() as served:
            yield Secret(served.url())


def test_what_a_server_keeps_is_listed_and_explained(url: Secret) -> None:
    checkpoint = evolve(known(State.RECORDING), key="lesson-7")

    async def save() -> None:
        async with store_from_url(url) as store:
            await store.save(checkpoint, version=0)

    anyio.run(save)
    for arguments in (["list"], ["explain", "lesson-7"], ["explain", checkpoint.standing.sid or ""]):
        result = CliRunner().invoke(command, arguments, env={"AGORA_STORE": url.reveal()})
        assert result.exit_code == 0, result.output
        assert "lesson-7" in result.output
        assert not any(secret in result.output for secret in (NEEDLE, PASSWORD))
