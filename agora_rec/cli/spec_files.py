"""Files that list recordings, TOML or CSV: from bytes to rows of named values, each knowing where it stands.

What the values mean, and whether they are right, is for `spec_fields.py`; here is what belongs to the file
as a whole: its size, its syntax, its names. A file is hostile until read: bounded, and shown escaped.
"""

import csv
import io
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, cast

from attrs import field, frozen

from agora_rec import InvalidRequest, Violation
from agora_rec.cli.spec_values import is_list
from agora_rec.errors.text import shown
from agora_rec.secret import MASK

MOST_BYTES: Final = 4 * 2**20
MOST_ROWS: Final = 10_000

_SHOWN: Final = 80
_SECRET: Final = re.compile(r"token|secret|password|access_?key|credential", re.IGNORECASE)
_HEADER: Final = re.compile(r"^[ \t]*\[\[[ \t]*recording[ \t]*\]\]", re.MULTILINE)
_TABLES: Final = ("defaults", "recording")


@frozen
class Given:
    """A value, and the place in the file that gives it. No repr shows it: it may be a secret by mistake."""

    where: str
    value: Any = field(repr=False)


@frozen
class Row:
    """One recording as the file has it.

    Attributes:
        where: The place: `lessons.csv:3`.
        values: What is given, by name; the file's defaults are among them.
    """

    where: str
    values: Mapping[str, Given]


def read_rows(
    path: Path, known: Sequence[str], groups: Iterable[frozenset[str]]
) -> tuple[list[Row], list[Violation]]:
    """Read a file: its rows, and what is wrong with its names.

    Args:
        path: The file; its suffix says what it is.
        known: The names that there are.
        groups: Names that stand for one thing: a row that gives one of them has no default for the others.

    Raises:
        InvalidRequest: It is none of the two, too large, or broken.
        OSError: It can't be read.
    """
    name = path.name
    readers = {".toml": _read_toml, ".csv": _read_csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise _wrong(name, shown(path.suffix), "a file that ends in .toml or .csv")
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise _wrong(name, f"more than {MOST_BYTES} bytes", f"at most {MOST_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig")  # Excel begins a CSV file like this
    except UnicodeDecodeError as error:
        raise _wrong(name, f"byte {error.start}", "UTF-8") from None
    rows, violations = reader(name, text, known, tuple(groups))
    if len(rows) > MOST_ROWS:
        raise _wrong(name, f"{len(rows)} recordings", f"at most {MOST_ROWS}")
    if not rows and not violations:
        raise _wrong(name, "no recordings", "one at least")
    return rows, violations


def wrong_names(where: str, names: Iterable[str], known: Sequence[str]) -> Iterator[Violation]:
    """What is wrong with the names at one place: those that nobody knows, and those of secrets."""
    for name in names:
        if name in known:
            continue
        path = f"{where}: {shown(name, _SHOWN)}"
        if _SECRET.search(name):
            yield Violation(
                path,
                MASK,
                "not in a file: secrets come from the environment, as --help and the documents say",
            )
        else:
            near = get_close_matches(name.lower()[:_SHOWN], known, n=3)
            rule = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
            yield Violation(path, "unknown", rule)


def _wrong(path: str, value: str, rule: str) -> InvalidRequest:
    return InvalidRequest((Violation(path, value, rule),))


def _read_toml(
    name: str, text: str, known: Sequence[str], groups: Sequence[frozenset[str]]
) -> tuple[list[Row], list[Violation]]:
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers too long for Python, and nesting too deep
        raise _wrong(name, shown(str(error), _SHOWN), "TOML") from None
    violations = list(wrong_names(name, document, _TABLES))
    defaults = _table(document.get("defaults", {}))
    tables = _tables(document.get("recording", []))
    if defaults is None:
        violations.append(Violation(f"{name}: defaults", "something else", "a table: [defaults]"))
    if tables is None:
        violations.append(Violation(f"{name}: recording", "something else", "tables: [[recording]]"))
    defaults, tables = defaults or {}, tables or []
    places = _places(name, text, len(tables))
    at_top = {key: Given(f"{name}: defaults", value) for key, value in defaults.items()}
    violations += wrong_names(f"{name}: defaults", defaults, known)
    rows: list[Row] = []
    for where, table in zip(places, tables, strict=True):
        violations += wrong_names(where, table, known)
        own = {key: Given(where, value) for key, value in table.items()}
        rows.append(Row(where, _with_defaults(own, at_top, groups)))
    return rows, violations


def _table(value: Any) -> dict[str, Any] | None:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _tables(value: Any) -> list[dict[str, Any]] | None:
    given = value if is_list(value) else [None]
    tables = [table for table in map(_table, given) if table is not None]
    return tables if len(tables) == len(given) else None


def _places(name: str, text: str, count: int) -> list[str]:
    """Where each table stands: its header's line, unless they are written in another way."""
    found = [match.start() for match in _HEADER.finditer(text)]
    if len(found) != count:
        return [f"{name}: recording {number}" for number in range(1, count + 1)]
    places: list[str] = []
    line, seen = 1, 0
    for at in found:
        line, seen = line + text.count("\n", seen, at), at
        places.append(f"{name}:{line}")
    return places


def _with_defaults(
    own: Mapping[str, Given], defaults: Mapping[str, Given], groups: Sequence[frozenset[str]]
) -> dict[str, Given]:
    replaced = frozenset[str]().union(*(group for group in groups if group & own.keys()))
    return {name: given for name, given in defaults.items() if name not in replaced} | dict(own)


def _read_csv(
    name: str,
    text: str,
    known: Sequence[str],
    groups: Sequence[frozenset[str]],  # noqa: ARG001 - a CSV file has no defaults
) -> tuple[list[Row], list[Violation]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    violations: list[Violation] = []
    rows: list[Row] = []
    try:
        header = [cell.strip() for cell in next(reader, list[str]())]
        where = f"{name}:{reader.line_num}"
        violations += wrong_names(where, dict.fromkeys(header), known)
        violations += (
            Violation(f"{where}: {shown(each, _SHOWN)}", "twice", "one column")
            for each in dict.fromkeys(header)
            if header.count(each) > 1
        )
        for cells in reader:
            where = f"{name}:{reader.line_num}"
            if len(cells) > len(header):
                rule = f"at most {len(header)}, as the first line has"
                violations.append(Violation(where, f"{len(cells)} cells", rule))
            values = {
                column: Given(where, cell.strip())
                for column, cell in zip(header, cells, strict=False)
                if cell.strip()
            }
            if values:
                rows.append(Row(where, values))
    except csv.Error as error:
        raise _wrong(f"{name}:{reader.line_num}", shown(str(error), _SHOWN), "CSV") from None
    return rows, violations
