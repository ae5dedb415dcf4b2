"""Twisting a body where it counts: its JSON is taken apart, a few places get junk, and it is written again.

Objects are kept as pairs, so that a key can stand there twice; junk is written as it is, so that it need not
be JSON. What can't be taken apart is for the fuzzer's own mutations.
"""

import json
from random import Random
from typing import Any, Final

from attrs import frozen

from tests.fuzz import corpus
from tests.support.secrets import RTMP_URL


class Pairs(list[tuple[str, Any]]):
    """An object of JSON; keys may repeat."""


@frozen
class Raw:
    """A text that is written as it is."""

    text: str


JUNK: Final[tuple[Any, ...]] = (
    *(None, True, False, [], Pairs(), "", "0", " ", "\x00", "\ud800", "\U0001f600", "x" * 1100),
    *(0, -1, 1, 2, 3, 255, 1023, 1024, 2**31, 2**32 - 1, 2**32, 2**53, 2**63 - 1, 2**63, 10**30),
    *(0.5, 5.0, -0.0, 1e308, "5", "-5", "4294967296", "1e3", "0x10", "\u0665"),
    *(10**11 - 1, 10**11, 253402300799999, 253402300800000),
    *(Raw("NaN"), Raw("-Infinity"), Raw("1e999"), Raw("-1e999"), Raw("9" * 400), Raw("9" * 5000)),
    *(Raw("[" * 70 + "]" * 70), Raw('{"a":' * 70 + "1" + "}" * 70), Raw("[" * 3000), Raw('"\\ud83d"')),
    Raw(f"[{'{},' * 60}1]"),
    RTMP_URL,
)


def read(body: bytes) -> Any:
    """JSON with objects as pairs.

    Raises:
        ValueError: It is none.
        RecursionError: It is too deep.
    """
    return json.loads(body, object_pairs_hook=Pairs)


def write(value: Any) -> str:
    """What `read` would read, and more."""
    match value:
        case Raw(text=text):
            return text
        case Pairs():
            return "{" + ",".join(f"{json.dumps(key)}:{write(part)}" for key, part in value) + "}"
        case list():
            return "[" + ",".join(map(write, value)) + "]"
        case _:
            return json.dumps(value)


def _places(value: Any) -> list[tuple[list[Any], int]]:
    """Everything that can be replaced: a list or an object, and an index in it."""
    found: list[tuple[list[Any], int]] = []
    left = [value]
    while left:
        node = left.pop()
        if isinstance(node, list):
            found += [(node, index) for index in range(len(node))]
            left += [part[1] for part in node] if isinstance(node, Pairs) else node
    return found


def twist(body: bytes, random: Random) -> bytes:
    """The same body with junk in up to three places.

    Raises:
        ValueError: It is no JSON.
        RecursionError: It is too deep.
    """
    tree = read(body)
    for _ in range(random.randint(1, 3)):
        tree = _twist_once(tree, random)
    return write(tree).encode(errors="surrogatepass")


def _twist_once(tree: Any, random: Random) -> Any:
    places = _places(tree)
    if not places or random.random() < _WHOLE:
        return _something(random)
    node, index = random.choice(places)
    key = node[index][0] if isinstance(node, Pairs) else None
    match random.randrange(5):
        case 0:
            del node[index]
        case 1:  # once more, perhaps with another value
            again = random.choice((node[index], _entry(key, _something(random))))
            node.insert(random.randint(0, len(node)), again)
        case 2 if key is not None:  # under another name
            node[index] = (random.choice(corpus.names()), node[index][1])
        case 3 if key is not None:  # something new beside it
            node.insert(index, (random.choice(corpus.names()), _something(random)))
        case _:
            node[index] = _entry(key, _something(random))
    return tree


_WHOLE: Final = 0.02


def _entry(key: str | None, value: Any) -> Any:
    return value if key is None else (key, value)


def _something(random: Random) -> Any:
    match random.randrange(4):
        case 0:
            return random.choice(corpus.words())
        case 1:  # a part of another delivery, where it doesn't belong
            tree = read(random.choice(corpus.bodies()))
            node, index = random.choice(_places(tree))
            return node[index][1] if isinstance(node, Pairs) else node[index]
        case _:
            return random.choice(JUNK)
