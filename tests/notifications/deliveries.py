"""Deliveries for tests: the reference's own, and others made of the same envelope."""

import json
from collections.abc import Iterator
from typing import Any, Final

from tests.support.reference import load

REFERENCE: Final[dict[str, Any]] = load("events")
ROWS: Final[dict[int, dict[str, Any]]] = {row["eventType"]: row for row in REFERENCE["events"]}
ENVELOPE: Final[dict[str, Any]] = json.loads(REFERENCE["example_delivery"])


def delivery(event_type: int, details: object, *, envelope: object = None, **payload: object) -> bytes:
    """A delivery with these details; what else is given goes into the payload, or over the envelope."""
    whole = {**ENVELOPE, "eventType": event_type, **(envelope if isinstance(envelope, dict) else {})}
    whole["payload"] = {**ENVELOPE["payload"], "details": details, **payload}
    return json.dumps(whole).encode()


def examples() -> Iterator[tuple[int, dict[str, Any]]]:
    """Each type of event of the reference with each example of its details."""
    for event_type, row in ROWS.items():
        for name in ("example", "example_web"):
            if name in row:
                yield event_type, json.loads(row[name])


EXAMPLES: Final = list(examples())
EXAMPLE_IDS: Final = [f"{event_type}-{details['msgName']}" for event_type, details in EXAMPLES]
