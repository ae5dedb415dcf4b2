"""What events.yaml demands of a payload, applied to what the emulator tells."""

from collections.abc import Iterable, Mapping
from typing import Any

from agora_rec.emulator import Notice
from tests.support.reference import load

REFERENCE: dict[str, Any] = load("events")
ROWS: dict[int, dict[str, Any]] = {row["eventType"]: row for row in REFERENCE["events"]}
ENUMS: dict[str, Any] = REFERENCE["enums"]
KINDS: dict[str, type] = {"string": str, "integer": int, "boolean": bool, "object": dict}
PAYLOAD: dict[str, dict[str, Any]] = {row["name"]: row for row in REFERENCE["payload"]["fields"]}


def check_notice(notice: Notice, *, web: bool) -> None:
    """Every documented field is there, of its type and with a documented value, and nothing else is."""
    row = ROWS[int(notice.event_type)]
    said = notice.payload
    assert set(said) == {name for name, field in PAYLOAD.items() if not field.get("legacy")}
    check_fields(said, [PAYLOAD[name] for name in said])
    assert said["serviceType"] == row["serviceType"]
    assert (said["sid"], said["sequence"], said["uid"]) == (notice.sid, notice.sequence, notice.uid)
    assert said["sendts"] == int(notice.happened_at.timestamp() * 1000)
    fields = [field for field in row["details"] if not (web and "absent in web" in field.get("when", ""))]
    details = notice.details
    assert set(details) == {"msgName"} | {field["name"] for field in fields}
    if not row.get("undocumented_details"):
        assert details["msgName"] == row["name"]
    check_fields(details, fields)


def check_fields(given: Mapping[str, Any], fields: Iterable[dict[str, Any]]) -> None:
    for field in fields:
        value, kind = given[field["name"]], field["type"]
        if kind == "array[object]":
            assert isinstance(value, list)
            for item in value:
                assert set(item) == {each["name"] for each in field["fields"]}
                check_fields(item, field["fields"])
            continue
        assert type(value) is KINDS[kind], field
        allowed = allowed_values(field)
        if allowed is not None:
            assert value in allowed, field
        if "range" in field:
            assert isinstance(value, int)
            assert field["range"][0] <= value <= field["range"][1]
        if field.get("unit") == "ms":
            assert value > 1_700_000_000_000


def allowed_values(field: dict[str, Any]) -> set[Any] | None:
    """The values that a field may have; None if that is not said."""
    enum = field.get("enum") or ENUMS.get(field.get("use_enum", ""))
    if enum is None or "other" in enum:
        return None
    return {value for value in enum if isinstance(value, int) or value not in {"kind", "note"}}
