"""Renewing temporary storage keys: when, how often it is tried again, and what may never be told of them."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final, cast

import anyio
import pytest
from attrs import define, field

from agora_rec import AmazonS3, Checkpoint, Mix, Secrets
from agora_rec.emulator import Refuse
from agora_rec.supervision import Charge, IncidentKind
from tests.supervision.desk import Desk, desk
from tests.support import secrets
from tests.support.backends import virtual_time
from tests.support.cloud import QUERY, UPDATE, bucket

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

HOUR: Final = 3600.0
FAR: Final = datetime(2100, 1, 1, tzinfo=UTC)


def keys(**more: Any) -> AmazonS3:
    """Temporary keys that last for a while."""
    return bucket(**({"sts_token": secrets.STS_TOKEN, "sts_expiration": FAR} | more))


@define(eq=False)
class Provider:
    """Gives new keys, or does what a test wants instead."""

    instead: Callable[[], Awaitable[Any]] | None = None
    asked: list[Checkpoint] = field(factory=list)

    async def __call__(self, checkpoint: Checkpoint) -> Secrets:
        self.asked.append(checkpoint)
        later = FAR + timedelta(hours=len(self.asked))
        keys_ = Secrets(storage=keys(sts_expiration=later))
        return keys_ if self.instead is None else cast("Secrets", await self.instead())


@asynccontextmanager
async def renewing(
    provider: Provider | None, storage: AmazonS3 | None = None
) -> AsyncGenerator[tuple[Desk, Charge]]:
    """A recording with temporary keys, which is looked after."""
    async with desk(client={"secrets": provider}, latency=0) as at:
        recording = at.on.recording(mode=Mix(storage=storage or keys()))
        await recording.ensure_started()
        if provider is not None:
            provider.asked.clear()
        yield at, at.look_after(recording)


def sent(at: Desk) -> list[float]:
    """When keys were sent, in minutes."""
    return [round(seconds / 60, 1) for seconds in at.on.times_of(UPDATE)]


async def test_new_keys_are_sent_every_hour():
    provider = Provider()
    async with renewing(provider) as (at, charge):
        began = at.on.clock.monotonic()
        await anyio.sleep(3.5 * HOUR)
        assert [seconds - began for seconds in at.on.times_of(UPDATE)] == [3600, 7200, 10800]
        assert [each.id for each in provider.asked] == [charge.recording.id] * 3
        assert at.owner.told == []
        storage = charge.recording.mode.storage
        assert isinstance(storage, AmazonS3)
        assert storage.sts_expiration == FAR + timedelta(hours=3), "who replaces it needs the last ones"


async def test_keys_that_are_none_of_these_are_never_renewed():
    provider = Provider(instead=no_keys)
    async with renewing(provider, bucket()) as (at, charge):
        await anyio.sleep(2 * HOUR)
        assert (provider.asked, sent(at), charge.renew_at) == ([], [], None)


async def no_keys() -> Secrets:
    return Secrets(token=None)


async def another_bucket() -> Secrets:
    return Secrets(storage=keys(bucket="another"))


async def broken() -> Secrets:
    raise OSError(f"no connection for {secrets.SECRET_KEY}")


@pytest.mark.parametrize(
    ("instead", "words"),
    [
        (no_keys, "the storage in what `secrets` gives"),
        (another_bucket, "only its keys may differ"),
        (broken, "OSError was raised"),
        (anyio.sleep_forever, "an answer of `secrets` within 60 s"),
    ],
    ids=["no keys", "another bucket", "broken", "no answer"],
)
async def test_a_provider_who_fails_is_told_of_and_asked_again(
    instead: Callable[[], Awaitable[Any]], words: str
):
    provider = Provider()
    async with renewing(provider) as (at, charge):
        provider.instead = instead
        await anyio.sleep(HOUR + 61)
        assert at.owner.kinds[:1] == [IncidentKind.RENEWAL_FAILED]
        assert words in at.owner.texts[0]
        assert not any(secrets.NEEDLE in text for text in at.owner.texts)
        await anyio.sleep(100)
        assert len(provider.asked) >= 2
        assert sent(at) == []
        provider.instead = None
        await anyio.sleep(400)
        assert len(sent(at)) == 1
        assert charge.renewals_failed == 0


async def test_it_is_tried_again_after_one_two_and_then_every_five_minutes():
    provider = Provider()
    async with renewing(provider) as (at, charge):
        provider.instead = broken
        moments: list[float] = []
        while len(moments) < 5:
            asked = len(provider.asked)
            while len(provider.asked) == asked:  # noqa: ASYNC110 - nobody tells
                await anyio.sleep(1)
            moments.append(at.on.clock.monotonic())
        gaps = [b - a for a, b in pairwise(moments)]
        assert gaps == pytest.approx([60, 120, 300, 300], abs=1.1)
        assert charge.renewals_failed == 5


async def test_an_update_that_is_refused_is_a_renewal_that_failed():
    async with renewing(Provider()) as (at, _):
        at.on.emulator.inject(Refuse(400, code=2, reason="bad"), operation=UPDATE)
        await anyio.sleep(HOUR + 70)
        assert at.owner.kinds == [IncidentKind.RENEWAL_FAILED]
        assert len(sent(at)) == 2


async def test_without_a_provider_it_is_told_once_that_nobody_can_renew_them():
    async with renewing(None) as (at, charge):
        await anyio.sleep(3 * HOUR)
        assert at.owner.kinds == [IncidentKind.RENEWAL_FAILED]
        assert "the client's `secrets`" in at.owner.texts[0]
        assert charge.renew_at is None


async def test_a_provider_who_never_answers_keeps_neither_looks_nor_the_stop_waiting():
    provider = Provider()
    async with renewing(provider) as (at, charge):
        provider.instead = anyio.sleep_forever
        await anyio.sleep(HOUR + 1)
        assert charge.is_busy
        charge.until = at.on.clock.now() + timedelta(seconds=10)
        at.supervisor.touch(charge)
        await anyio.sleep(15)
        assert at.on.running == []
        assert charge.is_closed
        await anyio.sleep(60)
        assert at.owner.told == ["left", "ended"], "what has ended needs no keys"


async def test_looks_go_on_where_the_provider_never_answers():
    provider = Provider()
    async with renewing(provider) as (at, _):
        provider.instead = anyio.sleep_forever
        await anyio.sleep(HOUR)
        before = len(at.on.calls(QUERY))
        await anyio.sleep(1200)
        assert len(at.on.calls(QUERY)) - before >= 8


async def test_what_ends_while_its_keys_are_asked_for_gets_none():
    provider = Provider()
    async with renewing(provider) as (at, charge):

        async def stop_first() -> Secrets:
            await charge.recording.stop()
            return Secrets(storage=keys())

        provider.instead = stop_first
        await anyio.sleep(HOUR + 100)
        assert (sent(at), at.owner.kinds) == ([], [])


async def test_whoever_goes_on_with_it_renews_keys_whose_hour_is_over():
    provider = Provider()
    async with renewing(provider) as (at, charge):
        at.supervisor.dismiss(charge)
        await anyio.sleep(1.5 * HOUR)
        at.look_after(charge.recording)
        await anyio.sleep(1)
        assert len(sent(at)) == 1
