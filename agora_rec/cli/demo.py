"""`agora-rec demo`: many channels at once, in all three modes, with trouble on the way.

Begin to read at `record`: this is all that it takes to record a channel. The rest gives each one something
to do, plans the trouble, and compares what the client says in the end with what the service knows.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import anyio
from attrs import define, frozen

from agora_rec import (
    AgoraRecError,
    AmazonS3,
    AmazonS3Region,
    AudioProfile,
    BestFit,
    CloudRecording,
    Floating,
    Individual,
    Mix,
    Mode,
    OperationName,
    Outcome,
    RecordedFile,
    Recording,
    State,
    SubscribeUidGroup,
    Transcoding,
    Web,
)
from agora_rec.emulator import (
    Call,
    Cut,
    Delay,
    Emulator,
    Fate,
    Fault,
    Garble,
    LoseAnswer,
    Refuse,
    Settings,
    Upload,
)

if TYPE_CHECKING:
    from agora_rec.emulator.serving import Served

QPS: Final = 40.0
"""Calls a second, of the client and of the emulated service. A new account has 10."""

SETTINGS: Final = Settings(repeated_start_with_sid=True)
"""A service that tells the sid when a start is repeated, so that a lost answer can be made good."""


@frozen
class Trouble:
    """What happens to one call of a channel, and where its files are in the end all the same."""

    text: str
    operation: OperationName
    fault: Fault
    end: State = State.UPLOADED


TROUBLE: Final[Mapping[int, Trouble]] = {
    3: Trouble("the service takes 3 s to start", OperationName.START, Delay(3.0)),
    6: Trouble("the answer to the start is lost", OperationName.START, LoseAnswer()),
    10: Trouble("the connection breaks before the start", OperationName.START, Cut()),
    13: Trouble(
        "no capacity for this start: acquire anew", OperationName.START, Refuse(status=500, code=502)
    ),
    17: Trouble("a proxy fails at acquire", OperationName.ACQUIRE, Refuse(status=503)),
    20: Trouble("too many calls at acquire", OperationName.ACQUIRE, Refuse(status=429)),
    24: Trouble(
        "the recording is being moved: query finds nothing", OperationName.QUERY, Refuse(status=404, code=404)
    ),
    27: Trouble("the stop is not completed in time", OperationName.STOP, Refuse(status=206, code=65)),
    31: Trouble("the answer to a query is lost", OperationName.QUERY, LoseAnswer()),
    34: Trouble("the answer to acquire is no JSON", OperationName.ACQUIRE, Garble(b"<html>")),
    38: Trouble("the bucket refuses the files", OperationName.STOP, Upload(backuped=True), State.BACKUPED),
}
"""By the number of the channel."""

STORAGE: Final = AmazonS3(
    region=AmazonS3Region.US_EAST_1,
    bucket="demo",
    access_key="any",
    secret_key="any",  # noqa: S106 - nothing is stored
)

MODES: Final[tuple[Mode, ...]] = (
    Mix(
        storage=STORAGE, transcoding=Transcoding(width=640, height=360, fps=15, bitrate=600, layout=BestFit())
    ),
    Individual(storage=STORAGE, subscribe_uid_group=SubscribeUidGroup.FROM_13_TO_17),
    Web(
        storage=STORAGE,
        url="https://example.com/lesson",
        audio_profile=AudioProfile.MONO_48_KBPS,
        video_width=1280,
        video_height=720,
        max_recording_hour=1,
    ),
)


@define
class Channel:
    """One channel of the demo: what it is to do, and what has become of it so far."""

    number: int
    mode: Mode
    trouble: Trouble | None
    recording: Recording | None = None
    outcome: Outcome | None = None
    error: AgoraRecError | None = None
    seconds: float | None = None

    @property
    def cname(self) -> str:
        """The channel's name."""
        return f"channel-{self.number:02}"

    @property
    def state(self) -> State:
        """Where its recording stands."""
        return State.IDLE if self.recording is None else self.recording.state

    @property
    def files(self) -> tuple[RecordedFile, ...]:
        """What its recording left behind."""
        return () if self.outcome is None else self.outcome.files

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.seconds is not None


async def record(cloud: CloudRecording, channel: Channel, seconds: float) -> Outcome:
    """Record one channel for some seconds."""
    recording = cloud.recording(channel.cname, uid=1000 + channel.number, mode=channel.mode)
    channel.recording = recording
    async with recording:  # acquires and starts here, stops on the way out
        await recording.wait_started()
        await anyio.sleep(seconds / 2)
        if isinstance(recording.mode, Mix):
            await recording.update_layout(Floating(background_color="#ff00cc"))
        await anyio.sleep(seconds / 2)
    return await recording.wait_finished()


@define
class Demo:
    """The emulated service, the channels, and the verdict."""

    emulator: Emulator
    channels: tuple[Channel, ...]

    @classmethod
    def of(cls, channels: int) -> "Demo":
        """So many channels, in turn in each mode, with their trouble planned."""
        emulator = Emulator(qps=QPS, settings=SETTINGS)
        made = tuple(
            Channel(number, MODES[number % len(MODES)], TROUBLE.get(number))
            for number in range(1, channels + 1)
        )
        for channel in made:
            if channel.trouble is not None:
                emulator.inject(
                    channel.trouble.fault, operation=channel.trouble.operation, cname=channel.cname
                )
        return cls(emulator, made)

    async def run(self, server: "AbstractAsyncContextManager[Served]", seconds: float) -> None:
        """Record all channels at once, through the sockets of the emulator's server."""
        async with (
            server as served,
            self._client(served.url) as cloud,
            anyio.create_task_group() as tasks,
        ):
            for channel in self.channels:
                tasks.start_soon(self._record, cloud, channel, seconds)

    def _client(self, url: str) -> CloudRecording:
        return CloudRecording(
            self.emulator.app_id,
            customer_id=self.emulator.customer_id,
            customer_secret=self.emulator.customer_secret,
            base_url=url,
            qps=QPS,
        )

    async def _record(self, cloud: CloudRecording, channel: Channel, seconds: float) -> None:
        began = anyio.current_time()
        try:
            channel.outcome = await record(cloud, channel, seconds)
        except AgoraRecError as error:
            channel.error = error
        channel.seconds = anyio.current_time() - began

    def on_the_way(self, channel: Channel) -> str:
        """What the service did to this channel other than plainly saying yes, by its own log."""
        said = ", ".join(
            _tell(call) for call in self.emulator.calls if call.cname == channel.cname and not _is_plain(call)
        )
        texts = [channel.trouble.text if channel.trouble else "", f"({said})" if said else ""]
        return " ".join(text for text in texts if text)

    def complaints(self) -> Iterator[str]:
        """Where the end is not what it should be, by what the client says and by the service's truth."""
        for channel in self.channels:
            for complaint in self._complaints(channel):
                yield f"{channel.cname}: {complaint}"

    def _complaints(self, channel: Channel) -> Iterator[str]:
        if channel.error is not None:
            yield f"{type(channel.error).__name__}: {channel.error}"
        due = channel.trouble.end if channel.trouble else State.UPLOADED
        if channel.state is not due:
            yield f"ended as {channel.state} instead of {due}"
        sessions = [session for session in self.emulator.sessions if session.cname == channel.cname]
        if len(sessions) != 1:
            yield f"the service made {len(sessions)} recordings instead of one"
        if any(session.running for session in sessions):
            yield "the service is still recording"
        truth = {name for session in sessions for name in session.files}
        told = {file.name for file in channel.files}
        if not told or told != truth:
            yield f"the files {sorted(told)} are not those of the service, {sorted(truth)}"


def _is_plain(call: Call) -> bool:
    return call.fate is Fate.ANSWERED and call.status == HTTPStatus.OK


def _tell(call: Call) -> str:
    status = "" if call.status is None else f" {call.status}"
    code = "" if call.code is None else f" code {call.code}"
    fate = "" if call.fate is Fate.ANSWERED else f" {call.fate}"
    return f"{call.operation}{status}{code}{fate}"
