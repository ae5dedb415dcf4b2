"""A secret is used and never shown."""

import copy
import pickle

import pytest

from agora_rec.secret import MASK, Secret, hide
from tests.support.secrets import SECRET_KEY, shown_in


def test_only_reveal_gives_the_text():
    secret = Secret(SECRET_KEY)
    assert secret.reveal() == SECRET_KEY
    assert not shown_in(f"{secret} {secret!r} {[secret]} {secret:}")
    assert str(secret) == MASK


def test_a_secret_of_a_secret_is_the_same_one():
    assert Secret(Secret(SECRET_KEY)).reveal() == SECRET_KEY


def test_secrets_are_equal_by_their_text_and_to_nothing_else():
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("é\udc80") == Secret("é\udc80")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_an_empty_secret_is_false():
    assert not Secret("")
    assert Secret("a")


def test_a_secret_can_be_copied_and_not_pickled():
    secret = Secret(SECRET_KEY)
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret]) == [secret]
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(secret)


def test_hide_leaves_nothing_as_nothing():
    assert hide(None) is None
    assert hide(SECRET_KEY) == Secret(SECRET_KEY)
