"""Resource IDs and session IDs: how they are made, and what the service remembers of a resource.

A resource ID is opaque to callers. Here it is random bytes with a check sum, so that the service can tell
one that it can't read (code 1001) from one that it no longer knows.
"""

import base64
import binascii
import random
import zlib
from datetime import datetime
from typing import Final

from attrs import define, field, frozen

_RANDOM_BYTES: Final = 140
_SUM_BYTES: Final = 4


@frozen(kw_only=True)
class Resource:
    """What one acquire gave: for whom, for how long, and with which restrictions.

    `hours` is resourceExpiredHour, `region` acquire's `region`, `area` the one in which the recording is
    placed, `announced` a digest of
    `startParameter`; None where acquire had none.
    """

    resource_id: str
    app_id: str
    cname: str
    uid: str
    acquired_at: datetime
    scene: int
    hours: int
    region: str | None
    area: str
    announced: str | None


@define
class Ids:
    """The source of ids; the same seed gives the same ones in the same order."""

    seed: int
    _random: random.Random = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def resource_id(self) -> str:
        """A new resource ID: long, letters, digits, - and _."""
        data = self._random.randbytes(_RANDOM_BYTES)
        return base64.urlsafe_b64encode(data + zlib.crc32(data).to_bytes(_SUM_BYTES, "big")).decode()

    def sid(self) -> str:
        """A new recording ID: 32 hex digits."""
        return self._random.randbytes(16).hex()

    def uid(self) -> str:
        """A new uid of a recorder."""
        return str(self._random.randrange(1, 1 << 32))

    def request_id(self) -> str:
        """A new X-Request-Id."""
        return self._random.randbytes(16).hex()


def is_readable(resource_id: str) -> bool:
    """Whether this can be a resource ID at all."""
    try:
        data = base64.b64decode(resource_id.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    body, check = data[:-_SUM_BYTES], data[-_SUM_BYTES:]
    return zlib.crc32(body).to_bytes(_SUM_BYTES, "big") == check
