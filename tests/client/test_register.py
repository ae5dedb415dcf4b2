"""Recordings are known by their names for as long as somebody holds them."""

import gc

import pytest

from agora_rec.lifecycle import facts
from agora_rec.register import Register
from tests.support.backends import virtual_time
from tests.support.cloud import stage

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time


async def test_a_recording_that_nobody_holds_is_forgotten_under_all_its_names() -> None:
    async with stage() as on:
        register: Register = on.cloud._register
        never_begun = on.recording()
        recording = await on.started()
        names = recording.id, recording.sid or ""
        assert register.find(names[0]) is register.find_by_sid(names[1]) is recording
        assert list(register.made) == [never_begun, recording]
        recording._ledger.absorb(facts.Uploaded())
        del recording, never_begun
        gc.collect()
        assert not register.made
        assert register.find(names[0]) is register.find_by_sid(names[1]) is None


async def test_names_that_have_passed_to_another_one_are_kept_for_that() -> None:
    async with stage() as on:
        register: Register = on.cloud._register
        recording = await on.started()
        recording._ledger.absorb(facts.Uploaded())
        checkpoint = recording.checkpoint()
        other = on.cloud.attach(checkpoint)
        assert other is not recording
        del recording
        gc.collect()
        assert register.made == (other,)
        assert register.find(other.id) is register.find_by_sid(other.sid or "") is other
