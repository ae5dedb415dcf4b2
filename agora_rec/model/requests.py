"""The bodies of the service's calls, as values. Their JSON is the codec's business."""

from attrs import field, frozen

from agora_rec.model.choices import RegionAffinity, Scene
from agora_rec.model.converters import one_uid, optional_secrets, optional_texts
from agora_rec.model.layout import Layout
from agora_rec.model.modes import Mode
from agora_rec.model.storage import Storage
from agora_rec.model.subscription import Subscription
from agora_rec.secret import Secret, hide
from agora_rec.vocabulary import Region


@frozen(kw_only=True)
class Request:
    """What every request says: which recording is meant. Acquire's words must be repeated by all others.

    Attributes:
        cname: the channel; for web pages any name that tells recordings apart. 1 to 1024 bytes:
            a-z, A-Z, 0-9, space and ``! # $ % & ( ) + - : ; < = . > ? @ [ ] ^ _ { } | ~ ,``. Older
            documents allow 128 bytes, the oldest fewer than 64.
        uid: the recorder's own UID, 1 to 4294967295, as integer or as text; nobody else's in the channel.
    """

    cname: str
    uid: int | str = field(converter=one_uid)


@frozen(kw_only=True)
class StartParameter:
    """All that a start says beyond the names: its `clientRequest`.

    Attributes:
        mode: what to record and how.
        token: an RTC token for this channel and UID, needed if the project has its certificate enabled. It
            can't be renewed: it must outlive the recording.
    """

    mode: Mode
    token: Secret | None = field(default=None, converter=hide)


@frozen(kw_only=True)
class AcquireRequest(Request):
    """Ask for a resource: good for one start within five minutes.

    Attributes:
        scene: what it is for (`scene_of(mode)`); must be `WEB` for web pages. The service's default is `RTC`.
        resource_expired_hour: hours after the start in which the recording can be asked and stopped, 1 to
            720; the service's default is 72.
        exclude_resource_ids: resource IDs of recordings that run; the new one is placed elsewhere.
        region: record only there; the bucket must lie there too. None: nearest to the caller.
        region_affinity: a preference, weaker than `region` (legacy).
        start_parameter: exactly what the start will say; it improves the placement. A start that then says
            anything else fails.
    """

    scene: Scene | None = None
    resource_expired_hour: int | None = None
    exclude_resource_ids: tuple[str, ...] | None = field(default=None, converter=optional_texts)
    region: Region | None = None
    region_affinity: RegionAffinity | None = None
    start_parameter: StartParameter | None = None


@frozen(kw_only=True)
class StartRequest(Request):
    """Begin to record.

    Attributes:
        mode: what to record and how.
        token: see `StartParameter`.
    """

    mode: Mode
    token: Secret | None = field(default=None, converter=hide)

    @property
    def parameter(self) -> StartParameter:
        """The same as acquire announces it."""
        return StartParameter(mode=self.mode, token=self.token)


@frozen(kw_only=True)
class Update:
    """What can change while a recording runs. Each update replaces the one before.

    Attributes:
        subscription: whom to record; not for web pages.
        onhold: pause (True) or go on (False); web pages only.
        rtmp_urls: at most one URL to push to; only for web pages that were started with one.
        storage: the whole storage, with a new STS token.
    """

    subscription: Subscription | None = None
    onhold: bool | None = None
    rtmp_urls: tuple[Secret, ...] | None = field(default=None, converter=optional_secrets)
    storage: Storage | None = None


@frozen(kw_only=True)
class UpdateRequest(Request):
    """Change a running recording.

    Attributes:
        change: what to change.
    """

    change: Update


@frozen(kw_only=True)
class UpdateLayoutRequest(Request):
    """Change the picture of a running `Mix`.

    Attributes:
        layout: the new layout; it replaces the old one whole.
    """

    layout: Layout


@frozen(kw_only=True)
class StopRequest(Request):
    """End a recording.

    Attributes:
        async_stop: answer at once; else the service waits for the upload, up to 20 s. False isn't sent.
    """

    async_stop: bool = False


AnyRequest = AcquireRequest | StartRequest | UpdateRequest | UpdateLayoutRequest | StopRequest
"""Every request with a body."""
