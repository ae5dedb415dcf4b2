"""Values of ours as JSON text and back, for checkpoints: attribute names as they are, moments in ISO 8601.

Notifications among them stay in the form that the service gives them, without their secrets.
"""

import json
from functools import cache
from typing import Final, TypeVar

from cattrs.preconf.json import JsonConverter, make_converter

from agora_rec.codec.checkpoints import mode_from_json, mode_to_json
from agora_rec.codec.notifications import notification_from_json, notification_to_json
from agora_rec.codec.parsing import parse
from agora_rec.codec.shape import BadShape
from agora_rec.model import Mode
from agora_rec.model.notification import Notification

V = TypeVar("V")

_COMPACT: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def dump(value: object) -> str:
    """Write a value of attrs classes, enums, moments and collections as JSON text."""
    return _converter().dumps(value)


def load(cls: type[V], text: str) -> V:
    """Read what `dump` wrote. What a later version added is ignored.

    Raises:
        BadShape: It is no such text.
    """
    try:
        return _converter().structure(parse(text.encode(errors="replace"), bounded=False), cls)
    except BadShape:
        raise
    except Exception as error:  # noqa: BLE001 - cattrs gathers all kinds of faults in groups of its own
        raise BadShape("$", f"a {cls.__name__}: {type(error).__name__}") from None


def dump_mode(mode: Mode) -> str:
    """Write a mode as JSON text without its secrets; equal modes give equal texts."""
    return _COMPACT.encode(mode_to_json(mode))


def load_mode(text: str, secrets: Mode | None = None) -> Mode:
    """Read what `dump_mode` wrote, filling in the secrets of the same mode if they are given.

    Raises:
        BadShape: It is no such text.
    """
    return mode_from_json(parse(text.encode(errors="replace"), bounded=False), secrets)


@cache
def _converter() -> JsonConverter:
    made = make_converter()
    made.register_unstructure_hook(Notification, notification_to_json)
    made.register_structure_hook(Notification, lambda value, _: notification_from_json(value))
    return made
