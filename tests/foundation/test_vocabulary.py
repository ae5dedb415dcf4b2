"""Sets that the service may extend take what they don't know, and stay as they are."""

import pickle
from enum import Enum
from typing import Any

import pytest

from agora_rec import vocabulary
from agora_rec.vocabulary import OpenIntEnum, OpenStrEnum, Region, State, TaskStatus, UploadingStatus


@pytest.mark.parametrize(("kind", "new"), [(Region, "MOON"), (TaskStatus, 4711), (UploadingStatus, "lost")])
def test_an_unknown_value_is_a_member_that_says_so(kind: Any, new: str | int):
    before = list(kind)
    member = kind(new)
    assert member == new
    assert member.value == new
    assert not member.is_known
    assert isinstance(member, kind)
    assert list(kind) == before


@pytest.mark.parametrize("kind", [Region, TaskStatus, UploadingStatus])
def test_a_known_value_is_the_one_member(kind: Any):
    for member in kind:
        assert kind(member.value) is member
        assert member.is_known


@pytest.mark.parametrize(
    ("kind", "junk"),
    [(Region, 4), (Region, None), (TaskStatus, "5"), (TaskStatus, None), (TaskStatus, 1.5)],
)
def test_a_value_of_another_type_is_refused(kind: Any, junk: object):
    with pytest.raises(ValueError, match="is not a valid"):
        kind(junk)


def test_an_older_spelling_is_read():
    assert UploadingStatus("unknow") is UploadingStatus.UNKNOWN


def test_the_ends_are_the_last_three_states():
    assert [state for state in State if state.is_end] == [State.UPLOADED, State.BACKUPED, State.FAILED]


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in vars(vocabulary).values()
        if isinstance(kind, type) and issubclass(kind, Enum) and kind.__module__ == vocabulary.__name__
    ],
)
def test_every_word_can_be_pickled(kind: Any):
    assert kind in {OpenStrEnum, OpenIntEnum} or len(kind)
    for member in kind:
        assert pickle.loads(pickle.dumps(member)) is member  # noqa: S301 - our own
