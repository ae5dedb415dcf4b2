"""What a fleet is asked to record: values, checked as a whole before anything is sent."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import field, frozen

from agora_rec.errors import InvalidRequest, Violation
from agora_rec.errors.text import shown
from agora_rec.model import Alternate, Mode
from agora_rec.model.converters import one_uid
from agora_rec.recording import Description
from agora_rec.recording.description import KEY_LENGTH
from agora_rec.secret import Secret, hide
from agora_rec.store import Checkpoint, Plan
from agora_rec.vocabulary import Region

MOST_REPLACEMENTS: Final = 3
"""How often a recording is replaced at most, if nobody says otherwise."""


@frozen(kw_only=True)
class Replacement:
    """Whether another recording takes the place of one that the service has lost.

    It goes on under the other one of the two uids (`Spec.alternate`), with a new resource ID, and only when
    the lost one's disappearance is confirmed, or its stop was acknowledged.

    Attributes:
        most: How often at most, for each recorder; 0: never.
        lifetime: Whether one whose calls will soon work no more (`resourceExpiredHour`) is stopped and
            replaced.
    """

    most: int = MOST_REPLACEMENTS
    lifetime: bool = False


@frozen(kw_only=True)
class Twin:
    """Another recorder for the same channel at the same time, placed in another area (redundancy).

    Attributes:
        uid: Its own uid in the channel.
        token: The token for this uid, if the project wants tokens.
        alternate: Under which uid another one may take its place.
        region: Where the service may record it.
    """

    uid: int | str = field(converter=one_uid)
    token: Secret | None = field(default=None, converter=hide)
    alternate: Alternate | None = None
    region: Region | None = None


@frozen
class Spec:
    """One thing to be recorded.

    Attributes:
        cname: The channel's name; for `Web` any name that tells recordings apart.
        uid: The recorder's own uid in the channel, 1 to 4294967295.
        mode: What is recorded, how, and where the files go.
        key: What you call it: a lesson, a call; needed where it is to be found again, by other workers or by
            the next process. 1 to 200 characters.
        until: When it is to be stopped, as aware datetime; or for how long it is recorded from its start on,
            as timedelta; None: until it ends by itself, or somebody stops it.
        token: An RTC token for channel and uid, if the project wants tokens.
        region: Where the service may record.
        resource_expired_hour: Hours in which the service takes calls for it, 1 to 720; None: its default, 72.
        exclude: Resource IDs of recordings from whose area it keeps away.
        announce_start: Whether acquire announces what start will send.
        alternate: Another uid, with its token: for a start that was refused, and for replacements.
        replacement: What is done when the service loses it; None: what the fleet was told.
        twins: Recorders that record the same channel at the same time in other areas.
    """

    cname: str
    uid: int | str = field(converter=one_uid)
    mode: Mode
    key: str | None = field(default=None, kw_only=True)
    until: datetime | timedelta | None = field(default=None, kw_only=True)
    token: Secret | None = field(default=None, converter=hide, kw_only=True)
    region: Region | None = field(default=None, kw_only=True)
    resource_expired_hour: int | None = field(default=None, kw_only=True)
    exclude: Sequence[str] = field(default=(), kw_only=True)
    announce_start: bool = field(default=False, kw_only=True)
    alternate: Alternate | None = field(default=None, kw_only=True)
    replacement: Replacement | None = field(default=None, kw_only=True)
    twins: Sequence[Twin] = field(default=(), kw_only=True)

    @property
    def recorders(self) -> tuple[Twin, ...]:
        """All that record it: the spec's own recorder, and its twins."""
        own = Twin(uid=self.uid, token=self.token, alternate=self.alternate, region=self.region)
        return (own, *self.twins)

    def key_of(self, number: int) -> str | None:
        """The key of one of its recorders: its own, and for twins that one with a number."""
        return self.key if self.key is None or not number else f"{self.key}~{number}"

    def describe(
        self,
        number: int,
        *,
        now: datetime,
        under: Alternate | None = None,
        exclude: tuple[str, ...] = (),
        plan: Plan | None = None,
    ) -> Description:
        """What one of its recorders is to be.

        Args:
            number: Which: 0 for its own, then its twins.
            now: The moment, for what has to lie in the future.
            under: The uid under which it takes the place of another one; None: its first.
            exclude: Resource IDs of the others that record the channel.
            plan: What its supervisor means to do with it.

        Raises:
            InvalidRequest: With every wrong field in it.
        """
        recorder = self.recorders[number]
        first = Alternate(uid=recorder.uid, token=recorder.token)
        mine, other = (first, recorder.alternate) if under is None else (under, None)
        return Description.checked(
            cname=self.cname,
            uid=mine.uid,
            mode=self.mode,
            token=mine.token,
            region=recorder.region,
            resource_expired_hour=self.resource_expired_hour,
            exclude=(*self.exclude, *exclude),
            announce_start=self.announce_start,
            alternate=other,
            now=now,
            key=self.key_of(number),
            plan=plan,
        )


def spec_of(checkpoint: Checkpoint) -> Spec:
    """What a recording that somebody else began was asked for, as far as its checkpoint says; no secrets."""
    plan = checkpoint.plan or Plan()
    other = checkpoint.alternate_uid or plan.other_uid
    return Spec(
        checkpoint.cname,
        checkpoint.uid,
        checkpoint.described_mode(),
        key=checkpoint.key,
        until=plan.until,
        region=checkpoint.region,
        resource_expired_hour=checkpoint.resource_expired_hour,
        exclude=checkpoint.exclude,
        announce_start=checkpoint.announce_start,
        alternate=None if other is None else Alternate(uid=other),
    )


def check(spec: Spec, *, replacement: Replacement | None, now: datetime) -> None:
    """Refuse a spec that can't be recorded as it says.

    Args:
        spec: Which.
        replacement: What is done when the service loses it, by the spec or by the fleet.
        now: The moment.

    Raises:
        InvalidRequest: Every wrong field, with its path, its value and the rule.
    """
    if type(spec) is not Spec:
        raise InvalidRequest((Violation("spec", type(spec).__name__, "a Spec"),))
    wrong = [*_wrong_until(spec, now), *_wrong_key(spec), *_wrong_twins(spec)]
    for number in range(len(spec.twins) + 1):
        try:
            spec.describe(number, now=now)
        except InvalidRequest as error:
            path = f"twins[{number - 1}]." if number else ""
            wrong += [
                Violation(f"{path}{each.path}", each.value, each.rule)
                for each in error.violations
                if not number or each.path in _OF_TWINS
            ]
    wrong += _wrong_replacement(spec, replacement)
    if wrong:
        raise InvalidRequest(tuple(wrong))


_OF_TWINS: Final = ("uid", "token", "alternate", "region", "alternate.uid", "alternate.token")


def _wrong_until(spec: Spec, now: datetime) -> Iterator[Violation]:
    until: object = spec.until
    if isinstance(until, timedelta):
        if until <= timedelta(0):
            yield Violation("until", str(until), "longer than nothing")
    elif isinstance(until, datetime):
        if until.tzinfo is None:
            yield Violation("until", str(until), "aware: with its time zone")
        elif until <= now:
            yield Violation("until", str(until), "in the future")
    elif until is not None:
        yield Violation("until", shown(repr(until), 80), "an aware datetime, a timedelta, or None")


def _wrong_key(spec: Spec) -> Iterator[Violation]:
    last = spec.key_of(len(spec.twins))
    if spec.twins and last is not None and len(last) > KEY_LENGTH >= len(spec.key or ""):
        yield Violation(
            "key", shown(spec.key or "", 80), f"short enough for those of its twins, as {last[-4:]!r}"
        )


def _wrong_twins(spec: Spec) -> Iterator[Violation]:
    seen: set[object] = set()
    for number, recorder in enumerate(spec.recorders):
        uids = [recorder.uid] if recorder.alternate is None else [recorder.uid, recorder.alternate.uid]
        for uid in map(str, uids):
            if uid in seen and number:
                yield Violation(f"twins[{number - 1}].uid", uid, "a uid that no other recorder has")
            seen.add(uid)


def _wrong_replacement(spec: Spec, replacement: Replacement | None) -> Iterator[Violation]:
    if replacement is None:
        return
    if type(replacement.most) is not int or replacement.most < 0:
        yield Violation("replacement.most", shown(repr(replacement.most), 40), "a number, 0 or more")
    elif replacement.most:
        for number, recorder in enumerate(spec.recorders):
            if recorder.alternate is None:
                path = f"twins[{number - 1}].alternate" if number else "alternate"
                yield Violation(path, "None", "another uid, under which it can be replaced")
