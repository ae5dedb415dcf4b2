"""The reference tables, as the tests read them."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent.parent / "reference"


@cache
def load(name: str) -> Any:
    """Give `tests/reference/<name>.yaml`, parsed once; what it returns is shared, so don't change it."""
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
