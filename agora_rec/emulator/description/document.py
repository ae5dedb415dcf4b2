"""The whole document: the service's paths, those of the control API, and what they share."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from agora_rec.emulator.description.bodies import Bodies
from agora_rec.emulator.description.control import control_paths
from agora_rec.emulator.description.service import ServicePaths
from agora_rec.emulator.schema.requests import SHAPES
from agora_rec.emulator.schema.told import Told
from agora_rec.emulator.settings import Settings
from agora_rec.version import __version__

_SAYS: Final = (
    "The recording service as this emulator plays it, with its settings: what each call takes, and every "
    "answer that it gives by itself. Injected faults may answer anything. Below /_emulator/ is the "
    "control API of the emulator, which is no part of the service."
)


def describe(settings: Settings, *, app_ids: Iterable[str], now: datetime, url: str) -> Told:
    """An OpenAPI 3.1 document of an emulator with these settings.

    Args:
        settings: how it behaves.
        app_ids: the App IDs that it knows.
        now: its now; what must lie in the future is told from then on.
        url: where it is reached.
    """
    bodies = Bodies(SHAPES, settings, now)
    service = ServicePaths(bodies, settings, tuple(app_ids)).tell()
    return {
        "openapi": "3.1.0",
        "info": {"title": "agora_rec emulator", "version": __version__, "description": _SAYS},
        "servers": [{"url": url}],
        "tags": [
            {"name": "service", "description": "Agora Cloud Recording, emulated"},
            {"name": "control", "description": "The emulator's own: users, faults, time, and the truth"},
        ],
        "paths": {**service, **control_paths()},
        "components": {
            "schemas": dict(sorted(bodies.components.items())),
            "securitySchemes": {
                "customer": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "customer ID and customer secret",
                }
            },
        },
    }
