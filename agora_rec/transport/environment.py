"""What the environment says about connections: the way through proxies, the certificates that are trusted.

Imported when a client opens, not with the package: what it needs of the standard library is heavy, and
reading a bundle of certificates takes tens of milliseconds. The variables are those that curl, requests and
httpx know.
"""

import os
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi

from agora_rec.errors import InvalidRequest, Violation
from agora_rec.secret import MASK, Secret
from agora_rec.transport.hosts import is_loopback


def proxies_of(hosts: Iterable[str]) -> dict[str, Secret]:
    """The proxies of those hosts that must be reached through one, by base URL; they may hold passwords."""
    known = getproxies()
    found = {host: proxy_for(host, known) for host in hosts}
    return {host: Secret(proxy) for host, proxy in found.items() if proxy is not None}


def proxy_for(url: str, proxies: Mapping[str, str]) -> str | None:
    """The proxy that a URL must go through, of those in the environment; None: the direct way.

    A loopback address is always reached directly: credentials in plain text don't leave the machine. A proxy
    that is given without a scheme is an http one, as for other programs.
    """
    if not proxies:
        return None
    parts = urlsplit(url)
    host = parts.hostname or ""
    # With the host alone: on macOS and Windows urllib's function takes nothing else.
    if is_loopback(host) or proxy_bypass(host):
        return None
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def bad_proxy(host: str, proxy: Secret, rule: str) -> InvalidRequest:
    """The complaint about a proxy that can't be used; shows no more of it than scheme, host and port."""
    try:
        parts = urlsplit(proxy.reveal())
        port = "" if parts.port is None else f":{parts.port}"
        shown = f"{parts.scheme}://{parts.hostname or ''}{port}"
    except ValueError:
        shown = MASK
    return InvalidRequest((Violation(f"{urlsplit(host).scheme}_proxy", ascii(shown[:100]), rule),))


def trust() -> ssl.SSLContext:
    """The context that verifies every host: the bundle of SSL_CERT_FILE or SSL_CERT_DIR, else certifi's.

    Raises:
        InvalidRequest: What one of the two names can't be read.
    """
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    try:
        if file:
            return ssl.create_default_context(cafile=file)
        if folder:
            # A folder that is not there would be found out by the first call, as one of unknown authorities.
            next(Path(folder).iterdir(), None)
            return ssl.create_default_context(capath=folder)
    except OSError as error:
        name, value = ("SSL_CERT_FILE", file) if file else ("SSL_CERT_DIR", folder)
        rule = "certificates of authorities in PEM that can be read"
        wrong = Violation(name, ascii(value)[:100], f"{rule} ({type(error).__name__})")
        raise InvalidRequest((wrong,)) from None
    return ssl.create_default_context(cafile=certifi.where())
