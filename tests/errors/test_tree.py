"""The tree of errors: its shape, and what every class in it can do."""

import copy
import pickle
import traceback
from collections.abc import Callable

import attrs
import pytest

from agora_rec import errors
from agora_rec.errors import AgoraRecError
from tests.errors.samples import SAMPLES, all_errors

LEAVES = [cls for cls in all_errors() if not cls.__subclasses__()]


def state(error: AgoraRecError) -> dict[str, object]:
    return {each.name: getattr(error, each.name) for each in attrs.fields(type(error))}


def documented_tree() -> dict[str, str]:
    """Read the tree in the package's docstring: the name of each class and of its parent."""
    parents: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    lines = (errors.__doc__ or "").splitlines()
    first = next(number for number, line in enumerate(lines) if line.strip() == "AgoraRecError")
    for line in lines[first:]:
        if not line:
            break
        depth, name = len(line) - len(line.lstrip()), line.split()[0]
        above = [each for each in above if each[0] < depth]
        parents[name] = above[-1][1] if above else ""
        above.append((depth, name))
    return parents


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    tree = {cls.__name__: cls.__bases__[0].__name__ for cls in all_errors()}
    tree["AgoraRecError"] = ""
    assert documented_tree() == tree


def test_every_class_is_exported_and_has_a_docstring() -> None:
    for cls in all_errors():
        assert getattr(errors, cls.__name__) is cls
        assert cls.__name__ in errors.__all__
        assert "__doc__" in vars(cls)


def test_all_exports_exist_and_are_sorted() -> None:
    assert sorted(errors.__all__) == errors.__all__
    for name in errors.__all__:
        assert hasattr(errors, name)


@pytest.mark.parametrize("cls", all_errors(), ids=lambda cls: cls.__name__)
def test_leaves_and_only_leaves_are_final(cls: type[AgoraRecError]) -> None:
    assert ("__final__" in vars(cls)) == (cls in LEAVES)


def test_every_class_but_the_root_has_a_sample() -> None:
    assert set(SAMPLES) == set(all_errors()) - {AgoraRecError}


@pytest.mark.parametrize("error", SAMPLES.values(), ids=lambda error: type(error).__name__)
def test_a_sample_leaves_no_field_at_its_default(error: AgoraRecError) -> None:
    for each in attrs.fields(type(error)):
        assert getattr(error, each.name) != each.default, each.name


def pickled(protocol: int) -> Callable[[AgoraRecError], AgoraRecError]:
    def there_and_back(error: AgoraRecError) -> AgoraRecError:
        other: AgoraRecError = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 - our own bytes
        return other

    return there_and_back


ROUND_TRIPS: dict[str, Callable[[AgoraRecError], AgoraRecError]] = {
    **{f"pickle {number}": pickled(number) for number in range(pickle.HIGHEST_PROTOCOL + 1)},
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("way", ROUND_TRIPS)
@pytest.mark.parametrize("error", SAMPLES.values(), ids=lambda error: type(error).__name__)
def test_an_error_survives_being_pickled_and_copied(error: AgoraRecError, way: str) -> None:
    original = copy.copy(error)
    original.add_note("seen in worker 3")
    other = ROUND_TRIPS[way](original)
    assert other is not original
    assert type(other) is type(error)
    assert state(other) == state(error)
    assert (str(other), repr(other)) == (str(error), repr(error))
    assert other.maybe_running == error.maybe_running
    assert other.__notes__ == ["seen in worker 3"]
    assert not hasattr(error, "__notes__")


@pytest.mark.parametrize("error", SAMPLES.values(), ids=lambda error: type(error).__name__)
def test_the_repr_shows_the_class_and_every_field_but_our_own_texts(error: AgoraRecError) -> None:
    text = repr(error)
    assert text.startswith(f"{type(error).__name__}(")
    for each in attrs.fields(type(error)):
        if each.name not in {"meaning", "hint"}:
            assert f"{each.name}={getattr(error, each.name)!r}" in text


@pytest.mark.parametrize("error", SAMPLES.values(), ids=lambda error: type(error).__name__)
def test_an_error_can_be_raised_chained_grouped_and_printed(error: AgoraRecError) -> None:
    error = copy.copy(error)
    with pytest.raises(ExceptionGroup) as caught:
        raise ExceptionGroup("two tasks", [error, ValueError()]) from OSError("the cause")
    mine, _ = caught.value.split(type(error))
    assert mine is not None
    assert mine.exceptions == (error,)
    with pytest.raises(type(error)) as raised:
        raise error from OSError("the cause")
    assert f"{type(error).__name__}: " in "".join(traceback.format_exception(raised.value))


def test_an_error_is_equal_to_itself_only_and_can_be_a_key() -> None:
    for error in SAMPLES.values():
        assert error == error  # noqa: PLR0124 - identity is what is tested
        assert error != copy.copy(error)
        assert {error: 1}[error] == 1


def test_the_errors_are_also_what_python_calls_them() -> None:
    assert issubclass(errors.InvalidRequest, ValueError)
    assert issubclass(errors.WaitTimedOut, TimeoutError)


def test_the_root_has_no_message_of_its_own() -> None:
    with pytest.raises(NotImplementedError):
        str(AgoraRecError())
    assert not AgoraRecError().maybe_running
