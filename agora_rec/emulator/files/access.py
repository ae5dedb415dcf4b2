"""Where a recording's files go: the S3-compatible storage that start named, and whether it may be spoken to.

Of all vendors only this one (11) has an endpoint of the customer's choice, so only here anything is written.
"""

import ipaddress
from collections.abc import Mapping

from attrs import frozen

from agora_rec.emulator.schema.forms import HOST
from agora_rec.emulator.schema.regions import S3_COMPATIBLE
from agora_rec.emulator.wire import JsonObject, int_of, object_of, text_of
from agora_rec.errors import InvalidRequest, Violation
from agora_rec.secret import Secret


@frozen
class BucketAccess:
    """A bucket of an S3-compatible storage, by the endpoint's name, and the keys to it."""

    endpoint: str
    bucket: str
    access_key: Secret
    secret_key: Secret


def read_access(storage: JsonObject) -> BucketAccess | None:
    """The access that a checked storageConfig gives; None for all other vendors."""
    if int_of(storage, "vendor", 0) != S3_COMPATIBLE:
        return None
    return BucketAccess(
        text_of(object_of(storage, "extensionParams"), "endpoint") or "",
        text_of(storage, "bucket") or "",
        Secret(text_of(storage, "accessKey") or ""),
        Secret(text_of(storage, "secretKey") or ""),
    )


def check_endpoints(endpoints: Mapping[str, str]) -> None:
    """Whether each endpoint is one that a start can name, and has a URL.

    Raises:
        InvalidRequest: one isn't, or hasn't.
    """
    rule = "an endpoint's host name without a port, and its URL with http:// or https://"
    violations = tuple(
        Violation(f"endpoints[{name!r}]", repr(url), rule)
        for name, url in endpoints.items()
        if not HOST(name) or not url.startswith(("http://", "https://"))
    )
    if violations:
        raise InvalidRequest(violations)


def find_url(endpoint: str, allowed: Mapping[str, str]) -> str | None:
    """The URL under which to reach an endpoint: one that was allowed by name, or this machine; else None."""
    if endpoint in allowed:
        return allowed[endpoint]
    return f"http://{endpoint}" if _is_loopback(endpoint) else None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
