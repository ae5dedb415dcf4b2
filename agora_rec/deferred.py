"""Names that a package promises and loads when somebody asks for them (PEP 562).

Creating all value classes of the library takes longer than importing an HTTP library. So `import agora_rec`
loads what everybody uses, and the rest comes with its first use: at the latest when a client is made or
opened, never in the middle of a call. Type checkers see ordinary imports.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def deferred(
    package: str, homes: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make a package's `__getattr__` and `__dir__`. What was found once, the package keeps.

    Args:
        package: The package's own name.
        homes: The names that are loaded late, by the module that has them.
    """
    home_of = {name: home for home, names in homes.items() for name in names}

    def look_up(name: str) -> Any:
        home = home_of.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(home), name)
        setattr(sys.modules[package], name, found)
        return found

    def list_names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *home_of})

    return look_up, list_names
