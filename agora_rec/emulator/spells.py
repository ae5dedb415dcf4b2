"""When whose streams reach a recorder: what the channel and the subscriptions come to, as spans of time.

Pure, and the same for a moment in the future: what lasts is taken to last on.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from attrs import frozen

from agora_rec.emulator.channels import Channel
from agora_rec.emulator.plan import AUDIO, VIDEO, Subscription


@frozen
class Spell:
    """A span of time without a break; at `until` it is over already."""

    since: datetime
    until: datetime


def stream_spells(
    channel: Channel,
    subscriptions: Sequence[tuple[datetime, Subscription]],
    begin: datetime,
    limit: datetime,
    *,
    hosts_only: bool,
) -> dict[tuple[str, str], tuple[Spell, ...]]:
    """When each stream (uid and medium) was received between two moments, in the order of their coming.

    With `hosts_only` the audience sends nothing, as in a live broadcast. The order is that of the
    subscriptions, and of the stays in the channel: nothing later changes it.
    """
    found: dict[tuple[str, str], list[Spell]] = {}
    for number, (told, subscription) in enumerate(subscriptions):
        last = number + 1 == len(subscriptions)
        until = limit if last else min(subscriptions[number + 1][0], limit)
        for stay in channel.stays:
            if hosts_only and not stay.host:
                continue
            since = max(told, stay.since, begin)
            over = until if stay.until is None else min(until, stay.until)
            if since >= over:
                continue
            for medium, sent in ((AUDIO, stay.audio), (VIDEO, stay.video)):
                if sent and subscription.takes(stay.uid, medium):
                    found.setdefault((stay.uid, medium), []).append(Spell(since, over))
    return {key: union(spells) for key, spells in found.items()}


def limited(spells: Mapping[str, Sequence[Spell]], places: int) -> dict[str, tuple[Spell, ...]]:
    """When each of those has a place of so many, who come and go as their spells say.

    Whoever comes when all are taken waits, and has the next one that is free. Nothing later changes it.
    """
    coming = sorted(
        ((spell.since, order, uid, spell.until) for order, uid in enumerate(spells) for spell in spells[uid]),
    )
    taken: list[datetime] = []
    waiting: deque[tuple[str, datetime]] = deque()
    found: dict[str, list[Spell]] = {}

    def free_up(moment: datetime) -> None:
        while taken and taken[0] <= moment:
            free = heapq.heappop(taken)
            while waiting:
                uid, until = waiting.popleft()
                if until > free:
                    take(uid, Spell(free, until))
                    break

    def take(uid: str, spell: Spell) -> None:
        heapq.heappush(taken, spell.until)
        found.setdefault(uid, []).append(spell)

    for since, _, uid, until in coming:
        free_up(since)
        if len(taken) < places:
            take(uid, Spell(since, until))
        else:
            waiting.append((uid, until))
    if waiting:
        free_up(max(until for _, until in waiting))
    return {uid: tuple(each) for uid, each in found.items()}


def common(first: Sequence[Spell], second: Sequence[Spell]) -> tuple[Spell, ...]:
    """The time that lies in both."""
    return tuple(
        Spell(max(one.since, other.since), min(one.until, other.until))
        for one in first
        for other in second
        if max(one.since, other.since) < min(one.until, other.until)
    )


def union(spells: Iterable[Spell]) -> tuple[Spell, ...]:
    """The same time in spells that don't touch each other, in order."""
    joined: list[Spell] = []
    for spell in sorted(spells, key=lambda spell: spell.since):
        if joined and spell.since <= joined[-1].until:
            joined[-1] = Spell(joined[-1].since, max(joined[-1].until, spell.until))
        else:
            joined.append(spell)
    return tuple(joined)


def mp4_spells(spells: Sequence[Spell], length: timedelta, slice_length: timedelta) -> Iterator[Spell]:
    """The MP4 files of what is recorded then, one after the other: when each begins, and is complete.

    The next one begins with the first slice that begins when one has its length.
    """
    begin = spells[0].since
    rest = deque(spells)
    while True:
        boundary = begin + length
        while rest and rest[0].until <= boundary:
            rest.popleft()
        if not rest:
            yield Spell(begin, boundary)
            return
        current = rest[0]
        if current.since >= boundary:
            yield Spell(begin, boundary)
            begin = current.since
            continue
        # The slice that is being written then still belongs to it.
        slices = -((current.since - boundary) // slice_length)
        over = min(current.since + slices * slice_length, current.until)
        yield Spell(begin, over)
        if over == current.until:
            rest.popleft()
        if not rest:
            return
        begin = max(over, rest[0].since)


def page_spells(
    holds: Sequence[tuple[datetime, bool]], begin: datetime, limit: datetime
) -> tuple[Spell, ...]:
    """When a page was recorded between two moments. `holds` says from when on it pauses, or doesn't."""
    found: list[Spell] = []
    for number, (told, held) in enumerate(holds):
        last = number + 1 == len(holds)
        since, until = max(told, begin), limit if last else min(holds[number + 1][0], limit)
        if not held and since < until:
            found.append(Spell(since, until))
    return union(found)
