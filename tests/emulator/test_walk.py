"""Random programmes of calls, users and time: what must hold whatever happens."""

import random
from collections import Counter
from contextlib import suppress

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agora_rec.emulator import Cut, Delay, Fault, LoseAnswer, SessionView, Settings, SlowAnswer
from tests.emulator.stage import Stage, Started, example, set_stage

pytestmark = pytest.mark.untraced

STEPS = 60
NAMES = ["start_mix_hls", "start_mix_hls_mp4", "start_individual", "start_snapshot_only", "start_web_rtmp"]
CALLS = ["acquire", "start", "start", "query", "query", "update", "updateLayout", "stop"]
KINDS = [*CALLS, "time", "time", "users", "fault", "move"]
FAULTS: list[Fault] = [Delay(7), SlowAnswer(7), LoseAnswer(), Cut()]
KNOWN_CODES = {
    "acquire": {None, 2, 401, 406},
    "start": {None, 7, 2, 53, 433, 502},
    "query": {None, 404, 433},
    "update": {None, 2, 404, 433},
    "updateLayout": {None, 2, 404, 433},
    "stop": {None, 49, 50, 404, 433, 435},
}


class Walk:
    """One random programme, and what it has seen."""

    def __init__(self, stage: Stage, chance: random.Random) -> None:
        self.stage = stage
        self.chance = chance
        self.resources: list[tuple[str, str, str]] = []
        self.recordings: list[Started] = []
        self.seen: dict[str, SessionView] = {}
        self.moved: set[str] = set()

    async def step(self) -> None:
        chance, stage = self.chance, self.stage
        what = chance.choice(KINDS)
        if what == "time":
            stage.clock.pass_by(chance.choice([0.3, 1, 5, 20, 45, 400, 4000]))
        elif what == "users":
            channel = stage.emulator.channel(chance.choice("ab"))
            chance.choice([lambda: channel.join(11), lambda: channel.leave(11), channel.empty])()
        elif what == "fault":
            stage.emulator.inject(chance.choice(FAULTS))
        elif what == "move":
            for session in stage.emulator.running()[:1]:
                self.moved.add(session.sid)
                with suppress(ValueError):  # not ready yet, or being moved already
                    stage.emulator.fail_over(session.sid, seconds=chance.choice([5, 60]))
        else:
            await self.call(what)

    async def call(self, what: str) -> None:
        chance, stage = self.chance, self.stage
        if what == "acquire":
            name, cname, uid = chance.choice(NAMES), chance.choice("ab"), chance.choice("789")
            scene = 1 if name == "start_web_rtmp" else 0
            request = {"scene": scene, "resourceExpiredHour": chance.choice([1, 72])}
            answer = await stage.acquire(request, cname=cname, uid=uid)
            if answer.status_code == 200:
                self.resources.append((answer.json()["resourceId"], name, cname + uid))
        elif what == "start" and self.resources:
            resource_id, name, who = chance.choice(self.resources)
            mode = {"mix": "mix", "web": "web"}.get(name.split("_", 2)[1], "individual")
            request = example(name)
            answer = await stage.start(resource_id, request, mode=mode, cname=who[0], uid=who[1])
            if answer.status_code == 200:
                self.recordings.append(Started(resource_id, answer.json()["sid"], mode, who[0], who[1]))
        elif what != "start" and self.recordings:
            recording = chance.choice(self.recordings)
            answer = await (
                stage.query(recording) if what == "query" else stage.tell(recording, what, self.words(what))
            )
        else:
            return
        assert answer.json().get("code") in KNOWN_CODES[what], answer.text

    def words(self, what: str) -> object:
        if what == "stop":
            return {"async_stop": self.chance.random() < 0.5}
        if what == "updateLayout":
            return example("updateLayout")
        return example(self.chance.choice(["update_subscription", "update_onhold", "update_rtmp"]))

    def judge(self) -> None:
        """Recordings only go forwards, and no identity is ever recorded twice at once."""
        sessions = self.stage.emulator.sessions
        alive = Counter((session.cname, session.uid) for session in sessions if not session.gone)
        assert all(count == 1 for count in alive.values())
        for now in sessions:
            before = self.seen.get(now.sid)
            if before is not None:
                # With a server goes the MP4 file that it was writing.
                lost = [name for name in before.files if name not in now.files]
                assert len(lost) <= 1
                assert all(name.endswith(".mp4") for name in lost)
                assert not lost or now.sid in self.moved
                assert before.running or not now.running
                assert now.gone or not before.gone
                if before.ended_at is not None:
                    assert (now.ended_at, now.end_reason) == (before.ended_at, before.end_reason)
                    assert now.files == before.files
            assert not (now.running and now.gone)
            assert (now.ended_at is None) == now.running == (now.end_reason is None)
            self.seen[now.sid] = now
            life = self.stage.emulator.life(now.sid)
            assert [moment.at for moment in life] == sorted(moment.at for moment in life)


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False))
def test_recordings_only_go_forwards(chance: random.Random):
    async def play() -> None:
        async with set_stage(
            Settings(concurrent_limit=3, upload_seconds=chance.choice([0.0, 5.0, 30.0]))
        ) as stage:
            walk = Walk(stage, chance)
            for _ in range(STEPS):
                with suppress(httpx.RemoteProtocolError):  # a lost answer or a cut
                    await walk.step()
                walk.judge()

    anyio.run(play)
