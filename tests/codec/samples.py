"""What the sample answers of the reference say, as values."""

from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

from agora_rec.model import (
    AcquireAnswer,
    AnyAnswer,
    ExtensionServiceState,
    FileListMode,
    NcsIpAnswer,
    QueryAnswer,
    RecordedFile,
    RtmpOutputState,
    RtmpStatus,
    ServiceName,
    ServiceState,
    StartAnswer,
    StopAnswer,
    TrackType,
    UpdateAnswer,
    UpdateLayoutAnswer,
)
from agora_rec.secret import Secret
from agora_rec.vocabulary import TaskStatus, UploadingStatus

CHANNEL: dict[str, Any] = {"cname": "class-42", "uid": 880011, "resource_id": "Qm3-xT_a91"}
SESSION: dict[str, Any] = {**CHANNEL, "sid": "0f6c2a5d"}
PAGE: dict[str, Any] = {**SESSION, "cname": "page-7", "sid": "7b1d"}
BEGIN = datetime(2026, 5, 28, 20, 26, 45, 120_000, tzinfo=UTC)
LATER = datetime(2026, 5, 28, 20, 26, 45, 348_000, tzinfo=UTC)
PAGE_BEGIN = datetime(2026, 5, 28, 20, 26, 49, 1_000, tzinfo=UTC)
BOTH: dict[str, Any] = {
    "track_type": TrackType.AUDIO_AND_VIDEO,
    "uid": 0,
    "mixed_all_user": True,
    "is_playable": True,
    "slice_start_time": BEGIN,
}
ONE: dict[str, Any] = {"uid": 11, "mixed_all_user": False, "is_playable": True}
SPLIT = "0f6c2a5d_class-42__uid_s_11__uid_e_"
AUDIO = RecordedFile(f"{SPLIT}audio.m3u8", track_type=TrackType.AUDIO, slice_start_time=BEGIN, **ONE)
TERM_AUDIO = RecordedFile(
    f"term1/{SPLIT}audio.m3u8", track_type=TrackType.AUDIO, slice_start_time=BEGIN, **ONE
)
TERM_VIDEO = RecordedFile(
    f"term1/{SPLIT}video.m3u8", track_type=TrackType.VIDEO, slice_start_time=LATER, **ONE
)
MP4 = RecordedFile("0f6c2a5d_class-42_0.mp4", **BOTH)
HLS = RecordedFile("0f6c2a5d_class-42.m3u8", **BOTH)
PLAYLIST = RecordedFile("7b1d_page-7.m3u8", slice_start_time=PAGE_BEGIN)
PAGE_MP4 = RecordedFile("7b1d_page-7_0.mp4", slice_start_time=PAGE_BEGIN)
PUSH_URL = Secret("rtmp://live.example.org/app/key")


def recorder(state: ServiceState, *files: RecordedFile) -> ExtensionServiceState:
    return ExtensionServiceState(
        service_name=ServiceName.WEB_RECORDER, state=state, onhold=False, files=files
    )


UPLOAD = ExtensionServiceState(service_name=ServiceName.UPLOAD, uploading_status=UploadingStatus.UPLOADED)
JSON: dict[str, Any] = {"file_list_mode": FileListMode.JSON}
STRING: dict[str, Any] = {"file_list_mode": FileListMode.STRING}
RUNS: dict[str, Any] = {"status": TaskStatus.IN_PROGRESS}
UPLOADED: dict[str, Any] = {"uploading_status": UploadingStatus.UPLOADED}

VARIANTS: dict[str, dict[str, AnyAnswer]] = {
    "acquire": {"any": AcquireAnswer(**CHANNEL)},
    "start": {"any": StartAnswer(sid="0f6c2a5d9b1e4c7f8a3d2e1b0c9f8e7d", **CHANNEL)},
    "query": {
        "individual": QueryAnswer(
            files=(TERM_AUDIO, TERM_VIDEO), slice_start_time=BEGIN, **SESSION, **RUNS, **JSON
        ),
        "individual_empty": QueryAnswer(status=TaskStatus.READY, **SESSION, **JSON),
        "individual_snapshot": QueryAnswer(slice_start_time=BEGIN, **SESSION, **RUNS),
        "mix_hls": QueryAnswer(
            files=(RecordedFile("term1/0f6c2a5d_class-42.m3u8"),),
            slice_start_time=BEGIN,
            **SESSION,
            **RUNS,
            **STRING,
        ),
        "mix_hls_mp4": QueryAnswer(files=(MP4, HLS), slice_start_time=BEGIN, **SESSION, **RUNS, **JSON),
        "web": QueryAnswer(
            files=(PLAYLIST, PAGE_MP4),
            services=(recorder(ServiceState.IN_PROGRESS, PLAYLIST, PAGE_MP4),),
            **PAGE,
            **RUNS,
        ),
        "web_rtmp": QueryAnswer(
            services=(
                recorder(ServiceState.IN_PROGRESS),
                ExtensionServiceState(
                    service_name=ServiceName.RTMP_PUBLISH,
                    state=ServiceState.IN_PROGRESS,
                    outputs=(RtmpOutputState(rtmp_url=PUSH_URL, status=RtmpStatus.PUBLISHING),),
                ),
            ),
            **PAGE,
            **RUNS,
        ),
    },
    "update": {"any": UpdateAnswer(**SESSION)},
    "updateLayout": {"any": UpdateLayoutAnswer(**SESSION)},
    "stop": {
        "individual": StopAnswer(files=(AUDIO,), **SESSION, **JSON, **UPLOADED),
        "individual_snapshot": StopAnswer(**SESSION, **UPLOADED),
        "mix_hls": StopAnswer(
            files=(RecordedFile("0f6c2a5d_class-42.m3u8"),),
            uploading_status=UploadingStatus.BACKUPED,
            **SESSION,
            **STRING,
        ),
        "mix_hls_mp4": StopAnswer(files=(HLS, MP4), **SESSION, **JSON, **UPLOADED),
        "web": StopAnswer(
            files=(PLAYLIST,), services=(recorder(ServiceState.EXIT, PLAYLIST), UPLOAD), **PAGE, **UPLOADED
        ),
        "web_rtmp": StopAnswer(
            files=(PLAYLIST,),
            services=(
                recorder(ServiceState.EXIT, PLAYLIST),
                ExtensionServiceState(
                    service_name=ServiceName.RTMP_PUBLISH,
                    status=RtmpStatus.ONHOLD,
                    outputs=(RtmpOutputState(rtmp_url=PUSH_URL, status=RtmpStatus.ONHOLD),),
                ),
                UPLOAD,
            ),
            **PAGE,
            **UPLOADED,
        ),
        "async": StopAnswer(
            files=(RecordedFile("0f6c2a5d_class-42.m3u8"),),
            uploading_status=UploadingStatus.UNKNOWN,
            **SESSION,
            **STRING,
        ),
    },
    "ncsIp": {"any": NcsIpAnswer(addresses=(ip_address("192.0.2.10"), ip_address("192.0.2.11")))},
}
