"""Secrets: used, compared, never shown, never written anywhere by accident."""

import copy
import json
import pickle
from collections.abc import Callable

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from agora_rec.secret import MASK, Secret, hide, hide_all
from tests.support import secrets


@frozen
class Holder:
    """A value with a secret in it."""

    secret: Secret


@pytest.mark.parametrize(
    "show",
    [repr, str, "{}".format, "{!r}".format, "{0!a}".format, lambda it: f"{it}", lambda it: f"{it!s:>10}"],
)
def test_no_way_of_showing_it_shows_it(show: Callable[[object], str]) -> None:
    secret = Secret(secrets.TOKEN)
    assert MASK in show(secret)
    for holder in (secret, [secret], {"token": secret}, Holder(secret)):
        assert not secrets.shown_in(show(holder))


def test_percent_formatting_shows_nothing() -> None:
    assert not secrets.shown_in("%s %r" % (Secret(secrets.TOKEN), Secret(secrets.TOKEN)))  # noqa: UP031 - as logging does it


def test_only_reveal_gives_it_back() -> None:
    assert Secret(secrets.TOKEN).reveal() == secrets.TOKEN
    assert Secret(Secret(secrets.TOKEN)).reveal() == secrets.TOKEN


def test_it_cannot_leave_the_process() -> None:
    with pytest.raises(TypeError, match="can't be pickled") as caught:
        pickle.dumps(Secret(secrets.TOKEN))
    assert not secrets.shown_in(str(caught.value))
    with pytest.raises(TypeError):
        pickle.dumps(Holder(Secret(secrets.TOKEN)))


def test_an_empty_secret_can_be_pickled_since_it_is_none() -> None:
    assert pickle.loads(pickle.dumps(Secret(""))) == Secret("")  # noqa: S301 - ours


def test_one_or_several_are_hidden() -> None:
    assert hide_all(None) == ()
    assert hide_all("a") == hide_all(Secret("a")) == (Secret("a"),)
    assert hide_all(each for each in ("a", Secret("b"))) == (Secret("a"), Secret("b"))
    assert len(hide_all(7)) == 1  # type: ignore[arg-type] # a wrong type, for validation to name
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps(Secret(secrets.TOKEN))


def test_a_copy_is_itself() -> None:
    secret = Secret(secrets.TOKEN)
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret


def test_it_has_no_dict_that_vars_could_show() -> None:
    with pytest.raises(TypeError):
        vars(Secret(secrets.TOKEN))


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_secrets_are_equal_by_their_text(one: str, two: str) -> None:
    assert (Secret(one) == Secret(two)) == (one == two)
    assert (Secret(one) != Secret(two)) == (one != two)
    assert hash(Secret(one)) == hash(Secret(one))


def test_a_secret_is_not_its_text() -> None:
    assert Secret("a") != "a"
    assert Secret("a") != 7
    assert {Secret("a"), Secret("a"), Secret("b")} == {Secret("b"), Secret("a")}


def test_an_empty_one_is_false() -> None:
    assert not Secret("")
    assert Secret(" ")


def test_hide_wraps_what_is_there() -> None:
    assert hide(None) is None
    assert hide("a") == Secret("a")
    assert hide(Secret("a")) == Secret("a")
