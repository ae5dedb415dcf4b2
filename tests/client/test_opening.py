"""Opening a client whose store is away: waited for as long as is wanted, and tried again after that."""

from types import TracebackType
from typing import Self

import anyio
import anyio.lowlevel
import pytest
from attrs import define, field

from agora_rec import CloudRecording, StoreUnavailable
from agora_rec.testing import PatientClock
from tests.support.cloud import CNAME, UID, a_client, an_emulator, mix
from tests.support.stores import HandingOn

pytestmark = pytest.mark.anyio


@define(eq=False)
class Away(HandingOn):
    """A store whose server comes at some moment of a clock."""

    clock: PatientClock = field(kw_only=True)
    back_at: float = field(kw_only=True)
    is_open: bool = False
    tried: list[float] = field(factory=list[float])

    async def __aenter__(self) -> Self:
        self.tried.append(self.clock.monotonic())
        await anyio.lowlevel.checkpoint()
        if self.clock.monotonic() < self.back_at:
            raise StoreUnavailable("nobody there")
        self.is_open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.is_open = False


def a_pair(back_at: float, open_within: float) -> tuple[CloudRecording, Away]:
    clock = PatientClock(patience=0.0)
    store = Away(clock=clock, back_at=back_at)
    return a_client(an_emulator(latency=0), clock, store=store, open_within=open_within), store


def is_open(store: Away) -> bool:
    """Whether it is open, read anew."""
    return store.is_open


async def test_a_store_is_waited_for(caplog: pytest.LogCaptureFixture):
    cloud, store = a_pair(2.5, 10.0)
    async with cloud:
        assert is_open(store)
        assert store.tried == [0, 1, 2, 3]
        await cloud.recording(CNAME, UID, mix()).acquire()
    assert not is_open(store)
    assert caplog.text.count("the client waits for its store before it opens: The store can't be used.") == 3


@pytest.mark.parametrize(("open_within", "tried"), [(0.0, [0]), (2.5, [0, 1, 2, 2.5])])
async def test_it_is_waited_for_no_longer_than_that_and_opened_the_next_time(
    open_within: float, tried: list[float]
):
    cloud, store = a_pair(100, open_within)
    with pytest.raises(StoreUnavailable):
        async with cloud:
            pytest.fail("it is open")
    assert store.tried == tried
    with pytest.raises(RuntimeError, match="not open"):
        await cloud.recording(CNAME, UID, mix()).acquire()
    store.back_at = 0
    async with cloud:
        assert is_open(store)
        await cloud.recording(CNAME, UID, mix()).acquire()


async def test_whoever_gives_up_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch):
    cloud, store = a_pair(1000, 900)
    closed: list[bool] = []

    async def close() -> None:
        await anyio.lowlevel.checkpoint()
        closed.append(True)

    monkeypatch.setattr(cloud._transport, "aclose", close)
    with cloud.clock.move_on_after(5) as scope:
        await cloud.__aenter__()
    assert scope.cancelled_caught
    assert closed == [True]
    assert not is_open(store)
