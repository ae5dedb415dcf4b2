"""Which host is asked: the documented names of an area in their order, or the one base URL given.

Pure: what happened and when comes in as arguments. The state is one for all calls of a client, so that the
first call to find a host dead spares the others.
"""

import ipaddress
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from attrs import define, field, frozen

from agora_rec.errors import InvalidRequest, Violation
from agora_rec.secret import MASK, Secret
from agora_rec.vocabulary import Area

PLACES: Final[Mapping[Area, tuple[str, ...]]] = MappingProxyType(
    {
        Area.US: ("api", "api-us-west-1", "api-us-east-1"),
        Area.EU: ("api", "api-eu-west-1", "api-eu-central-1"),
        Area.AP: ("api", "api-ap-southeast-1", "api-ap-northeast-1"),
        Area.CN: ("api", "api-cn-east-1", "api-cn-north-1"),
    }
)
"""First labels of the host names by area: the domain's own, then those of the area's two regions."""

SUFFIXES: Final[Mapping[Area, tuple[str, ...]]] = MappingProxyType(
    {
        Area.US: ("agora.io", "sd-rtn.com"),
        Area.EU: ("agora.io", "sd-rtn.com"),
        Area.AP: ("agora.io", "sd-rtn.com"),
        Area.CN: ("sd-rtn.com", "agora.io"),
    }
)
"""The two domains by area, the primary one first (hosts.yaml `domains`)."""

BACK_AFTER: Final = 30.0
"""Seconds after which the preferred host is tried again. The docs name none; both official clients look anew
every 30 s (hosts.yaml `official_clients`)."""


@frozen
class _Spot:
    """A candidate's coordinates: which place, which domain."""

    place: int = 0
    suffix: int = 0


_PREFERRED: Final = _Spot()


@define
class Hosts:
    """The candidates, and which of them is asked now.

    A call that fails on the preferred host is sent there once more, as documented; when that fails too, a
    failure to resolve the name leads to the other domain, any other failure of the network to the next region
    (hosts.yaml `failover`). Answers, whatever they say, keep the host. After `BACK_AFTER` seconds
    the preferred host gets another chance, and one failure is enough to leave it again.

    Attributes:
        urls: Base URLs in a grid: a row for each place, a column for each domain, the preferred one first.
    """

    urls: tuple[tuple[str, ...], ...]
    _now_at: _Spot = field(default=_PREFERRED, init=False)
    _fallback: _Spot | None = field(default=None, init=False)
    _patience: int = field(default=1, init=False)
    _back_at: float = field(default=0.0, init=False)

    @classmethod
    def of_area(cls, area: Area) -> "Hosts":
        """The service's documented names for an area.

        Raises:
            InvalidRequest: There is no such area.
        """
        if area not in tuple(Area):
            rule = f"one of {', '.join(Area)}"
            raise InvalidRequest((Violation("area", ascii(area)[:100], rule),))
        return cls(
            tuple(tuple(f"https://{place}.{suffix}" for suffix in SUFFIXES[area]) for place in PLACES[area])
        )

    @classmethod
    def of_base_url(cls, base_url: str | Secret) -> "Hosts":
        """One host of the caller's choice; it is never left.

        Raises:
            InvalidRequest: It is no http(s) URL of a host, or plain http to a host that is not this machine.
                (A password in it is never repeated.)
        """
        base_url = Secret(base_url)
        fault = _fault(base_url)
        if fault is not None:
            raise InvalidRequest((fault,))
        return cls(((base_url.reveal().rstrip("/"),),))

    @property
    def candidates(self) -> tuple[str, ...]:
        """All base URLs, row by row."""
        return tuple(url for row in self.urls for url in row)

    def current(self, now: float) -> str:
        """The base URL to ask at `now`."""
        if self._now_at != _PREFERRED and now >= self._back_at:
            self._fallback = self._now_at
            self._now_at = _PREFERRED
            self._patience = 0
        return self._url(self._now_at)

    def answered(self, url: str) -> None:
        """Note that a host has answered: it is kept until it fails twice in a row."""
        if url != self._url(self._now_at):
            return
        self._patience = 1
        if self._now_at == _PREFERRED:
            self._fallback = None

    def failed(self, url: str, now: float, *, dns: bool) -> None:
        """Note that a host gave no usable answer; `dns`: since its name did not resolve.

        A failure of a host that has been left already is no news.
        """
        if url != self._url(self._now_at):
            return
        if self._patience > 0:
            self._patience -= 1
            return
        if self._now_at == _PREFERRED:
            self._back_at = now + BACK_AFTER
        self._now_at = self._fallback or self._next(dns=dns)
        self._fallback = None

    def _next(self, *, dns: bool) -> _Spot:
        places, suffixes = len(self.urls), len(self.urls[0])
        here = self._now_at
        if dns and here.suffix + 1 < suffixes:
            return _Spot(here.place, here.suffix + 1)
        if here.place + 1 < places:
            return _Spot(here.place + 1, 0 if dns else here.suffix)
        return _Spot(0, 0 if dns else (here.suffix + 1) % suffixes)

    def _url(self, spot: _Spot) -> str:
        return self.urls[spot.place][spot.suffix]


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine: 127.0.0.0/8, ::1, localhost."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _fault(base_url: Secret) -> Violation | None:
    """What is wrong with a base URL, if anything; of a wrong one only scheme, host and port are shown."""
    text = base_url.reveal()
    rule = "an https URL of a host, with nothing behind its path; plain http to a loopback address only"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return Violation("base_url", MASK, rule)
    bare = not any(mark in text for mark in "@?#\\ ")
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if host and bare and safe and text.isascii() and text.isprintable():
        return None
    shown = f"{parts.scheme}://{host}{'' if port is None else f':{port}'}"
    return Violation("base_url", ascii(shown[:100]), rule)
