"""The judge: compares what the emulated service knows with what the fleet has told."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import define, frozen

from agora_rec.emulator import DeliveryState, Emulator, MomentKind, SessionView
from agora_rec.vocabulary import OperationName
from tests.fleets.plan import EXIT_SECONDS, Plan

RATE_REFUSED: Final = 0.01
"""Which part of the calls may be answered 429: real sockets push some together."""
LATE: Final = 5.0
"""Seconds by which a recording may last longer than it was to, where nobody is killed."""
EARLY: Final = 0.25
"""Seconds by which it may be shorter: its time counts from the start's answer on."""

Told = Mapping[str, Any]


@frozen
class Stay:
    """How long a worker of the service was taken."""

    since: datetime
    until: datetime


@define(kw_only=True)
class Verdict:
    """What the judge has found."""

    faults: list[str]
    most_at_once: int
    busiest_second: int
    no_room: int
    rate_refused: int
    latest_stop: float


def judge(plan: Plan, emulator: Emulator, told: Sequence[Told], before: Sequence[Told]) -> Verdict:
    """All that is wrong, and what was measured.

    Args:
        plan: What was tried.
        emulator: The truth.
        told: The results of the last process.
        before: Those of the processes that were killed.
    """
    sessions, calls = emulator.sessions, emulator.calls
    stays = [_stay(emulator, each) for each in sessions]
    most = most_at_once(stays)
    codes = Counter(call.code for call in calls if call.operation is OperationName.ACQUIRE)
    statuses = Counter(call.status for call in calls)
    faults = [f"{each.cname}: {each.sid} was left running" for each in sessions if each.running]
    faults += _wrongly_told(plan, sessions, told)
    faults += _contradicted(told, before)
    faults += _doubled(sessions)
    faults += [
        f"{each.payload['cname']}: event {each.event_type} was given up"
        for each in emulator.deliveries
        if each.state is DeliveryState.DROPPED
    ]  # then nobody can know, and the trial was too hard
    if most > plan.limit:
        faults.append(f"{most} recordings at once, and {plan.limit} are the limit")
    if statuses[429] > RATE_REFUSED * len(calls):
        faults.append(f"{statuses[429]} of {len(calls)} calls were over the rate")
    if codes[406] and plan.believed is None and not plan.kills:
        faults.append(f"{codes[406]} calls met the service's limit, which the fleet knows")
    latest = 0.0
    wanted = {spec.cname: spec.until for spec in plan.specs()}
    for session in sessions:
        over = _too_long(session, wanted.get(session.cname))
        latest = max(latest, over)
        if over < -EARLY:
            faults.append(f"{session.cname}: {session.sid} was stopped {-over:.1f} s too early")
        if over > LATE and not plan.kills:
            faults.append(f"{session.cname}: {session.sid} was stopped {over:.1f} s too late")
    return Verdict(
        faults=faults,
        most_at_once=most,
        busiest_second=emulator.peak_calls_per_second,
        no_room=codes[406],
        rate_refused=statuses[429],
        latest_stop=latest,
    )


def most_at_once(stays: Iterable[Stay]) -> int:
    """How many workers were taken at once, at most."""
    moments = sorted(
        moment for stay in stays for moment in ((stay.since, 1), (stay.until, -1))
    )  # who goes at a moment goes before who comes
    most = now = 0
    for _, step in moments:
        now += step
        most = max(most, now)
    return most


def _stay(emulator: Emulator, session: SessionView) -> Stay:
    gone = [each.at for each in emulator.life(session.sid) if each.kind is MomentKind.GONE]
    still_there = max(call.at for call in emulator.calls) + timedelta(seconds=EXIT_SECONDS)
    return Stay(session.started_at, gone[0] if gone else still_there)


def _too_long(session: SessionView, wanted: object) -> float:
    """Seconds by which it lasted longer than it was to; negative: it was too short."""
    if session.ended_at is None or not isinstance(wanted, timedelta):
        return 0.0
    return (session.ended_at - session.started_at - wanted).total_seconds()


def _doubled(sessions: Sequence[SessionView]) -> Iterator[str]:
    counted = Counter(session.cname for session in sessions)
    for cname, count in counted.items():
        if count > 1:
            yield f"{cname}: recorded {count} times"


def _wrongly_told(plan: Plan, sessions: Sequence[SessionView], told: Sequence[Told]) -> Iterator[str]:
    """What was told and isn't true, or wasn't told at all."""
    its: defaultdict[str, list[SessionView]] = defaultdict(list)
    for session in sessions:
        its[session.cname].append(session)
    results: defaultdict[str, list[Told]] = defaultdict(list)
    for result in told:
        results[result["cname"]].append(result)
    for spec in plan.specs():
        name = spec.cname
        if len(results[name]) != 1:
            yield f"{name}: {len(results[name])} results"
            continue
        (result,) = results[name]
        if {each.sid for each in its[name]} != set(result["sids"]):
            yield f"{name}: told {result['sids']}, and the service has {[each.sid for each in its[name]]}"
        if {file for each in its[name] for file in each.files} != set(result["files"]):
            yield f"{name}: told the files {result['files']}"
        if result["state"] != "uploaded" or result["error"] or not its[name]:
            yield f"{name}: told {dict(result)}"
        yield from (f"{name}: told of {each}" for each in result["failures"] if not _is_allowed(plan, each))


def _is_allowed(plan: Plan, failure: str) -> bool:
    """Whether a failure belongs to what is done to the fleet."""
    if failure == "limit reached":
        return plan.believed is not None or bool(plan.kills)
    return failure in {"start retried", "stop failed", "unconfirmed"} and bool(plan.kills)


def _contradicted(told: Sequence[Told], before: Sequence[Told]) -> Iterator[str]:
    """What a process told that was killed, and its successor tells otherwise."""
    last = {each["cname"]: each for each in told}
    for each in before:
        now = last.get(each["cname"], {})
        if now.get("sids") != each["sids"] or now.get("files") != each["files"]:
            yield f"{each['cname']}: first told {dict(each)}, then {dict(now)}"
