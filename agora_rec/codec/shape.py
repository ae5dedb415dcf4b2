"""Where a field stands in the service's JSON: paths, and how to walk along them both ways.

A path is written as the service's documents would: `serverResponse.status`. `services[name]` is the element
of a list whose `serviceName` is `name`, `outputs[].rtmpUrl` the same field of each element of a list.
"""

from collections.abc import Callable
from functools import cache, partial
from operator import methodcaller
from typing import Any, Final, TypeGuard

from attrs import field, frozen

JsonObject = dict[str, Any]
"""An object of JSON: foreign data, judged by whoever takes a field out of it."""

MAX_ECHO: Final = 200
MAX_ITEMS: Final = 10_000
_SERVICE: Final = "serviceName"


class BadShape(ValueError):  # noqa: N818 - named by what is wrong, like all of the library's errors
    """Bytes that are no JSON, or JSON that is not what the service documents.

    Attributes:
        path: where it went wrong, from `$`, the whole.
        problem: what is wrong there. Never more than 200 characters, and none of a JSON body's content:
            answers repeat stream keys.
    """

    def __init__(self, path: str, problem: str) -> None:
        problem = problem[:MAX_ECHO]
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        """Path and problem in one line."""
        return f"{self.path}: {self.problem}"

    def under(self, parent: str) -> "BadShape":
        """The same seen from further up."""
        return BadShape(f"${parent}{self.path[1:]}", self.problem)


_KINDS: Final[dict[type, str]] = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "a boolean",
    type(None): "null",
    int: "a number",
    float: "a number",
}


def kind(value: object) -> str:
    """The kind of a JSON value, for messages: its content is never shown."""
    return _KINDS.get(type(value), "no JSON")


def is_object(value: object) -> TypeGuard[JsonObject]:
    """Whether it is an object of JSON."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether it is a list of JSON."""
    return isinstance(value, list)


@frozen
class Step:
    """One step of a path: a key, then perhaps one element of the list there, or each of them."""

    key: str
    service: str | None = None
    each: bool = False


@cache
def steps(path: str) -> tuple[Step, ...]:
    """Cut a path into steps; none for the empty path."""
    return tuple(map(_step, path.split("."))) if path else ()


def _step(text: str) -> Step:
    key, bracket, service = text.partition("[")
    service = service.removesuffix("]")
    return Step(key, service or None, bool(bracket) and not service)


@frozen
class Wire:
    """Where one attribute stands in the JSON.

    Attributes:
        path: where it is written, and read first.
        aliases: where else it is read: other spellings that the service or its clients use.
        write: turns the attribute into JSON, instead of what its type says; None: it isn't written.
        read: turns JSON into the attribute, instead of what its type says.
        inline: the attribute is a value of several fields which stand at `path` among others; `path` may be
            empty.
        fields: the fields of such a value, where they aren't those of its class.
    """

    path: str
    aliases: tuple[str, ...] = ()
    write: Callable[[Any], object] | None = field(default=None, kw_only=True)
    read: Callable[[object], object] | None = field(default=None, kw_only=True)
    inline: bool = field(default=False, kw_only=True)
    fields: "dict[str, Wire] | None" = field(default=None, kw_only=True)


@frozen
class Mark:
    """What tells that a value is there.

    Attributes:
        paths: one of these must be there.
        value: and must be this; None: whatever it is.
    """

    paths: tuple[str, ...]
    value: object = None

    def seen(self, value: object) -> bool:
        """Whether one of the paths is there at all."""
        return any(find(value, path) is not None for path in self.paths)

    def fits(self, value: object) -> bool:
        """Whether one of the paths is there and says the right thing."""
        found = [find(value, path) for path in self.paths]
        return any(part is not None and (self.value is None or part == self.value) for part in found)


def at(path: str, *aliases: str, write: Callable[[Any], object] | None = None) -> Wire:
    """A field that stands at this path."""
    return Wire(path, aliases, write=write)


def inline(path: str = "", fields: dict[str, Wire] | None = None) -> Wire:
    """A value whose fields stand at this path, among others."""
    return Wire(path, inline=True, fields=fields)


def mark(*paths: str, value: object = None) -> Mark:
    """A mark at one of these paths."""
    return Mark(paths, value)


def descend(tree: JsonObject, path: str) -> JsonObject:
    """The object at a path, made if it isn't there."""
    node: JsonObject = tree
    for step in steps(path):
        if step.service is None:
            node = node.setdefault(step.key, {})
            continue
        services: list[JsonObject] = node.setdefault(step.key, [])
        found = [service for service in services if service[_SERVICE] == step.service]
        node = found[0] if found else {_SERVICE: step.service}
        if not found:
            services.append(node)
    return node


def place(tree: JsonObject, path: str, value: Any) -> None:
    """Write a value at a path, and the objects on the way there."""
    parent, key, rest = _place(path)
    node = descend(tree, parent) if parent else tree
    node[key] = [{rest: item} for item in value] if rest else value


@cache
def _place(path: str) -> tuple[str, str, str]:
    """The way to the object, the key in it, and the key in each element where it is a list."""
    listed, _, rest = path.partition("[].")
    parent, _, key = listed.rpartition(".")
    return parent, key, rest


@cache
def finder(path: str) -> Callable[[JsonObject], object]:
    """`find` in an object for one path, with the path cut up beforehand: answers are read by these."""
    if any(step.service is not None or step.each for step in steps(path)):
        return partial(find, path=path)
    keys = tuple(step.key for step in steps(path))
    if len(keys) == 1:
        return methodcaller("get", *keys)

    def walk(tree: JsonObject) -> object:
        node: object = tree
        for key in keys:
            if not is_object(node):
                return None if node is None else find(tree, path)  # which says where it went wrong
            node = node.get(key)
        return node

    return walk


def find(tree: object, path: str) -> object:
    """Read what stands at a path; None if there is nothing, or null.

    Raises:
        BadShape: something on the way is no object or no list.
    """
    node = tree
    walked = ""
    for number, step in enumerate(steps(path)):
        if node is None:
            return None
        node = fields_of(node, walked).get(step.key)
        walked += f".{step.key}"
        if step.service is not None:
            node = _service(node, step.service, walked)
        elif step.each and node is not None:
            rest = ".".join(later.key for later in steps(path)[number + 1 :])
            return [_item(item, rest, f"{walked}[{index}]") for index, item in enumerate(items(node, walked))]
    return node


def items(value: object, path: str = "") -> list[Any]:
    """A list of JSON that isn't endless.

    Raises:
        BadShape: it is no list, or a longer one than any honest answer's.
    """
    if not is_list(value):
        raise BadShape(f"${path}", f"expected a list, got {kind(value)}")
    if len(value) > MAX_ITEMS:
        raise BadShape(f"${path}", f"a list of {len(value)}, more than {MAX_ITEMS}")
    return value


def fields_of(value: object, path: str = "") -> JsonObject:
    """An object of JSON.

    Raises:
        BadShape: it is none.
    """
    if not is_object(value):
        raise BadShape(f"${path}", f"expected an object, got {kind(value)}")
    return value


def _service(value: object, name: str, path: str) -> object:
    if value is None:
        return None
    services = [fields_of(item, f"{path}[{index}]") for index, item in enumerate(items(value, path))]
    return next((service for service in services if service.get(_SERVICE) == name), None)


def _item(value: object, rest: str, path: str) -> object:
    try:
        return find(value, rest)
    except BadShape as bad:
        raise bad.under(path) from None
