"""Agora's own published client at work, as a program of its own.

It knows no addresses but Agora's own names, so these are resolved to this machine, and their port 443 is
the first port given; at the second one is a stranger with a certificate of no worth. Nothing else of it is
changed: it opens TLS connections and verifies certificates (by those that the environment names). It is a
program of its own since its thread that looks for the fastest name never ends. Prints what came of
each call, as JSON.
"""

import json
import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any, Final

from tests.support.secrets import ACCESS_KEY, CUSTOMER_ID, CUSTOMER_SECRET, RTMP_URL, SECRET_KEY, TOKEN

NAMES: Final = frozenset({"agora.io", "sd-rtn.com"})
V1: Final = "agora_rest_client.services.cloud_recording.v1"
RESOLVE: Final = socket.getaddrinfo
CHANNEL: Final = {"cname": "class-42", "uid": "880011"}


def send_here(port: int) -> None:
    """Let all of Agora's names be this machine's, at that port."""

    def getaddrinfo(host: Any, its_port: Any, *more: Any, **options: Any) -> Any:
        if str(host).split(".", 1)[-1] not in NAMES:
            raise socket.gaierror(f"nobody asked for {host}")
        return RESOLVE("127.0.0.1", port, *more, **options)

    def gethostbyname(host: str) -> str:
        address: str = getaddrinfo(host, None)[0][4][0]
        return address

    socket.getaddrinfo = getaddrinfo  # type: ignore[assignment]  # of any signature
    socket.gethostbyname = gethostbyname


def visit_a_stranger() -> str:
    """What comes of a call to whoever calls himself Agora at the second port."""
    requests = import_module("requests")
    try:
        requests.get("https://api.sd-rtn.com/v1/ncs/ip", timeout=5)
    except requests.exceptions.RequestException as error:
        return type(error).__name__
    return "answered"


def addresses_of_senders() -> list[object]:
    """What both domains say of the addresses from which notifications come, which its client doesn't ask."""
    requests = import_module("requests")
    auth = (CUSTOMER_ID, CUSTOMER_SECRET)
    return [
        requests.get(f"https://{place}", auth=auth, timeout=5).json()
        for place in ("api.sd-rtn.com/v1/ncs/ip", "api.agora.io/v2/ncs/ip")
    ]


class Flow:
    """One recording from acquire to stop, in one mode."""

    def __init__(self, mode: str, app_id: str, region: int, service_region: str | None) -> None:
        self.mode = mode
        self.said: list[tuple[str, object]] = []
        package = f"{V1}.{mode}_recording"
        self.starts, self.updates = (import_module(f"{package}.api_{each}") for each in ("start", "update"))
        client = getattr(
            import_module(f"{package}.{mode}_recording_client"), f"{mode.title()}RecordingClient"
        )
        domain = import_module("agora_rest_client.core.domain").Domain(region, service_region)
        self.client = (
            client.new_builder()
            .with_app_id(app_id)
            .with_credential_basic_auth(CUSTOMER_ID, CUSTOMER_SECRET)
            .with_domain(domain)
            .build()
        )
        self.ids: dict[str, str] = {}

    def ask(self, name: str, **given: Any) -> dict[str, Any]:
        """Make a call, and note its answer, or the error that the client makes of it."""
        try:
            answer: dict[str, Any] = vars(getattr(self.client, name)(**given))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is asked for
            self.said.append(
                (name, [getattr(error, "status_code", None), getattr(error, "error_code", None)])
            )
            return {}
        self.said.append((name, answer))
        return answer

    def begin(self, **given: Any) -> None:
        """Acquire, start twice, and wait for the first files."""
        resource_id = self.ask("acquire", **CHANNEL, resource_expired_hour=24)["resourceId"]
        storage = self.starts.StorageConfig(
            vendor=1,
            region=4,
            bucket="b",
            accessKey=ACCESS_KEY,
            secretKey=SECRET_KEY,
            fileNamePrefix=["term1"],
        )
        asked = {**CHANNEL, "resource_id": resource_id, "storage_config": storage, **given}
        self.ids = {"resource_id": resource_id, "sid": self.ask("start", **asked)["sid"]}
        self.ask("start", **asked)
        time.sleep(0.35)

    def end(self) -> None:
        """Stop, and ask once more after the end."""
        self.ask("stop", **self.ids, **CHANNEL)
        time.sleep(0.02)
        self.ask("query", **self.ids)


def mix(app_id: str) -> Flow:
    """Composite recording with MP4 files, from Europe."""
    flow = Flow("mix", app_id, region=1, service_region="eu")
    starts = flow.starts
    layout = import_module(f"{V1}.mix_recording.api_update_layout")
    picture = import_module(f"{V1}.api_start").TranscodingConfig(width=640, height=360, fps=15, bitrate=500)
    flow.begin(token=TOKEN, recording_config=starts.RecordingConfig(channelType=0, transcodingConfig=picture))

    flow.ask("query", **flow.ids)
    audio = flow.updates.AudioUidList(subscribeAudioUids=["#allstream#"])
    video = flow.updates.VideoUidList(unsunscribeVideoUids=["12"])
    flow.ask(
        "update",
        **flow.ids,
        **CHANNEL,
        stream_subscribe=flow.updates.StreamSubscribe(audioUidList=audio, videoUidList=video),
    )
    place = layout.LayoutConfig(uid="11", x_axis=0.0, y_axis=0.0, width=1.0, height=1.0, render_mode=1)
    flow.ask("update_layout", **flow.ids, **CHANNEL, mixed_video_layout=3, layout_config=[place])
    flow.ask("update_layout", **flow.ids, **CHANNEL, mixed_video_layout=3)
    flow.end()
    return flow


def individual(app_id: str) -> Flow:
    """Each user's streams apart, and screenshots, from Asia."""
    flow = Flow("individual", app_id, region=2, service_region=None)
    flow.begin(
        token=TOKEN,
        recording_config=flow.starts.RecordingConfig(channelType=1, subscribeUidGroup=0),
        snapshot_config=flow.starts.SnapshotConfig(captureInterval=10, fileType=["jpg"]),
    )

    flow.ask("query", **flow.ids)
    video = flow.updates.VideoUidList(subscribeVideoUids=["11"])
    stream_subscribe = flow.updates.StreamSubscribe(videoUidList=video)
    flow.ask("update", **flow.ids, **CHANNEL, stream_subscribe=stream_subscribe)
    flow.end()
    return flow


def web(app_id: str) -> Flow:
    """A page that is pushed on and then held, from the United States."""
    flow = Flow("web", app_id, region=0, service_region=None)
    starts = flow.starts
    page = starts.ServiceParam(
        url="https://example.org/board",
        audioProfile=0,
        videoWidth=1280,
        videoHeight=720,
        maxRecordingHour=3,
    )
    push = {"outputs": [{"rtmpUrl": RTMP_URL}]}
    flow.begin(
        extension_service_config=starts.ExtensionServiceConfig(
            extensionServices=[
                starts.ExtensionServices(serviceName="web_recorder_service", serviceParam=page),
                starts.ExtensionServices(serviceName="rtmp_publish_service", serviceParam=push),
            ]
        )
    )

    flow.ask("query", **flow.ids)
    held = flow.updates.WebRecordingConfig(onhold=True)
    flow.ask("update", **flow.ids, **CHANNEL, web_recording_config=held)
    outputs = flow.updates.RtmpPublishConfig(outputs=[{"rtmpUrl": RTMP_URL}])
    flow.ask("update", **flow.ids, **CHANNEL, rtmp_publish_config=outputs)
    flow.ask("query", **flow.ids)
    flow.end()
    return flow


def main() -> None:
    """Run all three flows, side by side."""
    port, strangers, app_ids = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    send_here(strangers)
    stranger = visit_a_stranger()
    send_here(port)
    with ThreadPoolExecutor() as threads:
        running = [
            threads.submit(flow, app_id) for flow, app_id in zip((mix, individual, web), app_ids, strict=True)
        ]
        flows = [each.result() for each in running]
    said = {"stranger": stranger, "senders": addresses_of_senders()}
    sys.stdout.write(json.dumps({**said, **{flow.mode: flow.said for flow in flows}}))
    sys.stdout.flush()
    os._exit(0)  # its thread never ends


if __name__ == "__main__":
    main()
