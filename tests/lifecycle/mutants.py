"""Wrong tables: each is the right one with one entry, or one row, deleted, redirected or added."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final

from attrs import frozen

from agora_rec.lifecycle import CommandKey, FactKey, Stay, Verdict, tables
from agora_rec.vocabulary import State

DELETED: Final = None
"""In the place of an entry or a row: there is none."""

Table = Mapping[Any, Mapping[Any, Any]]


@frozen
class Mutant:
    """One change: in which table, row and cell (None: the row as a whole), and what stands there then."""

    table: str
    state: str
    key: str | None
    value: Any

    def __str__(self) -> str:
        cell = "" if self.key is None else f"[{self.key}]"
        value = "deleted" if self.value is DELETED else repr(self.value)
        return f"{self.table}[{self.state}]{cell}: {value}"

    def applied_to(self, table: Table) -> Table:
        """A copy of the table with the change made."""
        rows: dict[Any, Any] = {state: dict(row) for state, row in table.items()}
        into, key = (rows, self.state) if self.key is None else (rows[self.state], self.key)
        if self.value is DELETED:
            del into[key]
        else:
            into[key] = self.value
        return MappingProxyType(rows)


@contextmanager
def installed(mutant: Mutant) -> Iterator[None]:
    """Put the wrong table everywhere where the right one is, for a while."""
    right = getattr(tables, mutant.table)
    wrong = mutant.applied_to(right)
    holders = [
        module
        for name, module in tuple(sys.modules.items())
        if name.startswith("agora_rec.") and vars(module).get(mutant.table) is right
    ]
    try:
        for module in holders:
            setattr(module, mutant.table, wrong)
        yield
    finally:
        for module in holders:
            setattr(module, mutant.table, right)


def mutants() -> Iterator[Mutant]:
    """Every mutant, in an order that stays the same."""
    yield from _of_commands()
    yield from _of_facts()


def _of_commands() -> Iterator[Mutant]:
    for state in State:
        row = tables.COMMANDS[state]
        yield Mutant("COMMANDS", state, None, DELETED)
        yield Mutant("COMMANDS", state, "a command of tomorrow", Verdict.SEND)
        for key in CommandKey:
            right = row.get(key)
            if right is not None:
                yield Mutant("COMMANDS", state, key, DELETED)
            for verdict in Verdict:
                if verdict is not right:
                    yield Mutant("COMMANDS", state, key, verdict)
    yield Mutant("COMMANDS", "a state of tomorrow", None, {})


def _of_facts() -> Iterator[Mutant]:
    for state in State:
        yield Mutant("FACTS", state, None, DELETED)
        yield Mutant("FACTS", state, "a fact of tomorrow", Stay("for now"))
        for key in FactKey:
            right = tables.FACTS[state][key]
            yield Mutant("FACTS", state, key, DELETED)
            yield Mutant("FACTS", state, key, Stay(" ") if isinstance(right, Stay) else Stay("why not"))
            for target in State:  # the same state is another cell than Stay: it must say why
                if target is not right:
                    yield Mutant("FACTS", state, key, target)
    yield Mutant("FACTS", "a state of tomorrow", None, {})
