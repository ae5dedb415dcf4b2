"""The emulator's page (`/_emulator/`): what it is doing, drawn by the server, and forms to make trouble.

Works without script: each form posts, and the page comes back. With its one script it keeps itself up to
date. Nothing comes from elsewhere, and foreign text is never markup (`html`).
"""

from importlib import resources
from typing import Final

from agora_rec.emulator.page.document import render

STATIC: Final = {
    "icon.svg": "image/svg+xml",
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
}
"""The files beside this one that a browser may have, with their types."""


def read_static(name: str) -> bytes:
    """One of the files of `STATIC`."""
    return resources.files(__name__).joinpath(name).read_bytes()


__all__ = ["STATIC", "read_static", "render"]
