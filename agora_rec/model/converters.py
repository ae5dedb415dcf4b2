"""How arguments become attributes: lists become tuples, good spellings become one spelling.

A converter never raises and never judges. What it can't read it leaves as it is, for the validation to
name beside all other faults.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar, cast

from agora_rec.model.choices import AvFileType, SnapshotFileType
from agora_rec.secret import Secret, hide

if TYPE_CHECKING:
    from agora_rec.model.layout import LayoutRegion, UserBackground

T = TypeVar("T")

MAX_UID = 2**32 - 1
_MAX_UID_DIGITS = len(str(MAX_UID))
_DECIMALS = 6
_LAST_SECOND = 253_402_300_799  # of the year 9999, where datetime ends


def normal_uid(uid: object) -> int:
    """The number of a UID that was given as integer or as text.

    The service knows UIDs as text holding an integer from 1 to 4294967295. Leading zeros, signs, spaces
    and digits of other scripts are refused: the service tells recordings apart by this text.

    Raises:
        ValueError: it is no such number.
    """
    number = uid
    if isinstance(uid, str) and uid.isascii() and uid.isdigit() and len(uid) <= _MAX_UID_DIGITS:
        number = 0 if uid.startswith("0") else int(uid)
    if isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= MAX_UID:
        return int(number)
    raise ValueError("a UID is an integer from 1 to 4294967295")


def one_uid(uid: int | str) -> int | str:
    """Turn a good UID into its number."""
    try:
        return normal_uid(uid)
    except ValueError:
        return uid


def optional_uid(uid: int | str | None) -> int | str | None:
    """Turn a good UID into its number; None: not sent."""
    return None if uid is None else one_uid(uid)


def optional_uids(uids: Sequence[int | str] | None) -> tuple[int | str, ...] | None:
    """Freeze a list of UIDs and turn the good ones into numbers."""
    frozen = _frozen(uids)
    return tuple(map(one_uid, frozen)) if isinstance(frozen, tuple) else frozen


def optional_texts(texts: Sequence[str] | None) -> tuple[str, ...] | None:
    """Freeze a list of texts."""
    return _frozen(texts)


def optional_file_types(types: Sequence[AvFileType | str] | None) -> tuple[AvFileType | str, ...] | None:
    """Freeze a list of kinds of file."""
    return _frozen(types)


def snapshot_file_types(types: Sequence[SnapshotFileType | str]) -> tuple[SnapshotFileType | str, ...]:
    """Freeze a list of kinds of screenshot."""
    return cast("tuple[SnapshotFileType | str, ...]", _frozen(types))


def layout_regions(regions: "Sequence[LayoutRegion]") -> "tuple[LayoutRegion, ...]":
    """Freeze a list of layout regions."""
    return cast("tuple[LayoutRegion, ...]", _frozen(regions))


def optional_backgrounds(pictures: "Sequence[UserBackground] | None") -> "tuple[UserBackground, ...] | None":
    """Freeze a list of users' background pictures."""
    return _frozen(pictures)


def one_secret(text: str | Secret) -> Secret:
    """Hide a text; None stays None, for the validation to miss it."""
    return cast("Secret", hide(text))


def optional_secrets(texts: Sequence[str | Secret] | None) -> tuple[Secret, ...] | None:
    """Hide each text of a list. What is no list is hidden whole, so that no repr shows it."""
    if texts is None:
        return None
    frozen = _frozen(texts)
    if isinstance(frozen, tuple):
        return tuple(map(Secret, frozen))
    return cast("tuple[Secret, ...]", Secret(cast("str", texts)))


def fraction(number: float) -> float:
    """Round a part of the canvas to the six decimals that the service knows."""
    if type(number) in {int, float} and 0 <= number <= 1:
        return round(float(number), _DECIMALS)
    return number


def optional_moment(moment: datetime | int | None) -> datetime | None:
    """Turn Unix seconds, or an aware datetime of any zone, into UTC and whole seconds."""
    value = cast("object", moment)
    if type(value) is int and 0 <= value <= _LAST_SECOND:
        return datetime.fromtimestamp(value, UTC)
    if not isinstance(value, datetime):
        return cast("None", value)
    try:
        return value if value.utcoffset() is None else value.astimezone(UTC).replace(microsecond=0)
    except Exception:  # noqa: BLE001 - the edges of the calendar, or whatever a foreign zone raises
        return value


def _frozen(items: Sequence[T] | None) -> tuple[T, ...] | None:
    if isinstance(items, list):
        return tuple(items)
    return cast("tuple[T, ...] | None", items)
