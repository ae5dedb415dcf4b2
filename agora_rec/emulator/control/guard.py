"""Who may use the control API and the page: whatever a browser can be made to send from elsewhere is refused.

Nobody needs credentials here. So a page of the web that is open in somebody's browser must not get anywhere:
neither by a name of its own that leads to this machine (Host), nor by a form or a script of its own (Origin,
Sec-Fetch-Site). And by default only programs of this machine get anywhere at all.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from enum import Enum, unique
from typing import Final

from attrs import field, frozen

from agora_rec.errors import InvalidRequest, Violation

_SAFE: Final = frozenset({"GET", "HEAD"})
_OWN_SITES: Final = frozenset({"same-origin", "none"})
_NAME: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")


@unique
class ControlAccess(Enum):
    """Who may use `/_emulator/`."""

    OFF = "off"
    """Nobody: it isn't there."""
    THIS_MACHINE = "this-machine"
    """Programs that run on this machine, on whichever address it listens."""
    EVERYBODY = "everybody"
    """Whoever reaches the port. There are no credentials: for closed networks, as those of containers are."""


def _lower_names(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.lower() for name in ([names] if isinstance(names, str) else names))


@frozen(kw_only=True)
class Guard:
    """What is let through. `hosts` are further names under which the emulator may be called.

    Raises:
        InvalidRequest: one of these is no name of a host.
    """

    access: ControlAccess = ControlAccess.THIS_MACHINE
    hosts: frozenset[str] = field(default=frozenset(), converter=_lower_names)

    def __attrs_post_init__(self) -> None:
        wrong = [name for name in sorted(self.hosts) if not _NAME.fullmatch(name)]
        if wrong:
            rule = "the name of a host, without scheme and port"
            raise InvalidRequest(tuple(Violation("control_hosts", ascii(name)[:100], rule) for name in wrong))

    def objection(
        self, method: str, headers: Mapping[str, str], *, scheme: str, host: str, client: str | None
    ) -> str | None:
        """Why a request is refused, if it is.

        Args:
            method: the request's.
            headers: the request's; names in lower case.
            scheme: http or https.
            host: the Host header's name, without port.
            client: the address that the request comes from, if the server knows it.
        """
        if self.access is not ControlAccess.EVERYBODY and not is_loopback(client or ""):
            return (
                "only programs on this machine may use the control API, unless the emulator is told otherwise"
            )
        if not self._is_own_name(host):
            return (
                "the Host header names another host: use an address, localhost, or tell the emulator the name"
            )
        origin = headers.get("origin")
        if origin is not None and origin.lower() != f"{scheme}://{headers.get('host', '')}".lower():
            return "the Origin header names another site"
        if method not in _SAFE and headers.get("sec-fetch-site", "none") not in _OWN_SITES:
            return "a page of another site has sent this"
        return None

    def _is_own_name(self, host: str) -> bool:
        """Addresses can't be made to lead elsewhere; names can, except the machine's own and those told."""
        name = host.lower()
        return name == "localhost" or name in self.hosts or _is_address(name)


def is_loopback(address: str) -> bool:
    """Whether that is an address of this machine's own."""
    return _is_address(address) and _ip(address).is_loopback


def _is_address(text: str) -> bool:
    try:
        _ip(text)
    except ValueError:
        return False
    return True


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text)
    # A socket for both families shows IPv4 clients as IPv6 ones.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
