"""`Fleet.record`: takes specs as there are places, gives each one's result, and may be left early."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import anyio
import pytest

from agora_rec import AuthenticationFailed, Fleet, InvalidRequest, ResultState, Spec, StoreUnavailable
from agora_rec.emulator import Refuse
from agora_rec.fleet import feeding
from agora_rec.store import Stored
from tests.fleet.courses import a_fleet, a_spec, specs
from tests.support.backends import virtual_time
from tests.support.cloud import ACQUIRE, START, calling, stage
from tests.support.stores import HandingOn

pytestmark = pytest.mark.anyio
anyio_backend = virtual_time

MINUTE = timedelta(minutes=1)


class Counting:
    """Specs of which is known how many were taken."""

    def __init__(self, wanted: list[Spec]) -> None:
        self.wanted = wanted
        self.taken = 0

    def __iter__(self) -> Iterator[Spec]:
        for spec in self.wanted:
            self.taken += 1
            yield spec


class CountingSlowly(Counting):
    """The same, from somewhere far away."""

    async def __aiter__(self) -> AsyncIterator[Spec]:
        for spec in self.wanted:
            await anyio.sleep(0.1)
            self.taken += 1
            yield spec


@pytest.mark.parametrize("kind", [Counting, CountingSlowly])
async def test_specs_are_taken_one_by_one_and_never_far_ahead(kind: type[Counting]) -> None:
    async with a_fleet(limit=3) as (_, fleet):
        wanted = kind(specs(12, until=MINUTE))
        ahead = list[int]()
        cnames = list[str]()
        async for result in fleet.record(wanted):
            cnames.append(result.spec.cname)
            assert result.state is ResultState.UPLOADED
            ahead.append(wanted.taken - len(cnames))
        assert sorted(cnames) == sorted(spec.cname for spec in wanted.wanted)
        assert max(ahead) <= 4


async def test_what_goes_wrong_with_one_is_its_result_and_disturbs_no_other() -> None:
    async with a_fleet() as (on, fleet):
        on.emulator.inject(Refuse(401), operation=ACQUIRE, cname="class-1")
        wanted = [*specs(3, until=MINUTE), a_spec(4, until=timedelta(0)), "class-5"]
        results = [each async for each in fleet.record(wanted)]  # type: ignore[arg-type]  # that is the mistake
    by_name = {getattr(each.spec, "cname", each.spec): each for each in results}
    assert [type(each.error) for each in by_name.values() if each.error is not None] == [
        InvalidRequest,
        InvalidRequest,
        AuthenticationFailed,
    ]
    assert by_name["class-1"].state is by_name["class-5"].state is ResultState.NOT_STARTED
    assert by_name["class-0"].state is by_name["class-2"].state is ResultState.UPLOADED


async def test_what_the_specs_raise_comes_when_all_results_were_given() -> None:
    def broken() -> Iterator[Spec]:
        yield a_spec(until=MINUTE)
        raise OSError("the file ends here")

    async with a_fleet() as (_, fleet):
        results = fleet.record(broken())
        assert (await anext(results)).state is ResultState.UPLOADED
        with pytest.raises(OSError, match="ends here"):
            await anext(results)


async def test_who_leaves_early_takes_no_more_and_what_has_begun_goes_on() -> None:
    async with a_fleet(limit=2) as (on, fleet):
        wanted = Counting(specs(10, until=MINUTE))
        results = fleet.record(wanted)
        async for _ in results:
            break
        await results.aclose()
        taken = wanted.taken
        await anyio.sleep(300)
        assert wanted.taken == taken <= 4
        assert len(on.emulator.sessions) in {taken, taken - 1}
        assert fleet.report().is_over


async def test_several_at_once_get_each_their_own_results() -> None:
    async with a_fleet(limit=4) as (_, fleet), anyio.create_task_group() as tasks:

        async def collect(first: int) -> set[str]:
            wanted = [a_spec(first + number, until=MINUTE) for number in range(5)]
            return {each.spec.cname async for each in fleet.record(wanted)}

        one = await calling(tasks, lambda: collect(0))
        other = await calling(tasks, lambda: collect(10))
        await one.finished()
        await other.finished()
        assert one.value == {f"class-{number}" for number in range(5)}
        assert other.value == {f"class-{number}" for number in range(10, 15)}


async def test_the_same_key_twice_is_recorded_once_and_gives_two_results() -> None:
    async with a_fleet() as (on, fleet):
        wanted = [a_spec(key="lesson", until=MINUTE)] * 2
        results = [each async for each in fleet.record(wanted)]
        assert len(results) == 2
        assert results[0] is results[1]
        assert len(on.calls(START)) == 1


async def test_more_results_than_are_read_stop_the_taking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "UNREAD", 3)
    async with a_fleet(limit=2) as (_, fleet):
        wanted = Counting(specs(20, until=timedelta(seconds=5)))
        results = fleet.record(wanted)
        await anext(results)
        await anyio.sleep(600)
        assert wanted.taken <= 3 + 2 + 2
        assert len([each async for each in results]) == 19


async def test_stopping_all_ends_the_taking_and_gives_the_results_of_what_was_taken() -> None:
    async with a_fleet(limit=2) as (on, fleet), anyio.create_task_group() as tasks:

        async def collect() -> list[ResultState]:
            return [each.state async for each in fleet.record(specs(50))]

        collecting = await calling(tasks, collect)
        await anyio.sleep(60)
        report = await fleet.stop_all()
        assert not on.running
        await collecting.finished()
        assert collecting.value == [ResultState.WITHDRAWN, ResultState.UPLOADED, ResultState.UPLOADED]
        assert len(report.results) == 3
        assert (await fleet.start(a_spec(99))).sid in on.running


async def test_a_reader_outside_of_the_block_isnt_left_waiting_when_the_fleet_is_cancelled() -> None:
    async with stage() as on, anyio.create_task_group() as tasks:
        fleet = Fleet(on.cloud, on_exit="wait")
        given = list[ResultState]()
        has_ended = anyio.Event()

        async def collect() -> None:
            async for each in fleet.record(specs(2)):
                given.append(each.state)
            has_ended.set()

        with anyio.CancelScope() as scope:
            async with fleet:
                tasks.start_soon(collect)
                await anyio.sleep(60)
                scope.cancel()
        await has_ended.wait()
        assert len(given) == 2
        await anyio.sleep(5)
        assert not on.running


async def test_what_was_recorded_before_isnt_recorded_again() -> None:
    async with a_fleet() as (on, fleet):
        wanted = [a_spec(number, key=f"lesson-{number}", until=MINUTE) for number in range(3)]
        first = {each.spec.key: each async for each in fleet.record(wanted[:2])}
        again = {each.spec.key: each async for each in fleet.record(wanted, resume=True)}
        assert len(on.calls(START)) == 3
        for key, result in first.items():
            assert (again[key].takes, again[key].files) == (result.takes, result.files)
            assert again[key].calls == result.calls
        unkeyed = [each.state async for each in fleet.record([a_spec(9, until=MINUTE)], resume=True)]
        assert unkeyed == [ResultState.UPLOADED]


class Forgetful(HandingOn):
    """A store that finds nothing by its key."""

    async def load_by_key(self, key: str) -> Stored | None:
        raise StoreUnavailable(f"not now, {key}")


async def test_a_store_that_cant_be_asked_for_one_spec_is_the_result_of_that_one() -> None:
    async with a_fleet(client={"store": Forgetful()}) as (_, fleet):
        wanted = [a_spec(key="lesson", until=MINUTE), a_spec(1, until=MINUTE)]
        states = {each.spec.cname: each async for each in fleet.record(wanted, resume=True)}
    assert isinstance(states["class-0"].error, StoreUnavailable)
    assert states["class-1"].state is ResultState.UPLOADED


async def test_very_many_are_forgotten_but_counted() -> None:
    async with a_fleet(limit=3, results=4) as (on, fleet):
        async for _ in fleet.record(specs(10, until=MINUTE)):
            pass
        report = fleet.report()
        assert len(report.results) == 4
        assert report.forgotten == {ResultState.UPLOADED: 6}
        assert report.states == {ResultState.UPLOADED: 10}
        assert report.calls == len(on.emulator.calls)


async def test_recordings_that_are_over_are_let_go_and_their_results_stay() -> None:
    async with a_fleet() as (_, fleet):
        await fleet.start(a_spec(until=MINUTE))
        await anyio.sleep(500)
        assert fleet._roster.over[0].recordings
        await fleet.start(a_spec(1, until=MINUTE))
        await anyio.sleep(100)
        assert fleet._roster.over[0].recordings == ()
        assert fleet.report().results[0].files
