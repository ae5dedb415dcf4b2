"""What goes with every request, whichever library sends it: headers and credentials."""

from base64 import b64encode
from typing import Final

from agora_rec.errors import InvalidRequest, Violation
from agora_rec.secret import MASK, Secret
from agora_rec.version import __version__


def headers_of_get() -> list[tuple[str, str]]:
    """The headers of a request without a body, all but the credentials."""
    return [
        ("User-Agent", f"agora-rec/{__version__}"),
        ("Accept", "application/json"),
        ("Accept-Encoding", "identity"),  # so that the bound on an answer's size is a bound on memory
    ]


def headers_of_post() -> list[tuple[str, str]]:
    """The headers of a request with a body of JSON (requests.yaml `transport`), all but the credentials."""
    return [*headers_of_get(), ("Content-Type", "application/json")]


AUTHORIZATION: Final = "Authorization"
"""The name of the header with the credentials."""


def basic_authorization(customer_id: str | Secret, customer_secret: str | Secret) -> Secret:
    """The value of the Authorization header (requests.yaml `transport.auth`).

    Raises:
        InvalidRequest: The ID or the secret is empty or can't be sent: a colon in the ID, broken Unicode.
    """
    name, password = Secret(customer_id), Secret(customer_secret)
    customer_id, customer_secret = name, password
    faults: list[Violation] = []
    if not name or _is_broken(name) or ":" in name.reveal():
        faults.append(Violation("customer_id", MASK, "a text that is not empty, without a colon"))
    if not password or _is_broken(password):
        faults.append(Violation("customer_secret", MASK, "a text that is not empty"))
    if faults:
        raise InvalidRequest(tuple(faults))
    return Secret("Basic " + b64encode(f"{name.reveal()}:{password.reveal()}".encode()).decode())


def _is_broken(text: Secret) -> bool:
    """Whether a text has halves of surrogate pairs; an encoder's error would carry the text."""
    return any("\ud800" <= char <= "\udfff" for char in text.reveal())
