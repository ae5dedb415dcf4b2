"""From bytes to JSON, within bounds: whatever a server or a proxy sends, the end is a value or `BadShape`."""

import json
from typing import Any, Final, NoReturn

from agora_rec.codec.shape import BadShape, JsonObject, fields_of, is_list, is_object

MAX_BYTES: Final = 2**20
MAX_DEPTH: Final = 64
_LEVELS_OF_OURS: Final = 16
_BOM: Final = "\ufeff"  # taken off here: the codec for texts that begin with it is slow
_SHOWN: Final = 120


def parse(data: bytes, *, bounded: bool = True, quoting: bool = True) -> JsonObject:
    """Read the object of JSON that an answer is.

    Args:
        data: The bytes as they came.
        bounded: False for texts of our own, which may be of any length, and hold what others said some levels
            further down.
        quoting: Whether the error may show how a text begins that isn't JSON, for instance a proxy's page.

    Raises:
        BadShape: it is none, or larger or deeper than any honest answer.
    """
    if bounded and len(data) > MAX_BYTES:
        raise BadShape("$", f"{len(data)} bytes, more than {MAX_BYTES}")
    found = _loads(data, quoting=quoting)
    if isinstance(found, BadShape):
        raise found
    tree = fields_of(found)
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH:
        _check_depth(tree, MAX_DEPTH if bounded else MAX_DEPTH + _LEVELS_OF_OURS)
    return tree


def _loads(data: bytes, *, quoting: bool) -> Any:
    """JSON, or the error to raise: raised here, it would carry the decoder's own with the whole text."""
    try:
        return _DECODER.decode(data.decode().removeprefix(_BOM))
    except UnicodeDecodeError:
        return BadShape("$", "not UTF-8")
    except RecursionError:
        return BadShape("$", "nested too deeply")
    except ValueError:
        return BadShape("$", f"not JSON{_begins(data) if quoting else ''}")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and the infinities: Python reads them, JSON doesn't know them


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse)


def _begins(data: bytes) -> str:
    """How a page of a proxy begins. What looks like JSON isn't shown: it may hold a stream's key."""
    text = " ".join(data[: 4 * _SHOWN].decode(errors="replace").split())
    if not text or text[0] in '{["':
        return ""
    return f", begins with {text[:_SHOWN]!r}"


def _check_depth(tree: JsonObject, deepest: int) -> None:
    level: list[Any] = [tree]
    for _ in range(deepest):
        level = [
            child
            for node in level
            for child in (node.values() if is_object(node) else node)
            if is_object(child) or is_list(child)
        ]
        if not level:
            return
    raise BadShape("$", f"nested deeper than {deepest}")
