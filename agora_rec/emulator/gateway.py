"""What stands before the recording service: credentials, the rate of calls, App IDs."""

import base64
import binascii
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from attrs import define, field

from agora_rec.emulator import wire
from agora_rec.emulator.routes import Route
from agora_rec.emulator.settings import AppIdRefusal, Settings
from agora_rec.emulator.wire import Refusal
from agora_rec.vocabulary import OperationName

_AT_ACQUIRE: Final[Mapping[AppIdRefusal, Refusal]] = {
    AppIdRefusal.SERVICE: wire.INVALID_APP_ID_ACQUIRE,
    AppIdRefusal.OLDER_SERVICE: wire.NOT_ENABLED_OLDER,
}
_WINDOW: Final = timedelta(seconds=1)


@define
class RateMeter:
    """Calls in any window of one second: how many there are, and how many there ever were."""

    limit: float | None
    peak: int = field(default=0, init=False)
    _passed: deque[datetime] = field(factory=deque[datetime], init=False)
    _arrived: deque[datetime] = field(factory=deque[datetime], init=False)

    def admit(self, now: datetime) -> bool:
        """Count a call; whether it may pass. Calls that may not don't use up the rate."""
        for moments in (self._passed, self._arrived):
            while moments and moments[0] <= now - _WINDOW:
                moments.popleft()
        self._arrived.append(now)
        self.peak = max(self.peak, len(self._arrived))
        if self.limit is not None and len(self._passed) >= self.limit:
            return False
        self._passed.append(now)
        return True


@define
class Gateway:
    """Credentials, rate and App IDs of one account."""

    app_id: str
    credentials: str = field(repr=False)
    """`customerId:customerSecret`."""
    qps: float | None
    _meters: dict[str, RateMeter] = field(factory=dict[str, RateMeter], init=False)

    def judge(
        self, route: Route | None, headers: Mapping[str, str], settings: Settings, now: datetime
    ) -> Refusal | None:
        """Why a request is not let through, if it isn't."""
        if route is None:
            return wire.NO_ROUTE
        given = headers.get("authorization")
        if given is None:
            return wire.NO_AUTHORIZATION
        if not self._is_right(given):
            return wire.WRONG_CREDENTIALS
        # ncs/ip names no App ID; it counts for the account's own.
        app_id = self.app_id if route.app_id is None else route.app_id
        if app_id != self.app_id and app_id not in settings.other_app_ids:
            return _refuse_app_id(route, settings)
        if not self._meters.setdefault(app_id, RateMeter(self.qps)).admit(now):
            return wire.RATE_EXCEEDED
        return None

    def peak(self) -> int:
        """The most calls for one App ID that came within one second, those over the rate included."""
        return max((meter.peak for meter in self._meters.values()), default=0)

    def _is_right(self, header: str) -> bool:
        scheme, _, encoded = header.partition(" ")
        try:
            given = base64.b64decode(encoded.strip().encode("ascii"), validate=True)
        except (binascii.Error, ValueError):
            return False
        return scheme.lower() == "basic" and given == self.credentials.encode()


def _refuse_app_id(route: Route, settings: Settings) -> Refusal:
    if settings.app_id_refusal is AppIdRefusal.OLDER:
        return wire.INVALID_APP_ID_OLDER
    at_acquire = _AT_ACQUIRE.get(settings.app_id_refusal)
    if at_acquire is not None and route.operation is OperationName.ACQUIRE:
        return at_acquire
    return wire.INVALID_APP_ID
