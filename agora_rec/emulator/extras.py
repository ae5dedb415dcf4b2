"""What a start asked of the services that left the documents: VoD, audio moderation, postponed audio mixing.

Values only. What becomes of them is in `extra_events` and `answers`; their parameters are checked by
`schema.legacy`.
"""

from typing import Final

from attrs import frozen

from agora_rec.emulator.wire import JsonObject, int_of, object_of, objects_of, text_of

VOD: Final = "aliyun_vod_service"
MODERATION: Final = frozenset({"aliyun_voice_async_scan", "yitu_voice_async_scan"})


@frozen(kw_only=True)
class Mixing:
    """The one audio file that is made after the end: its container (mp3, m4a or aac), and how it sounds."""

    container: str
    hertz: int
    stereo: bool


@frozen(kw_only=True)
class Extras:
    """Which of these services a recording has.

    `moderations` name those that listen to each user's audio, `mixing` is what is made of all audio; None
    without. `vendor` and `region` are the storage's, which that needs to read.
    """

    vod: bool = False
    moderations: tuple[str, ...] = ()
    mixing: Mixing | None = None
    vendor: int = 0
    region: int = 0


def read_extras(request: JsonObject) -> Extras:
    """Read a checked clientRequest of start."""
    services = objects_of(object_of(request, "extensionServiceConfig"), "extensionServices")
    names = [text_of(each, "serviceName") or "" for each in services]
    options, storage = object_of(request, "transcodeOptions"), object_of(request, "storageConfig")
    mixes = text_of(object_of(options, "transConfig"), "transMode") == "audioMix"
    return Extras(
        vod=VOD in names,
        moderations=tuple(name for name in names if name in MODERATION),
        mixing=_read_mixing(options) if mixes else None,
        vendor=int_of(storage, "vendor", 0),
        region=int_of(storage, "region", 0),
    )


def _read_mixing(options: JsonObject) -> Mixing:
    audio = object_of(options, "audio")
    return Mixing(
        container=text_of(object_of(options, "container"), "format") or "mp3",
        hertz=int(text_of(audio, "sampleRate") or "48000"),
        stereo=(text_of(audio, "channels") or "2") == "2",
    )
