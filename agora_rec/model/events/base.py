"""What all events have in common: the base class, the event that nobody knows, and read-only fields.

The events themselves are grouped by the part of the service that reports them: `service`, `recorder`,
`uploader`, `web`, `extensions`, `postponed`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final, cast

from attrs import field, frozen

from agora_rec.vocabulary import OpenIntEnum


class Details(Mapping[str, object]):
    """Fields of JSON as the service wrote them, which nobody can change.

    Objects inside are `Details` as well, lists are tuples. Equal to any mapping of the same fields.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, object] | None = None) -> None:
        self._fields: dict[str, object] = (
            {key: _fixed(value) for key, value in fields.items()} if fields else {}
        )

    def __getitem__(self, key: str) -> object:
        return self._fields[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __hash__(self) -> int:
        return hash(frozenset(self._fields.items()))

    def __repr__(self) -> str:
        return f"Details({self._fields!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Details, (self._fields,)


def _fixed(value: object) -> object:
    if isinstance(value, Mapping):
        return read_only(cast("Mapping[str, object]", value))
    return tuple(map(_fixed, cast("list[object]", value))) if isinstance(value, list | tuple) else value


def read_only(fields: Mapping[str, object]) -> Details:
    """Make fields read-only; those that are it already stay what they are."""
    return fields if isinstance(fields, Details) else Details(fields)


NOTHING_ELSE: Final = Details()
"""No fields beyond the known ones, as in nearly every event."""


class PartStatus(OpenIntEnum):
    """How a part of the recording says it is: every number but 0 is abnormal (`details_status`)."""

    NORMAL = 0

    @property
    def is_normal(self) -> bool:
        """Whether all is well."""
        return self is PartStatus.NORMAL


@frozen(kw_only=True)
class Event:
    """What a notification is about. Each type of event is a class of its own; what isn't said is None.

    Attributes:
        event_type: The number of the type (events.yaml `eventType`), of the class.
        msg_name: The service's own name of the event.
        extra: What the details say beyond what this library knows, by the service's names; read-only.
    """

    event_type: ClassVar[int]
    msg_name: str | None = None
    extra: Mapping[str, object] = field(default=NOTHING_ELSE, converter=read_only)


@frozen(kw_only=True)
class UnknownEvent(Event):
    """An event of a type that this library doesn't know, or whose details have another shape than documented.

    It is kept, never refused. The console's test events are of this kind.

    Attributes:
        event_type: The number of its type.
        details: All that it says, by the service's names; read-only. The address of a push to a CDN
            is a `Secret` in it.
    """

    event_type: int  # type: ignore[misc]  # pyright: ignore[reportIncompatibleVariableOverride] # only here
    details: Mapping[str, object] = field(default=NOTHING_ELSE, converter=read_only)
