"""The names of a store's tables and functions, and texts in a form that every table takes."""

import re
from typing import Final

from attrs import frozen

_PLACEHOLDER: Final = re.compile(r"@(\w+)@")
_SCHEMA: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}", re.ASCII)
_PREFIX: Final = re.compile(r"[A-Za-z0-9_]{0,20}", re.ASCII)

RULE_OF_SCHEMA: Final = "a letter or _, then letters, digits and _, 40 characters at most"
RULE_OF_PREFIX: Final = "letters, digits and _, 20 characters at most"


def is_schema(text: object) -> bool:
    """Whether it can be a schema's name here."""
    return isinstance(text, str) and _SCHEMA.fullmatch(text) is not None


def is_prefix(text: object) -> bool:
    """Whether names of tables can begin with it."""
    return isinstance(text, str) and _PREFIX.fullmatch(text) is not None


@frozen
class Names:
    """What one store's tables are called; several stores may share a database, and a schema.

    Args:
        schema: The schema that holds them.
        prefix: What each of their names begins with.
    """

    schema: str
    prefix: str

    @property
    def channel(self) -> str:
        """The channel on which they tell what was written; also what advisory locks are named after."""
        return f"{self.schema}.{self.prefix}"

    def fill(self, sql: str) -> str:
        """Put the names into statements: `@recordings@` and the like, and `@channel@`."""
        return _PLACEHOLDER.sub(
            lambda found: self.channel if found[1] == "channel" else self.of(found[1]),
            sql,
        )

    def of(self, name: str) -> str:
        """Give the whole name of a table or a function, quoted."""
        return f'"{self.schema}"."{self.prefix}{name}"'


def storable(text: str) -> str:
    """Give a text that PostgreSQL takes: without NUL and halves of surrogate pairs, each text another one."""
    plain = text.replace("\\", "\\\\").replace("\0", "\\0")
    return plain.encode("utf-8", "backslashreplace").decode()
