"""The secrets that tests use, and the search for them in what the library shows.

Every test takes its credentials, keys and tokens from here. Each value holds `NEEDLE`, so that one search
finds them all, encoded ones too; `tests/support/canary.py` makes that search through a whole test run.
"""

import base64
import traceback
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

NEEDLE: Final = "Qz7Marked7zQ"

CUSTOMER_ID: Final = f"{NEEDLE}CustomerId"
CUSTOMER_SECRET: Final = f"{NEEDLE}CustomerSecret"
TOKEN: Final = f"007{NEEDLE}Token"
TOKEN_OF_ALTERNATE: Final = f"007{NEEDLE}TokenOfAlternate"
ACCESS_KEY: Final = f"{NEEDLE}AccessKey"
SECRET_KEY: Final = f"{NEEDLE}SecretKey"
STS_TOKEN: Final = f"{NEEDLE}StsToken"
ENCRYPTION_SECRET: Final = f"{NEEDLE}EncryptionSecret"
ENCRYPTION_SALT: Final = f"{NEEDLE}{'A' * 31}="
"""Base64 of 32 bytes, as the GCM2 modes demand it."""
RTMP_URL: Final = f"rtmp://live.example.com/app/{NEEDLE}StreamKey"
CALLBACK_SEED: Final = f"{NEEDLE}CallbackSeed"
WEBHOOK_SECRET: Final = f"{NEEDLE}WebhookSecret"

_HERE: Final = Path(__file__).resolve().parents[1]
_LIBRARY: Final = _HERE.parent / "agora_rec"


def _encodings(needle: str) -> frozenset[str]:
    """The needle itself, and what is left of it inside base64 (three alignments) and hexadecimal."""
    raw = needle.encode()
    found = {needle, raw.hex()}
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        found.add(text[2 if shift else 0 : -2].lstrip("A"))
    return frozenset(found)


_NEEDLES: Final = _encodings(NEEDLE)


def shown_in(text: str) -> bool:
    """Whether the text shows a secret of these tests, plain, in base64 or in hexadecimal."""
    return any(needle in text for needle in _NEEDLES)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all that hang on it: causes, contexts, members of groups."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions


def _safe_repr(value: object) -> str:
    """The repr, or the name of the type where an object is half built or can't be shown any more."""
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - foreign objects in the frames of an error may be in any state
        return f"<{type(value).__name__}: no repr: {type(error).__name__}>"


def exposures(error: BaseException) -> Iterator[tuple[str, str]]:
    """What a crash reporter would show of an error: (where, text) for each of its parts.

    These are its text, repr, arguments, attributes and notes, those of all errors on its chain, and the
    local variables of every frame from the first one of the library on; frames of the tests are left out.
    """
    for one in _chain(error):
        name = type(one).__name__
        yield f"str({name})", _safe_str(one)
        yield f"repr({name})", _safe_repr(one)
        yield f"{name}.args", _safe_repr(one.args)
        for key, value in list(vars(one).items()):
            yield f"{name}.{key}", f"{_safe_repr(value)} {_safe_str(value)}"
        inside = False
        for frame, line in traceback.walk_tb(one.__traceback__):
            path = frame.f_code.co_filename
            inside = inside or _lies_in(path, _LIBRARY)
            if inside and not _lies_in(path, _HERE):
                where = f"{name}: {Path(path).name}:{line} {frame.f_code.co_name}()"
                for key, value in list(frame.f_locals.items()):
                    yield f"{where} {key}", _safe_repr(value)


@cache
def _lies_in(file: str, folder: Path) -> bool:
    """Whether the file is in the folder; asked for every frame of every error, and of few files."""
    return Path(file).is_relative_to(folder)


def _safe_str(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - see _safe_repr
        return f"<{type(value).__name__}: no str: {type(error).__name__}>"
