"""Each time, range and limit of the reference: the emulator has it, or it is said here why nobody can see it.

The rows of requests, storage, errors and events are compared in `test_tables`, `test_refusals`,
`test_invalid_cases` and `test_event_tables`.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from attrs import fields

from agora_rec.emulator import Emulator, Settings, WebhookSwitches, plan
from agora_rec.emulator.failovers import FAILOVERS_MAX, SECONDS_MAX
from agora_rec.emulator.layouts import IMAGE_AFTER_SECONDS, USERS_MAX
from agora_rec.emulator.schema import SHAPES
from agora_rec.emulator.schema.fields import Field
from agora_rec.emulator.schema.forms import UID_MAX
from agora_rec.emulator.schema.rules import PIXELS_MAX
from agora_rec.emulator.schema.storage_rules import PREFIX_CHARACTERS_MAX, STS_VALIDITY
from tests.support.reference import FOLDER, load

TIMING: Mapping[str, Any] = load("timing")
SETTINGS = Settings()
WEBHOOKS = WebhookSwitches()
UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "count": 1}


def field_of(shape: str, name: str) -> Field:
    return next(each for each in SHAPES[shape].fields if each.name == name)


TIMES: dict[str, float] = {
    "resource_id_valid": SETTINGS.resource_seconds,
    "web_start_delay": SETTINGS.web_start_seconds,
    "failover_total": SECONDS_MAX,
    "failovers_max": FAILOVERS_MAX,
    "stop_sync": SETTINGS.sync_stop_seconds,
    "first_m3u8_query_mix": SETTINGS.first_slice_mix,
    "first_m3u8_query_individual": SETTINGS.first_slice_individual,
    "uploading_progress_every": SETTINGS.progress_seconds,
    "webhook_answer": WEBHOOKS.answer_seconds,
    "sts_min_validity": STS_VALIDITY / timedelta(seconds=1),
    "slice_length": SETTINGS.slice_seconds,
    "user_background_after": IMAGE_AFTER_SECONDS,
    "mp4_length_mix": SETTINGS.mix_mp4_seconds,
}
TIMES_SEEN_ELSEWHERE = {
    "event_13_within": "test_the_recording_is_registered_in_time",
    "page_load_reload": "test_events_web: never_ready",
    "failover_process_killed": "fail_over(seconds=...) is told how long it takes",
    "failover_server_lost": "fail_over(seconds=...) is told how long it takes",
    "webhook_answer_older": "WebhookSwitches(answer_seconds=20, retry_gaps=...)",
    "backup_playable_after": "only seen in a bucket",
    "slice_forced": "only seen in a bucket",
    "upload_normal": "Settings.upload_seconds says how long it takes",
    "upload_abnormal": "Settings.upload_seconds says how long it takes",
    "mp4_latest": "an answer of the support, without a rule",
    "postponed_transcoding": "left the documents",
}
TIMES_OF_CLIENTS = {
    "start_after_acquire",
    "first_query_after_sid",
    "start_confirmed_within",
    "query_interval_watch",
    "query_interval_confirm",
    "ncs_ip_refresh",
    "sts_refresh_every",
}
TIMES_OF_RECEIVERS = {"webhook_config_effective", "keep_alive_timeout"}

RANGES: dict[str, tuple[float | None, float | None]] = {
    name: (field_of(shape, name).low, field_of(shape, name).high)
    for shape, name in (
        ("AcquireClientRequest", "resourceExpiredHour"),
        ("RecordingConfig", "maxIdleTime"),
        ("WebRecorderParam", "maxRecordingHour"),
        ("WebRecorderParam", "maxVideoDuration"),
        ("WebRecorderParam", "readyTimeout"),
        ("WebRecorderParam", "videoFps"),
        ("WebRecorderParam", "videoBitrate"),
    )
} | {
    "captureInterval": (SETTINGS.snapshot_interval_min, field_of("SnapshotConfig", "captureInterval").high),
    "subscription_list": (None, field_of("RecordingConfig", "subscribeAudioUids").items_max),
    "recorded_video_users": (None, USERS_MAX),
    "individual_users": (None, max(plan._GROUP_USERS)),
    "fileNamePrefix": (None, PREFIX_CHARACTERS_MAX),
    "cname": (None, SETTINGS.cname_bytes),
    "uid": (1, UID_MAX),
}
RANGES_SEEN_ELSEWHERE = {
    "transcoding_bitrate": "Settings.older_transcoding",
    "image": "images aren't fetched: Settings.wrong_values says which are bad",
    "uploading_progress": "test_events_channel",
}

CONFLICTS: dict[str, set[str] | str] = {
    "`fileList[].sliceStartTime`": {"file_times_in_seconds"},
    "`unsubscribe...Uids`": "both are taken",
    "`captureInterval`": {"snapshot_interval_min"},
    "`fileName`": {"web_file_key", "event_file_key"},
    "Stop over 20 s": {"slow_stop_code"},
    "Start 500 code 502": "the client's",
    "Event 3 `recordingMode`": {"modes_swapped_in_events"},
    "`leaveCode`": {"older_leave_codes"},
    "Concurrent recordings": {"concurrent_limit", "web_concurrent_limit"},
    "`api.sd-rtn.com`": "both are answered",
    "MP4 in mix": {"mix_mp4_seconds"},
    "`cname`": {"cname_bytes", "older_cname_code"},
    "The signature samples": "the client's",
    "Event 13": {"register_seconds"},
    "`recordingFileConfig`, `extensionParams.sse/tag`": {"file_config_required"},
}
"""By how its line in the reference's README begins: the settings that play both sides, or why not."""

LIMITS_NOT_PLAYED = {
    "streams": "no document says what a recording over it meets",
    "web_bandwidth": "PageTrouble.BANDWIDTH",
    "webhook_keep_alive_requests": "advice for receivers",
    "acquire_start_pairing": "advice",
    "one_update_at_a_time": "what overlapping ones meet is in no document; Call.overlapped tells of them",
}


def test_every_conflict_is_accounted_for():
    text = (FOLDER / "README.md").read_text()
    told = text.partition("## Conflicts worth knowing")[2].partition("\n## ")[0]
    lines = re.findall(r"^- (.*)$", told, re.MULTILINE)
    assert len(lines) == len(CONFLICTS)
    for line, (begin, how) in zip(lines, CONFLICTS.items(), strict=True):
        assert line.startswith(begin)
        assert isinstance(how, str) or how <= {each.name for each in fields(Settings)}


def test_every_time_is_accounted_for():
    known = [set(TIMES), set(TIMES_SEEN_ELSEWHERE), TIMES_OF_CLIENTS, TIMES_OF_RECEIVERS]
    assert set(TIMING["times"]) == set().union(*known)
    assert sum(map(len, known)) == len(TIMING["times"])


@pytest.mark.parametrize("name", TIMES)
def test_a_time_is_that_of_the_reference(name: str):
    row = TIMING["times"][name]
    assert TIMES[name] == row["value"] * UNITS[row["unit"]]


def test_the_recording_is_registered_in_time():
    assert SETTINGS.register_seconds is not None
    assert SETTINGS.register_seconds <= TIMING["times"]["event_13_within"]["value"]


def test_webhooks_are_sent_again_as_often_as_the_reference_says():
    assert len(WEBHOOKS.retry_gaps) == TIMING["retry_schedules"]["webhook_resend"]["retries"]


def test_every_range_is_accounted_for():
    assert set(TIMING["ranges"]) == {*RANGES, *RANGES_SEEN_ELSEWHERE, "resolution"}
    assert TIMING["ranges"]["resolution"]["max_pixels"] == PIXELS_MAX


@pytest.mark.parametrize("name", RANGES)
def test_a_range_is_that_of_the_reference(name: str):
    row = TIMING["ranges"][name]
    assert RANGES[name] == (row.get("min"), row.get("max"))


def test_every_limit_is_accounted_for():
    limits = TIMING["limits"]
    assert set(limits) == {"qps", "pcw", "cdn_outputs", *LIMITS_NOT_PLAYED}
    assert Emulator()._service.gateway.qps == limits["qps"]["value"]
    current = limits["pcw"]["current"]
    assert (SETTINGS.concurrent_limit, SETTINGS.web_concurrent_limit) == (
        current["cloud_recording"],
        current["web"],
    )
    assert field_of("RtmpPublishParam", "outputs").items_max == limits["cdn_outputs"]["max"]
    assert field_of("RtmpPublishConfig", "outputs").items_max == limits["cdn_outputs"]["max"]
