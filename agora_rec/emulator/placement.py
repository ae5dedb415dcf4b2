"""In which area a recording is placed: by what acquire asks for, by where its caller is.

The service doesn't tell; who runs the emulator sees it in `SessionView.area`. Which storage fits an area is
decided in `acts`.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

from agora_rec.emulator.settings import AREAS
from agora_rec.emulator.wire import JsonObject, int_of, text_of

_AFFINITIES: Final[Mapping[int, str]] = {1: "CN", 2: "AP", 3: "EU", 4: "NA"}
"""`regionAffinity`; 0 is the nearest."""
_REGIONAL: Final = re.compile(r"api-(?P<place>us|eu|ap|cn)-[a-z0-9-]+\.(?:agora\.io|sd-rtn\.com)")
_PLACES: Final[Mapping[str, str]] = {"us": "NA", "eu": "EU", "ap": "AP", "cn": "CN"}


def place(request: JsonObject, host: str, occupied: Collection[str], nearest: str) -> str:
    """The area for a recording.

    `region` is a restriction. `regionAffinity`, and without it the caller's place, is a preference, which
    yields to what `excludeResourceIds` are for: an area in which none of these recordings is.

    Args:
        request: acquire's clientRequest.
        host: The name by which acquire came; a regional one says where its caller is.
        occupied: The areas of the recordings in `excludeResourceIds`.
        nearest: The area of callers who came by another name.
    """
    region = text_of(request, "region")
    if region:
        return region
    regional = _REGIONAL.fullmatch(host)
    here = nearest if regional is None else _PLACES[regional["place"]]
    wanted = _AFFINITIES.get(int_of(request, "regionAffinity", 0), here)
    return next((area for area in (wanted, *AREAS) if area not in occupied), wanted)
