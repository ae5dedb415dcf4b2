"""Values whose secrets were left behind: which are missing, and how to fill them in again.

An empty `Secret` stands for one that was given and isn't here. A secret that was never given is None.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import attrs

from agora_rec.secret import Secret

T = TypeVar("T")

_Change = Callable[[Secret, object], Secret]


def blanked(value: T) -> T:
    """The same value with each secret left behind."""
    return cast("T", _changed(value, value, lambda _here, _there: Secret("")))


def filled(value: T, source: object) -> T:
    """The same value, its missing secrets taken from `source` where that has them at the same place.

    Where `source` is of another class, nothing is filled in.
    """
    return cast("T", _changed(value, source, _fill))


def missing_secrets(value: object) -> tuple[str, ...]:
    """The Python paths of the secrets that were left behind, such as `storage.access_key`."""
    return tuple(path.removeprefix(".") for path, secret in _secrets(value, "") if not secret)


def _fill(here: Secret, there: object) -> Secret:
    return there if not here and isinstance(there, Secret) else here


def _changed(value: Any, source: Any, change: _Change) -> Any:
    if isinstance(value, Secret):
        return change(value, source)
    if isinstance(value, tuple):
        items = cast("tuple[object, ...]", value)
        others = cast("tuple[object, ...]", source) if isinstance(source, tuple) else ()
        padded = (*others, *([None] * len(items)))
        return tuple(_changed(item, other, change) for item, other in zip(items, padded, strict=False))
    names = _attributes(value)
    if not names:
        return value
    there = source if type(source) is type(value) else None
    parts = {name: _changed(getattr(value, name), getattr(there, name, None), change) for name in names}
    return attrs.evolve(value, **parts)


def _secrets(value: object, path: str) -> Iterator[tuple[str, Secret]]:
    if isinstance(value, Secret):
        yield path, value
        return
    if isinstance(value, tuple):
        for index, item in enumerate(cast("tuple[object, ...]", value)):
            yield from _secrets(item, f"{path}[{index}]")
        return
    for name in _attributes(value):
        yield from _secrets(getattr(value, name), f"{path}.{name}")


def _attributes(value: object) -> list[str]:
    cls: type[Any] = type(value)
    return [attribute.name for attribute in attrs.fields(cls)] if attrs.has(cls) else []
