"""What the service has said of one recording by notification, and which notifications were dealt with.

Kept are the last ones, as evidence and for those who follow them; the identities of some more, so that what
comes again is recognised; how far the upload is; and how often something seemed to be wrong. Pure. What a
notification means for the lifecycle stands in `lifecycle/heard.py`, which recording it belongs to in
`notifications/`.
"""

from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final, Self

from agora_rec.codec import notification_from_json, notification_to_json
from agora_rec.lifecycle import Fact
from agora_rec.lifecycle.facts import Suspected
from agora_rec.lifecycle.heard import facts_heard
from agora_rec.model.events import RtmpPublishStatus, UnknownEvent, UploadingProgress
from agora_rec.model.notification import Notification
from agora_rec.recording.tail import Tail
from agora_rec.store import Checkpoint

NOTIFICATIONS_KEPT: Final = 20
"""How many notifications are kept with each recording."""

PROGRESS_DONE: Final = 10_000
"""The `progress` of an upload that is done (timing.yaml `uploading_progress`)."""

_MAY_HOLD_SECRETS: Final = (RtmpPublishStatus, UnknownEvent)

KEYS_KEPT: Final = 128
"""How many identities are remembered with each recording; a notification has up to two."""


def identity(notification: Notification) -> tuple[str, ...]:
    """By what a notification is recognised when it comes again; empty for one that nothing tells apart.

    One that is sent again keeps its `noticeId` and has another `notifyMs`. Whether the copies of the
    redundant channel share a `noticeId` isn't documented, so where and when the event happened is an
    identity too (events.yaml `guarantees`).
    """
    keys: list[str] = []
    if notification.notice_id:
        keys.append(_digest("notice", notification.notice_id))
    if notification.sid:
        when = notification.sequence, notification.sent_at
        what = notification.event if when == (None, None) else notification.event_type
        keys.append(_digest("event", notification.sid, notification.uid, *when, what))
    return tuple(keys)


def _digest(*parts: object) -> str:
    # Short, and of one length whatever somebody sends.
    text = "\n".join(map(str, parts))
    return blake2b(text.encode(errors="surrogatepass"), digest_size=9).hexdigest()


class Heard:
    """The notifications of one recording."""

    __slots__ = ("_kept_keys", "_keys", "kept", "progress", "revision", "suspicions")

    def __init__(
        self,
        notifications: Iterable[Notification] = (),
        keys: tuple[str, ...] = (),
        progress: int | None = None,
    ) -> None:
        self.kept: Tail[Notification] = Tail(notifications, most=NOTIFICATIONS_KEPT)
        # Made with the first key: where no notifications come in, nobody ever needs them.
        self._kept_keys: OrderedDict[str, None] | None = None
        self._keys: OrderedDict[str, None] | None = OrderedDict.fromkeys(keys) if keys else None
        self.progress: int | None = progress
        """How far the upload is, in ten-thousandths of what is recorded; it never falls."""
        self.revision: int = 0
        """Grows with everything that is learnt here."""
        self.suspicions: int = 0
        """How many notifications said that it may be in trouble; only a query can tell."""

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Self:
        """What a checkpoint says of it."""
        return cls(checkpoint.notifications, checkpoint.heard, checkpoint.progress)

    @property
    def notifications(self) -> tuple[Notification, ...]:
        """The last ones, in the order in which they came."""
        return self.kept.items

    @property
    def keys(self) -> tuple[str, ...]:
        """The identities of the last ones that were dealt with."""
        return () if self._keys is None else tuple(self._keys)

    def is_settled(self, keys: Iterable[str]) -> bool:
        """Whether a notification with one of these identities was dealt with already."""
        return self._keys is not None and not self._keys.keys().isdisjoint(keys)

    def keep(self, notification: Notification, keys: tuple[str, ...]) -> bool:
        """Keep a notification without its secrets, unless it is kept already; whether it was new."""
        if self._kept_keys is None:
            self._kept_keys = OrderedDict.fromkeys(key for each in self.kept.items for key in identity(each))
        if not self._kept_keys.keys().isdisjoint(keys):
            return False
        self.kept.append(_withheld(notification))
        remember(self._kept_keys, keys, KEYS_KEPT)
        self.revision += 1
        if isinstance(notification.event, UploadingProgress):
            self._progressed(notification.event.progress)
        return True

    def suspect(self, said: Iterable[Fact]) -> None:
        """Note whether a notification says that it may be in trouble."""
        self.suspicions += any(isinstance(fact, Suspected) for fact in said)

    def settle(self, keys: tuple[str, ...]) -> None:
        """Remember that a notification was dealt with: whoever meets these identities again need not act."""
        if not keys:
            return
        if self._keys is None:
            self._keys = OrderedDict()
        if remember(self._keys, keys, KEYS_KEPT):
            self.revision += 1

    def merge(self, checkpoint: Checkpoint) -> None:
        """Learn what other workers have heard and dealt with."""
        for notification in checkpoint.notifications:
            if self.keep(notification, identity(notification)):
                self.suspect(facts_heard(notification))
        self.settle(checkpoint.heard)
        self._progressed(checkpoint.progress)

    def _progressed(self, progress: int | None) -> None:
        if progress is not None and (self.progress is None or progress > self.progress):
            self.progress = progress


def _withheld(notification: Notification) -> Notification:
    """The same without secrets: what is kept goes into checkpoints, and into errors as evidence."""
    if not (
        isinstance(notification.event, _MAY_HOLD_SECRETS) or notification.event.extra or notification.extra
    ):
        return notification
    return notification_from_json(notification_to_json(notification))


def remember(known: OrderedDict[str, None], keys: Iterable[str], most: int) -> bool:
    """Add keys to those that are known, the oldest of which make room; whether one was new."""
    before = len(known)
    known.update(dict.fromkeys(keys))
    is_new = len(known) > before
    while len(known) > most:
        known.popitem(last=False)  # a plain dict is slow at losing its first
    return is_new
