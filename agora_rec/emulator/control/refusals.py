"""How the control API says no: what is thrown inside of it, and what becomes of that. Values only."""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from attrs import frozen

from agora_rec.emulator.control.fields import WrongFields


class NotFound(Exception):  # noqa: N818 - an answer on its way out
    """There is no such thing; never leaves the control API."""


class Conflict(Exception):  # noqa: N818 - an answer on its way out
    """It can't be done now, or not in this emulator; never leaves the control API."""


class WrongMethod(Exception):  # noqa: N818 - an answer on its way out
    """This can be asked for with other methods only; never leaves the control API."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed: str = ", ".join(allowed)
        super().__init__(f"this is for {self.allowed}")


Thrown: TypeAlias = WrongFields | NotFound | WrongMethod | Conflict


@frozen
class Refusal:
    """One kind of no: the status, and the word of the body's `error`."""

    status: int
    error: str


FORBIDDEN: Final = Refusal(403, "forbidden")
TOO_LARGE: Final = Refusal(413, "too_large")
REFUSALS: Final[Mapping[type[Exception], Refusal]] = {
    WrongFields: Refusal(400, "invalid_request"),
    NotFound: Refusal(404, "not_found"),
    WrongMethod: Refusal(405, "wrong_method"),
    Conflict: Refusal(409, "conflict"),
}
