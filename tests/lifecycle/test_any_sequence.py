"""No sequence of commands and facts leads anywhere that the design doesn't know (hypothesis, stateful)."""

from datetime import datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agora_rec.errors import IllegalTransition, ResourceExpired
from agora_rec.lifecycle import Fact, FactKey, RefusalKind, Standing, Verdict, facts
from agora_rec.model import RecordedFile
from agora_rec.vocabulary import Command, ModeName, State
from tests.lifecycle.samples import NOW, UID

pytestmark = pytest.mark.untraced

RANK = {State.FAILED: 1, State.UPLOADED: 2, State.BACKUPED: 3}
"""How far up an end is; what hasn't ended is below all of them."""
NEVER_STARTED = frozenset({State.IDLE, State.ACQUIRED, State.STARTING, State.FAILED})
WAYS_OUT_OF_STARTING = {
    FactKey.STARTED: State.RECORDING,
    FactKey.START_REFUSED_RESOURCE: State.IDLE,
    FactKey.START_REFUSED_FOR_GOOD: State.FAILED,
    FactKey.START_REFUSED: State.ACQUIRED,
}

uids = st.sampled_from([UID, 7, 8])
numbers = st.none() | st.integers(0, 3)
moments = st.none() | st.integers(0, 3).map(lambda seconds: NOW + timedelta(seconds=seconds))
sids = st.sampled_from(["sid-1", "sid-2"])
words = st.sampled_from(["why", "because"])
names = st.sampled_from(["a.m3u8", "a_0.mp4", "b.m3u8"])
files = st.lists(
    st.builds(RecordedFile, name=names, uid=st.none() | uids, is_playable=st.none() | st.booleans()),
    max_size=2,
).map(tuple)
instances = st.none() | uids
starts: st.SearchStrategy[Fact] = st.one_of(
    st.builds(facts.Acquired, resource_id=st.sampled_from(["Qm3", "Qm4"])),
    st.builds(facts.Expired),
    st.builds(facts.AlternateTaken),
    st.builds(facts.StartSent, instance_uid=st.sampled_from([None, UID])),
    st.builds(facts.Started, sid=sids),
    st.builds(facts.StartRefused, kind=st.sampled_from(RefusalKind), reason=words),
    st.builds(facts.StartUnanswered),
)
middles: st.SearchStrategy[Fact] = st.one_of(
    st.builds(facts.StopRequested),
    st.builds(facts.StopSent),
    st.builds(facts.StopFailed, reason=words),
    st.builds(facts.StopAcknowledged, files=files),
    st.builds(facts.Alive, files=files),
    st.builds(facts.Confirmed, files=files),
    st.builds(facts.Suspected, reason=words),
    st.builds(facts.FailedOver, new_uid=uids, sequence=numbers, sent_at=moments),
    st.builds(facts.HeardFrom, instance_uid=uids, sent_at=moments),
)
ends: st.SearchStrategy[Fact] = st.one_of(
    st.builds(facts.Left, reason=words, files=files, instance_uid=instances),
    st.builds(facts.Exited, files=files, instance_uid=instances),
    st.builds(facts.EndedWithoutFiles, reason=words, files=files, instance_uid=instances),
    st.builds(facts.OutOfControl, reason=words),
    st.builds(facts.NoRecordedData),
    st.builds(facts.Uploaded, files=files, instance_uid=instances),
    st.builds(facts.Backuped, files=files, instance_uid=instances),
)


def known_instances(standing: Standing) -> frozenset[int | None]:
    """All instances that are known of it, if any is."""
    known: frozenset[int | None] = standing.superseded | {standing.instance_uid}
    return known - {None}


class AnySequence(RuleBasedStateMachine):
    """A caller that asks for anything, a service that says anything, and time that passes."""

    def __init__(self) -> None:
        super().__init__()
        self.now: datetime = NOW
        self.standing = Standing(instance_uid=UID)
        self.remembered_stop = False

    def absorb(self, fact: Fact) -> None:
        """Take in a fact, and compare what was with what is."""
        before, key = self.standing, self.standing.key_of(fact)
        after = before.absorb(fact, at=self.now)
        assert after.absorb(fact, at=self.now + timedelta(hours=1)) == after, "twice is as once"
        moves = isinstance(fact, facts.FailedOver | facts.HeardFrom)
        assert moves or RANK.get(after.state, 0) >= RANK.get(before.state, 0), "ends only move up"
        if before.state is State.STARTING:
            assert after.state is WAYS_OUT_OF_STARTING.get(key, State.STARTING)
        if before.sid is not None:
            assert after.sid == before.sid
            assert after.resource_id == before.resource_id
        assert {each.name for each in after.files} >= {each.name for each in before.files}
        assert after.reasons >= before.reasons
        assert after.no_data >= before.no_data
        assert before.sid is None or known_instances(after) >= known_instances(before)
        assert after.instance_uid not in after.superseded
        if after.instance_uid != before.instance_uid:
            assert moves or before.sid is None
        self.standing = after
        self.follow_the_stop(before, fact)

    def follow_the_stop(self, before: Standing, fact: Fact) -> None:
        """Keep account of a remembered stop: it is sent, or the start was refused, or it is known still."""
        match fact:
            case facts.StopRequested() if before.state is State.STARTING:
                self.remembered_stop = True
            case facts.StartRefused() if before.state is State.STARTING:
                self.remembered_stop = False
            case facts.StopSent() if before.sid is not None:
                self.remembered_stop = False
            case _:
                pass
        if self.remembered_stop:
            assert self.standing.stop_requested

    def judge(self, command: Command, mode: ModeName) -> Verdict | None:
        """The verdict on a command; None if it is illegal."""
        try:
            return self.standing.judge(command, at=self.now, mode=mode)
        except IllegalTransition:
            return None
        except ResourceExpired:
            return Verdict.TOO_LATE

    @rule(command=st.sampled_from(Command), mode=st.sampled_from(ModeName), answer=st.none() | starts)
    def ask(self, command: Command, mode: ModeName, answer: Fact | None) -> None:
        """Give a command; if it is legal, do what the client would do, and let the service answer or not."""
        before = self.standing
        verdict = self.judge(command, mode)
        assert self.standing == before
        if verdict is None:
            can_be_stopped = before.state is State.RECORDING and not before.stop_requested
            assert not (command is Command.STOP and can_be_stopped)
            return
        match command, verdict:
            case Command.START, Verdict.TOO_LATE:
                self.absorb(facts.Expired())
                assert self.standing.state is State.IDLE
            case Command.STOP, Verdict.REMEMBER:
                self.absorb(facts.StopRequested())
            case Command.STOP, _:
                self.absorb(facts.StopSent())
                assert self.standing.state is State.STOPPING
            case Command.START, _:
                self.absorb(facts.StartSent())
                assert self.standing.state is State.STARTING
            case Command.ACQUIRE, _:
                self.absorb(facts.Acquired(resource_id=f"Qm-{self.now.isoformat()}"))
                assert self.standing.state is State.ACQUIRED
            case _:
                assert before.sid is not None
        if answer is not None:
            self.absorb(answer)

    @precondition(lambda self: self.standing.state in {State.IDLE, State.ACQUIRED, State.STARTING})
    @rule(fact=starts)
    def hear_of_the_start(self, fact: Fact) -> None:
        """Something is said of a start; most of it matters in these states only."""
        self.absorb(fact)

    @rule(fact=st.one_of(starts, middles))
    def hear_anything(self, fact: Fact) -> None:
        """Something is said that may be late, repeated or about another one."""
        self.absorb(fact)

    @rule(fact=ends)
    def hear_of_the_end(self, fact: Fact) -> None:
        """An end is said, whoever's it is."""
        self.absorb(fact)

    @rule(seconds=st.sampled_from([1, 60, 299, 301]))
    def wait(self, seconds: int) -> None:
        """Time passes: resource IDs lapse."""
        self.now += timedelta(seconds=seconds)

    @invariant()
    def the_state_is_one_of_the_eight(self) -> None:
        """Whatever happened."""
        assert self.standing.state in State

    @invariant()
    def only_what_started_has_a_sid(self) -> None:
        """And what has one never goes back."""
        started = self.standing.state not in NEVER_STARTED
        if started or self.standing.sid is not None:
            assert self.standing.sid is not None
            assert started or self.standing.state is State.FAILED

    @invariant()
    def what_may_be_started_has_a_resource_id(self) -> None:
        """Nothing can be started without."""
        if self.standing.state in {State.ACQUIRED, State.STARTING}:
            assert self.standing.resource_id is not None
            assert self.standing.acquired_at is not None

    @invariant()
    def the_state_is_what_all_reports_say_together(self) -> None:
        """Whatever their order was: an end that counts, or stopping, or none of both."""
        if self.standing.sid is None:
            return
        goes_on = State.STOPPING if self.standing.has_left or self.standing.stop_sent else State.RECORDING
        assert self.standing.state is (self.standing.end or goes_on)


TestAnySequence = AnySequence.TestCase
