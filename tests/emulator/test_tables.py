"""The emulator's own tables against the reference, row by row."""

import re
from typing import Any

import pytest

from agora_rec.emulator.schema import SHAPES
from agora_rec.emulator.schema.fields import Field
from agora_rec.emulator.schema.regions import (
    AREAS,
    LEGACY_REGIONS,
    LEGACY_VENDORS,
    SSE_VENDORS,
    STS_VENDORS,
    TAG_VENDORS,
)
from tests.support.reference import load

TYPES: dict[str, Any] = load("requests")["types"]
STORAGE: dict[str, Any] = load("storage")

ROWS = [(name, row["name"]) for name, shape in TYPES.items() for row in shape["fields"]]

OPTIONAL_DESPITE_THE_TABLE = {("StorageExtensionParams", "sse"), ("StorageExtensionParams", "tag")}
"""The reference itself says to treat them as optional."""

MODES_BY_RULE = {
    # Older documents allow it in the other modes, for legacy services.
    ("StartClientRequest", "extensionServiceConfig"),
    # An update of what the mode doesn't have is refused.
    ("UpdateClientRequest", "streamSubscribe"),
    ("UpdateClientRequest", "webRecordingConfig"),
    ("UpdateClientRequest", "rtmpPublishConfig"),
}
MEASURES = {("TranscodingConfig", name) for name in ("width", "height", "fps", "bitrate")}
"""No range is documented; less than 1 makes no sense."""


def ours(shape: str, name: str) -> Field:
    return next(each for each in SHAPES[shape].fields if each.name == name)


def theirs(shape: str, name: str) -> dict[str, Any]:
    row: dict[str, Any] = next(each for each in TYPES[shape]["fields"] if each["name"] == name)
    return row


def test_the_same_shapes_with_the_same_fields():
    assert {name: sorted(each.name for each in shape.fields) for name, shape in SHAPES.items()} == {
        name: sorted(row["name"] for row in shape["fields"]) for name, shape in TYPES.items()
    }


@pytest.mark.parametrize(("shape", "name"), ROWS, ids=".".join)
def test_a_row_says_what_the_reference_says(shape: str, name: str):
    field, row = ours(shape, name), theirs(shape, name)
    assert field.kind.value == row["type"]
    assert field.required == (row["required"] is True and (shape, name) not in OPTIONAL_DESPITE_THE_TABLE)
    assert field.items_max == row.get("max_items")
    enum = [*(row.get("enum") or []), *(row.get("legacy_enum") or [])]
    assert field.choices == (frozenset(enum) if enum else None)
    assert field.lists == (tuple(tuple(each) for each in row["allowed"]) if "allowed" in row else None)
    default = row.get("default")
    assert field.default == (tuple(default) if isinstance(default, list) else default)
    assert type(field.default) is type(tuple(default) if isinstance(default, list) else default)


@pytest.mark.parametrize(("shape", "name"), ROWS, ids=".".join)
def test_ranges_are_those_of_the_reference(shape: str, name: str):
    field, row = ours(shape, name), theirs(shape, name)
    low, high = row.get("range", [None, None])
    if (shape, name) in MEASURES:
        low = 1
    if name == "captureInterval":
        assert (low, field.low) == (5, 1)  # 5 is the default of a setting, since older pages say 1
        low = 1
    if name == "stsExpiration":
        low, high = 0, 2**64 - 1  # its unit says uint64
    assert (field.low, field.high) == (low, high)


@pytest.mark.parametrize(("shape", "name"), ROWS, ids=".".join)
def test_spellings_modes_and_children_are_those_of_the_reference(shape: str, name: str):
    field, row = ours(shape, name), theirs(shape, name)
    aliases = set(row.get("aliases", []))
    assert aliases == set(field.spellings) | (aliases & SHAPES[shape].by_go_client)
    modes = {"individual" if mode == "snapshot-only" else mode for mode in row.get("modes", [])}
    if (shape, name) in MODES_BY_RULE or modes == {"individual", "mix", "web"}:
        assert field.modes is None
    else:
        assert field.modes == (frozenset(modes) or None)
    if name == "startParameter":
        assert field.shape is None  # acquire doesn't look into it
    else:
        assert field.shape == row.get("use")
    assert (dict(field.shape_by[1]) if field.shape_by else None) == row.get("use_by_service")


@pytest.mark.parametrize(("shape", "name"), ROWS, ids=".".join)
def test_what_left_the_documents_is_marked(shape: str, name: str):
    field, row = ours(shape, name), theirs(shape, name)
    if TYPES[shape].get("legacy"):
        return  # nothing leads there but what is marked
    assert field.legacy == row.get("legacy", False)
    said = [value for value, words in items(row.get("enum")) if "(legacy)" in words]
    assert field.legacy_choices == {*said, *(value for value, _ in items(row.get("legacy_enum")))}


def items(enum: Any) -> list[tuple[Any, str]]:
    """The values of an enum, with what is said of each."""
    return list(enum.items()) if isinstance(enum, dict) else [(value, "") for value in enum or ()]


def test_regions_that_left_the_documents_are_marked():
    vendors = STORAGE["vendors"].items()
    assert {number for number, row in vendors if row.get("legacy")} == LEGACY_VENDORS
    assert {
        (number, region)
        for number, row in vendors
        for region, told in row["regions"].items()
        if told.get("legacy") and not row.get("legacy")
    } == LEGACY_REGIONS


def test_null_is_taken_where_the_reference_says_so():
    nullable = [(shape, each.name) for shape in SHAPES for each in SHAPES[shape].fields if each.nullable]
    assert nullable == [("WebRecorderParam", "readyTimeout")]
    assert re.search("0 or null", theirs(*nullable[0])["note"])


def test_regions_lie_where_the_reference_puts_them():
    assert {
        vendor: tuple(row["regions"][number]["area"] for number in sorted(row["regions"]))
        for vendor, row in STORAGE["vendors"].items()
    } == AREAS


def test_vendors_have_the_extras_of_the_reference():
    assert set(STORAGE["sts_vendors"]) == STS_VENDORS
    assert set(STORAGE["sse"]["vendors"]) == SSE_VENDORS
    assert set(STORAGE["tag"]["vendors"]) == TAG_VENDORS
