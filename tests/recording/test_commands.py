"""The service's calls as commands: judged before anything is sent, refusals told with all that is known."""

from collections.abc import Awaitable, Callable

import anyio
import pytest

from agora_rec import BestFit, Custom, Recording, State, Subscription
from agora_rec.emulator import LoseAnswer, Refuse, Upload
from agora_rec.errors import (
    AlreadyStarted,
    AlreadyStopping,
    ApiError,
    ConcurrencyLimitReached,
    IllegalTransition,
    InvalidRequest,
    NoRecordedData,
    RequestNotCompleted,
    ResourceExpired,
    StartUnconfirmed,
    TaskConflict,
    UploadStatusUnknown,
    WorkerNotFound,
)
from agora_rec.model import Encryption, Individual, LayoutRegion, Mode, Transcoding, choices
from agora_rec.vocabulary import Command, OperationName
from tests.support import secrets
from tests.support.backends import virtual_time
from tests.support.cloud import (
    ACQUIRE,
    CNAME,
    QUERY,
    START,
    STOP,
    UID,
    UPDATE,
    UPDATE_LAYOUT,
    Stage,
    bucket,
    individual,
    mix,
    stage,
    state_of,
    web,
)

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

Deed = Callable[[Recording], Awaitable[object]]

DEEDS: dict[Command, Deed] = {
    Command.ACQUIRE: lambda recording: recording.acquire(),
    Command.START: lambda recording: recording.start(),
    Command.QUERY: lambda recording: recording.query(),
    Command.UPDATE: lambda recording: recording.update(subscription=Subscription()),
    Command.UPDATE_LAYOUT: lambda recording: recording.update_layout(BestFit()),
    Command.STOP: lambda recording: recording.stop(),
}
LEGAL = {
    State.IDLE: {Command.ACQUIRE},
    State.ACQUIRED: {Command.START},
    State.RECORDING: {Command.QUERY, Command.UPDATE, Command.UPDATE_LAYOUT, Command.STOP},
    State.UPLOADED: set[Command](),
}


async def bring(recording: Recording, state: State) -> None:
    """Bring a recording to a state by the documented sequence."""
    if state is not State.IDLE:
        await recording.acquire()
    if state in (State.RECORDING, State.UPLOADED):
        await recording.start()
    if state is State.UPLOADED:
        await anyio.sleep(5)
        await recording.stop()
    assert state_of(recording) is state


@pytest.mark.parametrize(
    ("state", "command"),
    [(state, command) for state, legal in LEGAL.items() for command in Command if command not in legal],
)
async def test_an_illegal_command_raises_and_sends_nothing(state: State, command: Command) -> None:
    async with stage() as on:
        recording = on.recording()
        await bring(recording, state)
        before = on.sent
        history = recording.history
        with pytest.raises(IllegalTransition) as caught:
            await DEEDS[command](recording)
        assert (caught.value.command, caught.value.state) == (command, state)
        assert on.sent == before
        assert state_of(recording) is state
        assert recording.history == history


@pytest.mark.parametrize(
    ("state", "command"),
    [(state, command) for state, legal in LEGAL.items() for command in Command if command in legal],
)
async def test_a_legal_command_sends_exactly_one_call(state: State, command: Command) -> None:
    async with stage() as on:
        recording = on.recording()
        await bring(recording, state)
        await anyio.sleep(5)
        before = on.sent
        await DEEDS[command](recording)
        assert on.sent == [*before, command.value]


async def test_a_start_is_not_repeated_while_its_answer_is_missing() -> None:
    async with stage() as on:
        recording = on.recording()
        await recording.acquire()
        on.emulator.inject(LoseAnswer(), operation=START, times=None)
        with pytest.raises(StartUnconfirmed):
            await recording.start()
        before = on.sent
        with pytest.raises(IllegalTransition) as caught:
            await recording.start()
        assert caught.value.state is State.STARTING
        assert on.sent == before


@pytest.mark.parametrize("mode", [individual(), web()], ids=["individual", "web"])
async def test_update_layout_outside_of_mix_raises_and_sends_nothing(mode: Mode) -> None:
    async with stage() as on:
        recording = await on.started(mode=mode)
        with pytest.raises(IllegalTransition) as caught:
            await recording.update_layout(BestFit())
        assert "not Mix" in str(caught.value)
        assert on.sent == [ACQUIRE, START]


async def test_a_start_after_five_minutes_raises_sends_nothing_and_asks_for_a_new_acquire() -> None:
    async with stage() as on:
        recording = on.recording()
        await recording.acquire()
        await anyio.sleep(300)
        with pytest.raises(ResourceExpired) as caught:
            await recording.start()
        assert caught.value.status is None
        assert caught.value.resource_id == recording.resource_id
        assert on.sent == [ACQUIRE]
        assert state_of(recording) is State.IDLE
        await anyio.wait_all_tasks_blocked()
        stored = await on.cloud.store.load(recording.id)
        assert stored is not None
        assert stored.checkpoint.standing.state is State.IDLE

        await recording.acquire()
        await recording.start()
        assert state_of(recording) is State.RECORDING
        assert on.sent == [ACQUIRE, ACQUIRE, START]


async def test_a_start_just_inside_of_the_five_minutes_is_sent() -> None:
    async with stage() as on:
        recording = on.recording()
        await recording.acquire()
        await anyio.sleep(299.9)
        await recording.start()
        assert state_of(recording) is State.RECORDING


async def test_a_lapsed_resource_may_be_replaced_without_a_start() -> None:
    async with stage() as on:
        recording = on.recording()
        first = await recording.acquire()
        await anyio.sleep(300)
        second = await recording.acquire()
        assert recording.resource_id == second.resource_id != first.resource_id
        await recording.start()


async def prepare_running(on: Stage) -> Recording:
    recording = await on.started()
    await anyio.sleep(5)
    return recording


async def prepare_acquired(on: Stage) -> Recording:
    recording = on.recording()
    await recording.acquire()
    return recording


@pytest.mark.parametrize(
    ("fault", "operation", "error", "status", "code"),
    [
        (Refuse(400, code=53, reason="task conflict"), START, TaskConflict, 400, 53),
        (Refuse(404, code=404, reason="failed to find worker"), QUERY, WorkerNotFound, 404, 404),
        (Refuse(404, code=404, reason="failed to find worker"), UPDATE, WorkerNotFound, 404, 404),
        (Refuse(206, code=65, reason="not completed"), QUERY, RequestNotCompleted, 206, 65),
        (Refuse(206, code=65, reason="not completed"), STOP, RequestNotCompleted, 206, 65),
        (Refuse(206, code=435, reason="no recorded data"), STOP, NoRecordedData, 206, 435),
        (Refuse(206, reason="partial"), STOP, UploadStatusUnknown, 206, None),
        (Refuse(400, code=49, reason="invalid operation"), STOP, AlreadyStopping, 400, 49),
    ],
)
async def test_a_refusal_arrives_as_its_exception_with_all_that_is_known(
    fault: Refuse, operation: OperationName, error: type[ApiError], status: int, code: int | None
) -> None:
    async with stage() as on:
        recording = await (prepare_acquired if operation is START else prepare_running)(on)
        on.emulator.inject(fault, operation=operation, times=None)
        with pytest.raises(error) as caught:
            await DEEDS[Command(operation.value)](recording)
        on.emulator.clear_faults()
        said = caught.value
        assert (said.operation, said.status, said.code, said.reason) == (
            operation,
            status,
            code,
            fault.reason,
        )
        assert (said.cname, said.uid) == (CNAME, UID)
        assert said.resource_id == recording.resource_id
        assert said.sid == recording.sid
        assert (said.sid is None) == (operation is START)


async def test_an_acquire_over_the_limit_arrives_as_its_exception_and_leaves_the_recording_idle() -> None:
    async with stage(concurrent_limit=1) as on:
        await on.started("class-1")
        recording = on.recording("class-2")
        with pytest.raises(ConcurrencyLimitReached):
            await recording.acquire()
        assert state_of(recording) is State.IDLE


async def test_a_201_with_code_7_arrives_as_its_exception_from_the_stateless_call() -> None:
    async with stage(repeated_start_with_sid=True) as on:
        recording = await on.started()
        assert recording.resource_id is not None
        request = recording._ledger.description.start_request()
        with pytest.raises(AlreadyStarted) as caught:
            await on.cloud.api.start(recording.resource_id, request)
        said = caught.value
        assert (said.operation, said.status, said.code) == (START, 201, 7)
        assert (said.resource_id, said.sid) == (recording.resource_id, recording.sid)


async def test_a_206_without_a_file_list_is_an_end_whose_files_are_unknown() -> None:
    async with stage() as on:
        recording = await prepare_running(on)
        on.emulator.inject(Upload(seconds=30), operation=STOP)
        with pytest.raises(UploadStatusUnknown) as caught:
            await recording.stop()
        assert (caught.value.status, caught.value.code) == (206, 50)
        assert state_of(recording) is State.STOPPING
        assert on.running == []


async def test_bad_input_is_one_error_that_names_all_of_it_and_nothing_is_sent() -> None:
    async with stage() as on:
        layout_regions = tuple(LayoutRegion(x_axis=0.0, y_axis=0.0, width=0.1, height=0.1) for _ in range(17))
        regions = (*layout_regions, LayoutRegion(x_axis=1.5, y_axis=0.0, width=0.1, height=0.1))
        mode = mix(
            encryption=Encryption(
                decryption_mode=choices.DecryptionMode.AES_256_GCM2, secret=secrets.ENCRYPTION_SECRET
            ),
            transcoding=Transcoding(
                width=4000, height=4000, fps=15, bitrate=600, layout=Custom(regions=regions)
            ),
            av_file_type=("mp4",),
            subscription=Subscription(subscribe_audio_uids=("1",), unsubscribe_audio_uids=("2",)),
        )
        with pytest.raises(InvalidRequest) as caught:
            on.cloud.recording("", 0, mode, token=secrets.TOKEN, resource_expired_hour=0)
        paths = {violation.path for violation in caught.value.violations}
        assert {
            "cname",
            "uid",
            "resource_expired_hour",
            "mode.encryption.salt",
            "mode.av_file_type",
            "mode.transcoding.layout.regions",
            "mode.transcoding.layout.regions[17].x_axis",
        } <= paths
        assert any("width" in path or path.rpartition(".")[2] == "transcoding" for path in paths)
        assert any(path.startswith("mode.subscription") for path in paths)
        assert on.emulator.calls == ()


@pytest.mark.parametrize("uid", [0, "abc", 2**32, -1, True, "007", None])
async def test_a_bad_uid_is_refused_before_anything_is_sent(uid: int | str) -> None:
    async with stage() as on:
        with pytest.raises(InvalidRequest) as caught:
            on.cloud.recording(CNAME, uid, mix())
        assert [violation.path for violation in caught.value.violations] == ["uid"]
        assert on.emulator.calls == ()


async def test_a_bad_update_and_a_bad_layout_are_refused_before_anything_is_sent() -> None:
    async with stage() as on:
        recording = await prepare_running(on)
        before = on.sent
        with pytest.raises(InvalidRequest):
            await recording.update(onhold=True)
        with pytest.raises(InvalidRequest):
            await recording.update(rtmp_urls=(secrets.RTMP_URL,))
        with pytest.raises(InvalidRequest):
            await recording.update_layout(BestFit(background_color="red"))
        assert on.sent == before


async def test_an_update_that_is_illegal_shows_no_stream_key() -> None:
    async with stage() as on:
        recording = on.recording(mode=web())
        with pytest.raises(IllegalTransition):  # the search for secrets looks at its frames
            await recording.update(rtmp_urls=(secrets.RTMP_URL,))


async def test_updates_change_what_runs_in_each_mode() -> None:
    async with stage() as on:
        mixed = await on.started("class-1")
        page = await on.started("class-2", mode=web(rtmp_urls=(secrets.RTMP_URL,)))
        await anyio.sleep(10)
        await mixed.update(subscription=Subscription(subscribe_audio_uids=(11,)))
        await mixed.update(storage=bucket(), subscription=Subscription(subscribe_audio_uids=(12,)))
        await mixed.update_layout(BestFit(background_color="#ff00cc"))
        await page.update(onhold=True)
        await page.update(rtmp_urls=(secrets.RTMP_URL,))
        assert [call.status for call in on.calls(UPDATE)] == [200] * 4
        assert [call.status for call in on.calls(UPDATE_LAYOUT)] == [200]


async def test_all_three_modes_go_from_acquire_to_files() -> None:
    async with stage() as on:
        for number, mode in enumerate((mix(), individual(), web())):
            recording = await on.started(f"class-{number}", mode=mode)
            await anyio.sleep(30)
            answer = await recording.query()
            assert answer.sid == recording.sid
            stopped = await recording.stop()
            assert state_of(recording) is State.UPLOADED
            assert recording.files
            assert {file.name for file in stopped.files} <= {file.name for file in recording.files}


async def test_an_asynchronous_stop_is_acknowledged_without_news_of_the_files() -> None:
    async with stage() as on:
        recording = await prepare_running(on)
        await recording.stop(async_stop=True)
        assert state_of(recording) is State.STOPPING
        (call,) = on.calls(STOP)
        assert isinstance(call.body, dict)
        assert call.body["clientRequest"] == {"async_stop": True}


async def test_a_recording_says_what_it_is() -> None:
    async with stage() as on:
        recording = on.recording(mode=individual(), token=secrets.TOKEN)
        assert repr(recording) == "<Recording 'class-42' uid=880011 idle resource_id=None sid=None>"
        assert (recording.cname, recording.uid, recording.instance_uid) == (CNAME, UID, UID)
        assert isinstance(recording.mode, Individual)
        assert (recording.state, recording.resource_id, recording.sid) == (State.IDLE, None, None)
        assert (recording.files, recording.no_data, recording.reasons, recording.history) == (
            (),
            False,
            (),
            (),
        )
        assert list(on.cloud.recordings) == []
        await recording.ensure_started()
        assert list(on.cloud.recordings) == [recording]
        assert "recordings=1" in repr(on.cloud)


async def test_acquire_announces_exactly_what_start_sends() -> None:
    async with stage() as on:
        recording = on.recording(announce_start=True, token=secrets.TOKEN)
        await recording.ensure_started()
        (acquired,), (started,) = on.calls(ACQUIRE), on.calls(START)
        assert isinstance(acquired.body, dict)
        assert isinstance(started.body, dict)
        assert acquired.body["clientRequest"]["startParameter"] == started.body["clientRequest"]
        assert state_of(recording) is State.RECORDING


async def test_what_is_none_is_not_sent() -> None:
    async with stage() as on:
        await on.started()
        (acquired,) = on.calls(ACQUIRE)
        assert isinstance(acquired.body, dict)
        assert acquired.body["clientRequest"] == {}


async def test_commands_outside_of_the_clients_block_are_refused() -> None:
    async with stage() as on:
        recording = await on.started()
    for deed in DEEDS.values():
        with pytest.raises(RuntimeError, match="not open"):
            await deed(recording)
    assert on.sent == [ACQUIRE, START]
