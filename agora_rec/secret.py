"""A value that is used but never shown. What counts as secret is decided where values are defined."""

from collections.abc import Iterable
from typing import Final

MASK: Final = "***"


class Secret:
    """A text that no repr, log line, message or traceback shows.

    Only `reveal()` gives the text back; it is called where the text goes on the wire, nowhere else.
    Secrets compare equal by their text, in constant time, and can't be pickled unless they are empty.
    """

    __slots__ = ("_text",)

    def __init__(self, text: "str | Secret") -> None:
        self._text: str = text.reveal() if isinstance(text, Secret) else text

    def reveal(self) -> str:
        """Give the text, for the wire."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        import hmac  # noqa: PLC0415 - brings OpenSSL, and few ever compare secrets

        return hmac.compare_digest(_bytes(self._text), _bytes(other._text))

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __reduce__(self) -> str | tuple[object, ...]:
        if not self._text:  # what was a secret, and has been withheld
            return Secret, ("",)
        raise TypeError("a Secret can't be pickled or copied: give it to those who need it by hand")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> "Secret":
        return self


def _bytes(text: object) -> bytes:
    """Any text, broken Unicode and values of wrong types included: what is wrong is for validation to say."""
    return str(text).encode(errors="surrogatepass")


def hide(text: "str | Secret | None") -> Secret | None:
    """Wrap a text that came in as an argument; rebind the argument with it, so that no frame keeps it."""
    return None if text is None else Secret(text)


def hide_all(given: "str | Secret | Iterable[str | Secret] | None") -> tuple[Secret, ...]:
    """Wrap one text or several that came in as an argument; none for None. What is no text is wrapped too."""
    if given is None:
        return ()
    several = isinstance(given, Iterable) and not isinstance(given, str)
    return tuple(map(Secret, given)) if several else (Secret(given),)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - wrong types are for validation
