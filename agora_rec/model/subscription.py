"""Whose audio and video are recorded, at the start and by `update`."""

from typing import Final

from attrs import field, frozen

from agora_rec.model.converters import optional_uids

ALL_STREAMS: Final = "#allstream#"
"""Stands alone in a list to subscribe to: everybody."""


@frozen(kw_only=True)
class Subscription:
    """Whom to record: for audio and for video either a list to subscribe to or a list to leave out.

    Each list holds at most 32 UIDs, or `ALL_STREAMS` alone in one to subscribe to. A list for only one of
    audio and video means that nothing of the other is subscribed. Without any list everybody is recorded. An
    empty list is not advised by the service, yet not refused here. Audio lists need stream types
    with audio, video lists such with video.

    Attributes:
        subscribe_audio_uids: whose audio.
        unsubscribe_audio_uids: everybody's audio but theirs.
        subscribe_video_uids: whose video; only the first 17 are recorded.
        unsubscribe_video_uids: everybody's video but theirs.
    """

    subscribe_audio_uids: tuple[int | str, ...] | None = field(default=None, converter=optional_uids)
    unsubscribe_audio_uids: tuple[int | str, ...] | None = field(default=None, converter=optional_uids)
    subscribe_video_uids: tuple[int | str, ...] | None = field(default=None, converter=optional_uids)
    unsubscribe_video_uids: tuple[int | str, ...] | None = field(default=None, converter=optional_uids)
