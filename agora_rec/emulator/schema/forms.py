"""What single texts may look like: a uid, a colour, an address, a path. Patterns, for checks and to show."""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from attrs import evolve, field, frozen

from agora_rec.emulator import wire
from agora_rec.emulator.schema.told import Told

UID_MAX: Final = 4294967295
ALL_STREAMS: Final = "#allstream#"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?"
_BLANK: Final = r"\x00-\x20\x7f-\xa0\xad"
"""What no address may hold, as part of a pattern."""


@frozen
class Form:
    """A kind of text. Calling it tells whether a text is one.

    `pattern` is a regular expression for the whole text, of those that Python and ECMAScript read alike;
    `longest` is how long it may be, `fits` what no pattern can say, if there is anything. `alone` are words
    that are texts of this kind too, and stand alone where there is a list of them.
    """

    pattern: str
    fits: Callable[[str], bool] | None = None
    longest: int | None = None
    alone: tuple[str, ...] = ()
    _compiled: re.Pattern[str] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_compiled", re.compile(self.pattern))  # the way of a frozen class

    def __call__(self, text: str) -> bool:
        """Whether that text is one."""
        if text in self.alone:
            return True
        is_short = self.longest is None or len(text) <= self.longest
        return (
            is_short and self._compiled.fullmatch(text) is not None and (self.fits is None or self.fits(text))
        )

    @property
    def told(self) -> Told:
        """A JSON Schema of it, without the words that stand alone."""
        longest: Told = {} if self.longest is None else {"maxLength": self.longest}
        return {"type": "string", "pattern": f"^(?:{self.pattern})$", **longest}


def _up_to(most: int) -> str:
    """A pattern for the whole numbers from 1 to that one."""
    digits = str(most)
    shorter = f"[1-9][0-9]{{0,{len(digits) - 2}}}"
    lower = [
        f"{digits[:place]}[{0 if place else 1}-{int(digit) - 1}][0-9]{{{len(digits) - place - 1}}}"
        for place, digit in enumerate(digits)
        if int(digit) > (0 if place else 1)
    ]
    return "|".join([shorter, *lower, digits])


def _is_readable_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return text.isprintable() and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _url(scheme: str) -> Form:
    """Addresses of that scheme (a pattern) at a host that has a name or four numbers."""
    user = rf"(?:[^{_BLANK}\/?#@\\\[\]]*@)?"
    host = rf"(?:[^{_BLANK}\/?#@\\:\[\]]+|\[[0-9A-Fa-f:.]+\])"
    return Form(
        rf"{scheme}:\/\/{user}{host}(?::(?:[1-9][0-9]{{0,4}})?)?(?:[\/?#][^{_BLANK}]*)?", _is_readable_url
    )


def _is_json_object(text: str) -> bool:
    try:
        return wire.as_object(wire.load(text.encode())) is not None
    except ValueError:
        return False


UID: Final = Form(_up_to(UID_MAX))
"""An integer 1 .. 4294967295 as text."""
UID_OR_ALL: Final = evolve(UID, alone=(ALL_STREAMS,))
"""A uid, or the word that stands for everybody."""
CNAME: Final = Form(r"[a-zA-Z0-9 !#$%&()+\-:;<=.>?@\[\]^_{}|~,]+")
"""A channel name's characters (all ASCII, so that bytes are characters). Its length is a setting."""
COLOUR: Final = Form("#[0-9A-Fa-f]{6}")
FOLDER: Final = Form("[A-Za-z0-9]+")
"""One part of a fileNamePrefix."""
HOST: Final = Form(rf"{_LABEL}(?:\.{_LABEL})*", longest=253)
"""A bare host name, without scheme, and so without a port or path."""
WEB_URL: Final = _url("[Hh][Tt][Tt][Pp][Ss]?")
"""An http or https address. Whether something stands there is found out later."""
SAFE_URL: Final = _url("[Hh][Tt][Tt][Pp][Ss]")
RTMP_URL: Final = _url("[Rr][Tt][Mm][Pp][Ss]?")
SALT: Final = Form("[A-Za-z0-9+\\/]{42}[AEIMQUYcgkosw048]=")
"""base64 of 32 bytes."""
HEADER: Final = Form("[!-~](?:[ -~]*[!-~])?")
"""The value of a header, of those that everybody can send."""
JSON_OBJECT: Final = Form(r"[ \t\n\r]*\{[^\x00]*\}[ \t\n\r]*", _is_json_object)
"""A JSON object inside a string."""
FILLED: Final = Form(r"[\s\S]+")
"""Any text that isn't empty."""
