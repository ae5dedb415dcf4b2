"""Which host is asked: the documented names of an area in their order, or the one base URL given.

Pure: what happened and when comes in as arguments. The state is one for all calls of a client, so that the
first call to find a host dead spares the others.
"""

import ipaddress
import math
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

SETTLE: Final = 0.9
"""Seconds after a failure in which an attempt that begins is no evidence of its own: a little less than the
documented wait before the same request goes out again (timing.yaml `host_switch`)."""


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
    (hosts.yaml `failover`). Answers, whatever they say, keep the host.

    Many calls that fail together are one failure: an attempt counts only if it began after the trouble that
    was noted last, and `settle` seconds later. Otherwise fifty calls in one bad second would rush through all
    candidates, and each of them would have been tried by nobody.

    After `BACK_AFTER` seconds one call looks whether the preferred host answers again, and if it does, all go
    back; until then the others stay where they are answered.

    Attributes:
        urls: Base URLs in a grid: a row for each place, a column for each domain, the preferred one first.
        settle: See `SETTLE`.
    """

    urls: tuple[tuple[str, ...], ...]
    settle: float = SETTLE
    _at: _Spot = field(default=_PREFERRED, init=False)
    _patience: int = field(default=1, init=False)
    _trouble_at: float = field(default=-math.inf, init=False)
    _look_at: float = field(default=0.0, init=False)
    _looked_at: float = field(default=math.inf, init=False)

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
        """The base URL to ask by an attempt that begins `now`."""
        if self._at != _PREFERRED and now >= self._look_at:
            self._looked_at = now
            self._look_at = now + BACK_AFTER
            return self._url(_PREFERRED)
        return self._url(self._at)

    def answered(self, url: str, began: float) -> None:
        """Note that a host has answered an attempt that began then: it is kept until it fails twice in a row.

        An answer of a host that has been left since is no reason to go back, but for the one that looks.
        """
        if url == self._url(_PREFERRED) and began >= self._looked_at:
            self._at = _PREFERRED
            self._looked_at = math.inf
        if url == self._url(self._at):
            self._patience = 1

    def failed(self, url: str, began: float, now: float, *, dns: bool) -> None:
        """Note that a host gave no usable answer; `dns`: since its name did not resolve.

        A failure of a host that has been left already is no news.
        """
        if url != self._url(self._at) or began < self._trouble_at + self.settle:
            return
        self._trouble_at = now
        if self._patience > 0:
            self._patience -= 1
            return
        if self._at == _PREFERRED:
            self._look_at, self._looked_at = now + BACK_AFTER, math.inf
        self._at = self._next(dns=dns)

    def _next(self, *, dns: bool) -> _Spot:
        places, suffixes = len(self.urls), len(self.urls[0])
        here = self._at
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
