"""Whether a notification comes from the service: its signature, over the bytes of the body as they came.

The service sends two signatures (events.yaml `headers`). Where the newer one is there, it alone decides: who
could forge the older one gains nothing by it. However a framework gives headers: any mapping of names to
values will do, or pairs of them, as texts or as bytes.
"""

import hmac
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import frozen

from agora_rec.errors import AgoraRecError, InvalidRequest, NotificationRejected, RejectionReason, Violation
from agora_rec.notifications.body import body_of
from agora_rec.notifications.receiver import Headers
from agora_rec.secret import Secret, hide_all

Secrets = str | Secret | Iterable[str | Secret]
"""The secret of the console, or several of them."""


@frozen(eq=False)
class _Scheme:
    """One of the service's ways to sign.

    Attributes:
        header: The header that carries the signature.
        digest: The hash function.
        length: How many characters the signature has.
    """

    header: str
    digest: str
    length: int


_SHA256: Final = _Scheme("Agora-Signature-V2", "sha256", 64)
_SHA1: Final = _Scheme("Agora-Signature", "sha1", 40)
_BY_NAME: Final = {scheme.header.lower(): scheme for scheme in (_SHA256, _SHA1)}
_NAME_LENGTHS: Final = frozenset(map(len, _BY_NAME))


def verify(secret: Secrets, headers: Headers, body: bytes, *, accept_sha1: bool = True) -> None:
    """Make sure that a notification was signed with the secret of the console.

    Args:
        secret: The secret, or several while it is being changed: one that fits is enough.
        headers: The request's headers, their names in any case.
        body: The request's body, exactly as it came: never JSON that was read and written anew.
        accept_sha1: Whether the older signature (`Agora-Signature`) is enough where the newer one
            (`Agora-Signature-V2`) is missing. Where that is there, it alone decides.

    Raises:
        NotificationRejected: It is not signed like that (BAD_SIGNATURE), or larger than 256 KiB (TOO_LARGE).
        InvalidRequest: There is no secret or an empty one, the headers are none, or the body isn't bytes.
    """
    error = _error(hide_all(secret), headers, body, accept_sha1=accept_sha1)
    # A body may hold a stream's key, headers a proxy's password: not for tracebacks.
    del secret, headers, body
    if error is not None:
        raise error


def _error(
    secrets: tuple[Secret, ...], headers: object, body: object, *, accept_sha1: bool
) -> AgoraRecError | None:
    """What to raise. Raised in here it would carry the body in its frames."""
    if not secrets or not all(_is_said(each.reveal()) for each in secrets):
        rule = "the secret that the console shows for webhooks, or several of them, none of them empty"
        return InvalidRequest((Violation("webhook_secret", "...", rule),))
    try:
        problem = _problem(secrets, headers, body_of(body), accept_sha1=accept_sha1)
    except AgoraRecError as error:
        return error.with_traceback(None)
    return None if problem is None else NotificationRejected(RejectionReason.BAD_SIGNATURE, problem)


def _is_said(secret: object) -> bool:
    return isinstance(secret, str) and bool(secret)


def _problem(secrets: tuple[Secret, ...], headers: object, body: bytes, *, accept_sha1: bool) -> str | None:
    """What is wrong with the signature that decides; None: nothing."""
    found: dict[_Scheme, list[str | bytes]] = {}
    for name, value in _pairs(headers):
        if len(name) in _NAME_LENGTHS:
            scheme = _BY_NAME.get(_text(name).lower())
            if scheme is not None:
                found.setdefault(scheme, []).append(value)
    if not found:
        return f"neither {_SHA256.header} nor {_SHA1.header} is there"
    scheme = _SHA256 if _SHA256 in found else _SHA1
    if scheme is _SHA1 and not accept_sha1:
        return f"{_SHA256.header} is missing, and the older signature is not accepted"
    if len(found[scheme]) > 1:
        return f"more than one {scheme.header}"
    (given,) = found[scheme]
    if len(given) != scheme.length:
        return f"{scheme.header} has {len(given)} characters, not {scheme.length}"
    signature = given if isinstance(given, bytes) else given.encode(errors="replace")
    return None if _fits(secrets, scheme, signature, body) else "it does not fit the secret and the body"


def _pairs(headers: object) -> Iterator[tuple[str | bytes, str | bytes]]:
    given: Any = headers
    try:
        for name, value in given.items() if isinstance(headers, Mapping) else given:
            if not isinstance(name, str | bytes) or not isinstance(value, str | bytes):
                raise TypeError  # noqa: TRY301 - the same fault as what isn't a pair
            yield name, value
    except (TypeError, ValueError):
        pass  # raised below, so that no foreign text hangs on it
    else:
        return
    rule = "a mapping of names to values, or pairs of them, as texts or as bytes"
    raise InvalidRequest((Violation("headers", type(given).__name__, rule),))


def _text(name: str | bytes) -> str:
    return name if isinstance(name, str) else name.decode("latin-1")


def _fits(secrets: tuple[Secret, ...], scheme: _Scheme, signature: bytes, body: bytes) -> bool:
    """Whether one of the secrets signs like that. All are tried: the time tells nothing about them."""
    fits = False
    for secret in secrets:
        right = hmac.digest(secret.reveal().encode(errors="surrogatepass"), body, scheme.digest).hex()
        fits |= hmac.compare_digest(right.encode(), signature)
    return fits
