"""Request fields that the current documents no longer have: postponed transcoding, VoD, audio moderation.

The service still knows them (the mainland China documents describe them), so they are checked like
the others.
"""

from collections.abc import Mapping
from typing import Final

from agora_rec.emulator.schema import rules
from agora_rec.emulator.schema.fields import Field, Kind, Shape

_TEXT, _OBJECT = Kind.TEXT, Kind.OBJECT


def _texts(*names: str, required: tuple[str, ...] = ()) -> tuple[Field, ...]:
    return tuple(Field(name=name, kind=_TEXT, required=name in required) for name in names)


LEGACY_SHAPES: Final[Mapping[str, Shape]] = {
    "AppsCollection": Shape(
        fields=(
            Field(
                name="combinationPolicy",
                kind=_TEXT,
                default="default",
                choices=frozenset({"default", "postpone_transcoding"}),
            ),
        )
    ),
    "TranscodeOptions": Shape(
        fields=(
            Field(name="transConfig", kind=_OBJECT, required=True, shape="TransConfig"),
            Field(name="container", kind=_OBJECT, shape="TransContainer"),
            Field(name="audio", kind=_OBJECT, shape="TransAudio"),
        ),
        rules=(rules.format_fits_trans_mode,),
    ),
    "TransConfig": Shape(
        fields=(
            Field(
                name="transMode",
                kind=_TEXT,
                required=True,
                choices=frozenset({"postponeTranscoding", "audioMix"}),
            ),
        )
    ),
    "TransContainer": Shape(
        fields=(Field(name="format", kind=_TEXT, choices=frozenset({"mp4", "mp3", "m4a", "aac"})),)
    ),
    "TransAudio": Shape(
        fields=(
            Field(
                name="sampleRate",
                kind=_TEXT,
                default="48000",
                choices=frozenset({"48000", "32000", "16000"}),
            ),
            Field(name="bitrate", kind=_TEXT, default="48000", choices=frozenset({"48000"})),
            Field(name="channels", kind=_TEXT, default="2", choices=frozenset({"1", "2"})),
        )
    ),
    "AliyunVodParam": Shape(
        fields=(
            *_texts("accessKey", "secretKey", "regionId", required=("accessKey", "secretKey", "regionId")),
            Field(name="apiData", kind=_OBJECT, required=True, shape="AliyunVodApiData"),
        )
    ),
    "AliyunVodApiData": Shape(
        fields=(Field(name="videoData", kind=_OBJECT, required=True, shape="AliyunVideoData"),)
    ),
    "AliyunVideoData": Shape(
        fields=_texts(
            "title",
            "description",
            "coverUrl",
            "cateId",
            "tags",
            "templateGroupId",
            "userData",
            "storageLocation",
            "workflowId",
            required=("title",),
        )
    ),
    "AliyunScanParam": Shape(
        fields=(
            *_texts("callbackAddr", required=("callbackAddr",)),
            Field(name="apiData", kind=_OBJECT, required=True, shape="AliyunScanApiData"),
        )
    ),
    "AliyunScanApiData": Shape(
        fields=_texts(
            "callbackSeed",
            "bizType",
            "accessKey",
            "secretKey",
            required=("callbackSeed", "accessKey", "secretKey"),
        )
    ),
    # Its parameters are in no document that was read, so any are taken as they come.
    "YituScanParam": Shape(fields=(), open=True),
}
