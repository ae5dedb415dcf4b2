"""Whole lives as the emulator notifies of them: read, absorbed in any order, and compared with the truth."""

import json
import random

import pytest
from attrs import evolve

from agora_rec.emulator import Notice, SessionView
from agora_rec.lifecycle import Standing
from agora_rec.lifecycle.heard import facts_heard
from agora_rec.model.events import EVENTS
from agora_rec.notifications import Notification, parse
from agora_rec.vocabulary import State, UploadingStatus
from tests.emulator.programmes import PROGRAMMES
from tests.emulator.stage import set_stage

pytestmark = pytest.mark.anyio

ENDS = {UploadingStatus.UPLOADED: State.UPLOADED, UploadingStatus.BACKUPED: State.BACKUPED}


def read(notice: Notice) -> Notification:
    """What comes in, as if its envelope had been on the wire."""
    envelope = {"noticeId": f"n-{notice.number}", "productId": 3, "eventType": int(notice.event_type)}
    return parse(
        json.dumps({**envelope, "notifyMs": 1780000006000, "payload": dict(notice.payload)}).encode()
    )


async def life(programme: str) -> tuple[list[Notification], SessionView]:
    """All that is said in a life, and what it really came to."""
    settings, play = PROGRAMMES[programme]
    async with set_stage(settings) as stage:
        await play(stage)
        stage.clock.pass_by(300)
        return [read(notice) for notice in stage.emulator.notices], stage.emulator.sessions[0]


def told(notifications: list[Notification], truth: SessionView) -> Standing:
    """What is known of a recording whose start's answer was lost, when all of this has come in."""
    standing = Standing(
        state=State.STARTING,
        resource_id=truth.resource_id,
        acquired_at=truth.started_at,
        start_sent_at=truth.started_at,
        instance_uid=int(truth.uid),
    )
    for notification in notifications:
        for fact in facts_heard(notification):
            standing = standing.absorb(fact, at=truth.started_at)
    return evolve(standing, left_at=None, exited_at=None, confirmed_at=None)


@pytest.mark.parametrize("programme", PROGRAMMES)
async def test_a_life_is_known_from_what_is_said_of_it_in_any_order(programme: str):
    notifications, truth = await life(programme)
    for notification in notifications:
        assert type(notification.event) is EVENTS[notification.event_type]
        assert notification.event.extra == {}
    standing = told(notifications, truth)
    assert (standing.sid, standing.instance_uid) == (truth.sid, int(truth.instance_uid))
    if truth.uploading_status is not None:
        assert standing.state is ENDS[truth.uploading_status]
    else:
        assert standing.state is (State.RECORDING if truth.running else State.FAILED)
    assert {file.name for file in standing.files} >= set(truth.files)
    dice = random.Random(programme)
    for _ in range(20):
        shuffled = [*notifications, *dice.choices(notifications, k=10)]
        dice.shuffle(shuffled)
        assert told(shuffled, truth) == standing
