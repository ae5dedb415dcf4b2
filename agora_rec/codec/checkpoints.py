"""A recording's mode as JSON without its secrets, for checkpoints."""

from collections.abc import Mapping
from typing import Any, Final

from agora_rec.codec.conversion import converter, write
from agora_rec.codec.shape import BadShape, JsonObject, find, is_list, is_object
from agora_rec.model import Individual, Mix, Mode, Web
from agora_rec.model.blanks import filled
from agora_rec.secret import Secret

_MODES: Final[Mapping[object, type[Mode]]] = {mode.name.value: mode for mode in (Mix, Individual, Web)}


def mode_to_json(mode: Mode) -> JsonObject:
    """Write a mode as plain JSON: its name, and what start would say, each secret as an empty text."""
    return {"name": mode.name.value, "parameter": _plain(write(mode, converter()))}


def mode_from_json(value: object, secrets: Mode | None = None) -> Mode:
    """Read what `mode_to_json` wrote.

    Secrets that were left behind are empty (`agora_rec.model.missing_secrets` names them), unless `secrets`,
    the same mode with its secrets, has them.

    Raises:
        BadShape: it is no such JSON.
    """
    name = find(value, "name")
    cls = _MODES.get(name) if isinstance(name, str) else None
    if cls is None:
        raise BadShape("$.name", "none of the modes")
    try:
        mode: Mode = converter().structure(find(value, "parameter"), cls)
    except BadShape as bad:
        raise bad.under(".parameter") from None
    return mode if secrets is None else filled(mode, secrets)


def _plain(tree: Any) -> Any:
    if isinstance(tree, Secret):
        return ""
    if is_list(tree):
        return [_plain(item) for item in tree]
    if is_object(tree):
        return {key: _plain(item) for key, item in tree.items()}
    return tree
