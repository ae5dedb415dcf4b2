"""Checkpoints as text: everything comes back as it was, no secret goes in, nothing unknown is guessed at."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from agora_rec import Attempt, AttemptOutcome, Checkpoint, InvalidRequest, State, codec
from agora_rec.lifecycle import Change, FactKey, Standing
from agora_rec.lifecycle.moves import Move
from agora_rec.model import Encryption, Mode, RecordedFile, TrackType, choices
from agora_rec.store.checkpoint import FORMAT, Plan, Tried
from agora_rec.testing.store_contract import a_checkpoint
from agora_rec.vocabulary import OperationName, Region
from tests.support import secrets
from tests.support.cloud import individual, mix, web

FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MOMENTS = st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), timezones=st.just(UTC))
MAYBE_MOMENTS = st.none() | MOMENTS
UIDS = st.integers(1, 2**32 - 1)
FILES = st.builds(
    RecordedFile,
    TEXTS,
    track_type=st.none() | st.sampled_from(["audio", "video", "hologram"]).map(TrackType),
    uid=st.none() | st.integers(0, 2**32 - 1),
    mixed_all_user=st.none() | st.booleans(),
    is_playable=st.none() | st.booleans(),
    slice_start_time=MAYBE_MOMENTS,
)
MOVES = st.builds(
    Move,
    uid=UIDS,
    sequence=st.none() | st.integers(0, 10**6),
    sent_at=MAYBE_MOMENTS,
    is_told=st.booleans(),
)
STANDINGS = st.builds(
    Standing,
    state=st.sampled_from(State),
    resource_id=st.none() | TEXTS,
    acquired_at=MAYBE_MOMENTS,
    start_sent_at=MAYBE_MOMENTS,
    sid=st.none() | TEXTS,
    instance_uid=st.none() | UIDS,
    superseded=st.frozensets(UIDS, max_size=3),
    moves=st.lists(MOVES, max_size=3).map(tuple),
    files=st.lists(FILES, max_size=3).map(tuple),
    no_data=st.booleans(),
    reasons=st.frozensets(TEXTS, max_size=3),
    start_refused=st.booleans(),
    stop_requested=st.booleans(),
    stop_sent=st.booleans(),
    left_by=st.frozensets(st.none() | UIDS, max_size=3),
    ended_by=st.frozensets(st.tuples(st.none() | UIDS, st.sampled_from(State)), max_size=3),
    left_at=MAYBE_MOMENTS,
    exited_at=MAYBE_MOMENTS,
    confirmed_at=MAYBE_MOMENTS,
)
CHANGES = st.builds(
    Change,
    at=MOMENTS,
    fact=st.sampled_from(FactKey),
    before=st.sampled_from(State),
    after=st.sampled_from(State),
)
ATTEMPTS = st.builds(
    Attempt,
    host=TEXTS,
    outcome=st.sampled_from(AttemptOutcome),
    seconds=st.floats(0, 100),
    at=MOMENTS,
    waited=st.floats(0, 100),
    status=st.none() | st.integers(100, 599),
    code=st.none() | st.integers(0, 10**6),
    detail=TEXTS,
    request_id=st.none() | TEXTS,
)
TRIED = st.builds(Tried, operation=st.sampled_from(OperationName), attempt=ATTEMPTS)
PLANS = st.builds(
    Plan,
    until=MAYBE_MOMENTS,
    other_uid=st.none() | UIDS,
    follows=st.none() | TEXTS,
    beside=st.none() | TEXTS,
)
CHECKPOINTS = st.builds(
    Checkpoint,
    id=TEXTS,
    cname=TEXTS,
    uid=UIDS,
    mode=st.sampled_from([codec.dump_mode(mode) for mode in (mix(), individual(), web())]),
    has_token=st.booleans(),
    region=st.none() | st.sampled_from(["EU", "MOON"]).map(Region),
    resource_expired_hour=st.none() | st.integers(1, 720),
    exclude=st.lists(TEXTS, max_size=3).map(tuple),
    announce_start=st.booleans(),
    start_digest=st.none() | TEXTS,
    standing=STANDINGS,
    tried=st.lists(TRIED, max_size=3).map(tuple),
    calls=st.integers(0, 10**9),
    plan=st.none() | PLANS,
    history=st.lists(CHANGES, max_size=5).map(tuple),
    saved_at=MOMENTS,
)


@given(CHECKPOINTS)
def test_every_checkpoint_comes_back_as_it_was(checkpoint: Checkpoint) -> None:
    assert Checkpoint.from_json(checkpoint.to_json()) == checkpoint


@given(CHECKPOINTS)
def test_what_an_earlier_version_has_not_written_is_nothing(checkpoint: Checkpoint) -> None:
    tree = json.loads(checkpoint.to_json())
    for name in ("calls", "plan"):
        tree.pop(name, None)
    assert Checkpoint.from_json(json.dumps(tree)) == evolve(checkpoint, calls=0, plan=None)


@given(CHECKPOINTS)
def test_what_a_later_version_adds_is_ignored(checkpoint: Checkpoint) -> None:
    tree = json.loads(checkpoint.to_json())
    tree["added"] = tree["standing"]["added"] = [{"later": 1}]
    assert Checkpoint.from_json(json.dumps(tree)) == checkpoint


@given(st.text() | st.recursive(st.none() | st.booleans() | st.integers() | TEXTS, st.lists).map(json.dumps))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Checkpoint.from_json(text)
    assert [violation.path for violation in caught.value.violations] == ["checkpoint"]


@given(CHECKPOINTS, st.data())
def test_a_spoilt_field_is_read_or_refused(checkpoint: Checkpoint, data: st.DataObject) -> None:
    tree: dict[str, Any] = json.loads(checkpoint.to_json())
    name = data.draw(st.sampled_from(sorted(tree)))
    tree[name] = data.draw(st.none() | st.integers() | TEXTS | st.sampled_from([[], {"a": 1}, [[]]]))
    with suppress(InvalidRequest):
        assert isinstance(Checkpoint.from_json(json.dumps(tree)), Checkpoint)


def test_a_newer_format_is_refused_and_an_older_one_read() -> None:
    checkpoint = a_checkpoint("1")
    with pytest.raises(InvalidRequest, match=f"format {FORMAT} at most") as caught:
        Checkpoint.from_json(evolve(checkpoint, format=FORMAT + 1).to_json())
    assert caught.value.violations[0].path == "checkpoint.format"
    older = json.loads(checkpoint.to_json())
    del older["format"]
    assert Checkpoint.from_json(json.dumps(older)) == checkpoint


def test_a_checkpoint_whose_mode_cannot_be_read_is_refused() -> None:
    for mode in (
        "",
        "[]",
        '{"name":"hologram"}',
        '{"name":"mix","parameter":7}',
        '{"name":["mix"]}',
    ):
        with pytest.raises(InvalidRequest):
            Checkpoint.from_json(evolve(a_checkpoint("1"), mode=mode).to_json())


@pytest.mark.parametrize(
    "mode",
    [
        mix(
            encryption=Encryption(
                decryption_mode=choices.DecryptionMode.AES_256_GCM2,
                secret=secrets.ENCRYPTION_SECRET,
                salt=secrets.ENCRYPTION_SALT,
            )
        ),
        individual(),
        web(rtmp_urls=(secrets.RTMP_URL,)),
    ],
    ids=["mix", "individual", "web"],
)
def test_the_mode_is_kept_without_its_secrets_and_filled_with_them_again(mode: Mode) -> None:
    checkpoint = evolve(a_checkpoint("1"), mode=codec.dump_mode(mode))
    text = checkpoint.to_json()
    assert not secrets.shown_in(text)
    assert not secrets.shown_in(repr(checkpoint))
    again = Checkpoint.from_json(text)
    assert again.described_mode(mode) == mode
    assert again.described_mode() != mode
    assert codec.dump_mode(again.described_mode()) == again.mode


@pytest.mark.parametrize("state", State)
def test_what_is_unfinished_has_begun_and_not_ended(state: State) -> None:
    expected = state in (State.STARTING, State.RECORDING, State.STOPPING)
    assert a_checkpoint("1", state).is_unfinished == expected
