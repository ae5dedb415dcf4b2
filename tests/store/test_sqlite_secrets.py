"""No secret is in the file: recordings of each mode, with every secret that there is, from claim to end."""

from pathlib import Path

import pytest

from agora_rec import CloudRecording, LoopClock, Mode
from agora_rec.emulator import Emulator
from agora_rec.store.sqlite import SQLiteStore
from tests.project.test_secrets import MODES
from tests.support import secrets
from tests.support.backends import virtual_time

anyio_backend = virtual_time
pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
async def test_no_secret_is_in_the_file(tmp_path: Path, mode: Mode):
    clock = LoopClock()
    emulator = Emulator(
        customer_id=secrets.CUSTOMER_ID, customer_secret=secrets.CUSTOMER_SECRET, clock=clock, qps=None
    )
    async with (
        SQLiteStore(tmp_path / "store.db", clock=clock) as store,
        CloudRecording(
            emulator.app_id,
            customer_id=secrets.CUSTOMER_ID,
            customer_secret=secrets.CUSTOMER_SECRET,
            base_url=emulator.base_url,
            transport=emulator.transport(),
            clock=clock,
            store=store,
            qps=None,
        ) as cloud,
    ):
        recording = await cloud.claim("lesson", cname="secret-lesson", uid=7, mode=mode, token=secrets.TOKEN)
        async with recording:
            await recording.wait_started()
            found = b"".join(each.read_bytes() for each in tmp_path.iterdir())
        await recording.wait_finished()
        found += b"".join(each.read_bytes() for each in tmp_path.iterdir())
    found += (tmp_path / "store.db").read_bytes()
    assert found.count(b"secret-lesson") > 5
    assert not secrets.shown_in(found.decode("latin-1"))
