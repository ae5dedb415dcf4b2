"""What the service says by a webhook: one event, and the recording that it is about."""

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from agora_rec.model.events import NOTHING_ELSE, Event, read_only
from agora_rec.vocabulary import OpenIntEnum, OpenStrEnum


class ServiceType(OpenIntEnum):
    """The part of the service that an event comes from."""

    SERVICE = 0
    RECORDER = 1
    UPLOADER = 2
    CONTENT_INSPECTION = 3
    """Legacy."""
    EXTENSIONS = 4
    WEB_RECORDER = 6
    POSTPONED_TRANSCODING = 7
    """Only in Shengwang's documents."""
    DOWNLOAD = 8


class ServiceScene(OpenStrEnum):
    """What the recording is for; only Shengwang's documents know it."""

    RTC_RECORD = "rtc_record"
    RTC_SNAPSHOT = "rtc_snapshot"
    RTC_VOD = "rtc_vod"
    WEB_RECORD = "web_record"
    POSTPONED_RECORD = "postpone_transcode::rtc_record"
    POSTPONED_TRANSCODE = "postpone_transcode::transcode"
    POSTPONED_FAILOVER = "postpone_transcode::transcode_failover"


@frozen(kw_only=True)
class Notification:
    """One notification, as it was received. What it doesn't say is None: test events say next to nothing.

    Attributes:
        notice_id: Its ID, which stays when it is sent again; empty if there is none.
        product_id: The product that it comes from: 3 is Cloud Recording.
        event_type: The number of the event's type.
        notified_at: When it was sent (UTC); another moment when it is sent again.
        cname: The channel.
        uid: The uid of the recording's instance: after a failover not the one that was acquired.
        sid: The recording's ID.
        sequence: The number of the event, from 0. It shows disorder, loss and repeats; whether it counts for
            the recording or for each of its parts is not documented.
        sent_at: When the event happened (UTC).
        service_type: The part of the service that it comes from.
        service_scene: What the recording is for.
        event: What it is about.
        extra: What the payload says beyond what this library knows, by the service's names; read-only.
        duplicate: Whether it had been received before. Only who received it knows: it isn't kept.
    """

    notice_id: str = ""
    product_id: int | None = None
    event_type: int
    notified_at: datetime | None = None
    cname: str | None = None
    uid: int | None = None
    sid: str | None = None
    sequence: int | None = None
    sent_at: datetime | None = None
    service_type: ServiceType | None = None
    service_scene: ServiceScene | None = None
    event: Event
    extra: Mapping[str, object] = field(default=NOTHING_ELSE, converter=read_only)
    duplicate: bool = False
