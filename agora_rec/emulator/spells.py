"""When whose streams reach a recorder: what the channel and the subscriptions come to, as spans of time.

Pure, and the same for a moment in the future: what lasts is taken to last on.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

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
) -> dict[tuple[str, str], tuple[Spell, ...]]:
    """When each stream (uid and medium) was received between two moments, in the order of their coming.

    The order is that of the subscriptions, and of the stays in the channel: nothing later changes it.
    """
    found: dict[tuple[str, str], list[Spell]] = {}
    for number, (told, subscription) in enumerate(subscriptions):
        last = number + 1 == len(subscriptions)
        until = limit if last else min(subscriptions[number + 1][0], limit)
        for stay in channel.stays:
            since = max(told, stay.since, begin)
            over = until if stay.until is None else min(until, stay.until)
            if since >= over:
                continue
            for medium, sent in ((AUDIO, stay.audio), (VIDEO, stay.video)):
                if sent and subscription.takes(stay.uid, medium):
                    found.setdefault((stay.uid, medium), []).append(Spell(since, over))
    return {key: union(spells) for key, spells in found.items()}


def union(spells: Iterable[Spell]) -> tuple[Spell, ...]:
    """The same time in spells that don't touch each other, in order."""
    joined: list[Spell] = []
    for spell in sorted(spells, key=lambda spell: spell.since):
        if joined and spell.since <= joined[-1].until:
            joined[-1] = Spell(joined[-1].since, max(joined[-1].until, spell.until))
        else:
            joined.append(spell)
    return tuple(joined)


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
