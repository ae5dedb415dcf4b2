"""What a fleet is asked to record: values, checked as a whole before anything is sent."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import evolve, field, frozen

from agora_rec.errors import InvalidRequest, Violation
from agora_rec.errors.text import shown
from agora_rec.model import Alternate, Mode
from agora_rec.model.converters import one_uid
from agora_rec.recording import Description
from agora_rec.recording.description import KEY_LENGTH
from agora_rec.secret import Secret, hide
from agora_rec.store import Checkpoint, Plan
from agora_rec.vocabulary import Region

LONGEST_SPAN: Final = timedelta(days=3650)
"""The longest time that `until` may be as a span: dates end somewhere."""
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
        return self.key if self.key is None or not number else twin_key(self.key, number)

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


def twin_key(key: str, number: int) -> str:
    """The key of a twin.

    Args:
        key: That of its spec.
        number: Which of the recorders it is, 1 or more.
    """
    return f"{key}~{number}"


def spec_of(first: Checkpoint, *others: Checkpoint) -> Spec:
    """What recordings that somebody else began were asked for, as far as checkpoints say; no secrets.

    Args:
        first: The recorder's own.
        others: Those of its twins.
    """
    plan = first.plan or Plan()
    span = None if plan.lasts is None else timedelta(seconds=plan.lasts)
    return Spec(
        first.cname,
        first.uid,
        first.described_mode(),
        key=first.key,
        until=plan.until or span,
        region=first.region,
        resource_expired_hour=first.resource_expired_hour,
        exclude=first.exclude,
        announce_start=first.announce_start,
        alternate=_other_of(first),
        twins=[Twin(uid=each.uid, alternate=_other_of(each), region=each.region) for each in others],
    )


def _other_of(checkpoint: Checkpoint) -> Alternate | None:
    """The other one of the two uids under which it may be recorded."""
    other = checkpoint.alternate_uid or (checkpoint.plan or Plan()).other_uid
    return None if other is None or other == checkpoint.uid else Alternate(uid=other)


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
    wrong = [*_wrong_until(spec, now), *_wrong_key(spec), *_wrong_lists(spec), *_wrong_twins(spec)]
    wrong += wrong_flag("announce_start", spec.announce_start)
    sound = spec if _is_list(spec.exclude) else evolve(spec, exclude=())
    sound = sound if _is_list(spec.twins) else evolve(sound, twins=())
    for number, recorder in enumerate(_recorders(spec)):
        try:
            if isinstance(recorder, Twin):
                sound.describe(number, now=now)
        except InvalidRequest as error:
            path = f"twins[{number - 1}]." if number else ""
            wrong += [
                Violation(f"{path}{each.path}", each.value, each.rule)
                for each in error.violations
                if not number or each.path in _OF_TWINS
            ]
    wrong += wrong_policy(replacement) or _wrong_alternates(spec, replacement)
    if wrong:
        raise InvalidRequest(tuple(wrong))


def require_same(spec: Spec, here: Spec) -> None:
    """Make sure that a spec asks for the same as the one that has its key.

    Args:
        spec: The new one.
        here: The one that the fleet has already.

    Raises:
        InvalidRequest: It doesn't.
    """
    wrong: list[Violation] = []
    if spec.cname != here.cname:
        wrong.append(Violation("cname", shown(repr(spec.cname), 80), _AS_HERE.format(shown(here.cname, 80))))
    if not _uids_of(here) & _uids_of(spec):
        wrong.append(Violation("uid", shown(repr(spec.uid), 40), _AS_HERE.format(here.uid)))
    if type(spec.mode) is not type(here.mode):
        rule = _AS_HERE.format(type(here.mode).__name__)
        wrong.append(Violation("mode", type(spec.mode).__name__, rule))
    if wrong:
        raise InvalidRequest(tuple(wrong))


_AS_HERE: Final = "as the fleet has it under this key: {}"


def _uids_of(spec: Spec) -> set[str]:
    other = spec.alternate.uid if isinstance(spec.alternate, Alternate) else spec.uid
    return {str(spec.uid), str(other)}


def wrong_policy(replacement: object) -> list[Violation]:
    """What is wrong with what is to be done when the service loses a recording."""
    if replacement is None:
        return []
    if type(replacement) is not Replacement:
        return [Violation("replacement", type(replacement).__name__, "a Replacement, or None")]
    most, lifetime = replacement.most, replacement.lifetime
    wrong: list[Violation] = []
    if type(most) is not int or most < 0:
        wrong.append(Violation("replacement.most", shown(repr(most), 40), "a whole number, 0 or more"))
    return [*wrong, *wrong_flag("replacement.lifetime", lifetime)]


def wrong_flag(name: str, value: object) -> list[Violation]:
    """What is wrong with what should be true or false."""
    return [] if type(value) is bool else [Violation(name, shown(repr(value), 40), "True or False")]


_OF_TWINS: Final = ("uid", "token", "alternate", "region", "alternate.uid", "alternate.token")


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _recorders(spec: Spec) -> tuple[object, ...]:
    """All that record it, of which nobody knows whether they are any."""
    return spec.recorders if _is_list(spec.twins) else evolve(spec, twins=()).recorders


def _wrong_until(spec: Spec, now: datetime) -> Iterator[Violation]:
    until: object = spec.until
    if isinstance(until, timedelta):
        if not timedelta(0) < until <= LONGEST_SPAN:
            yield Violation("until", str(until), f"longer than nothing, {LONGEST_SPAN.days} days at most")
    elif isinstance(until, datetime):
        if until.utcoffset() is None:
            yield Violation("until", str(until), "aware: with its time zone")
        elif until <= now:
            yield Violation("until", str(until), "in the future")
    elif until is not None:
        yield Violation("until", shown(repr(until), 80), "an aware datetime, a timedelta, or None")


def _wrong_key(spec: Spec) -> Iterator[Violation]:
    if not isinstance(spec.key, str) or not _is_list(spec.twins) or len(spec.key) > KEY_LENGTH:
        return  # what is wrong there is said by others
    last = f"~{len(spec.twins)}"
    if spec.twins and len(spec.key) + len(last) > KEY_LENGTH:
        yield Violation("key", shown(spec.key, 80), f"short enough for those of its twins, as {last!r}")


def _wrong_lists(spec: Spec) -> Iterator[Violation]:
    if not _is_list(spec.exclude):
        yield Violation("exclude", shown(repr(spec.exclude), 80), "a list of resource IDs")
    if not _is_list(spec.twins):
        yield Violation("twins", type(spec.twins).__name__, "a list of Twin")
    for number, twin in enumerate(_recorders(spec)):
        if not isinstance(twin, Twin):
            yield Violation(f"twins[{number - 1}]", type(twin).__name__, "a Twin")


def _wrong_twins(spec: Spec) -> Iterator[Violation]:
    seen: set[str] = set()
    for number, recorder in enumerate(_recorders(spec)):
        if not isinstance(recorder, Twin):
            continue
        uids = {"uid": str(recorder.uid)}
        if isinstance(recorder.alternate, Alternate):
            uids["alternate.uid"] = str(recorder.alternate.uid)
        for path, uid in uids.items():
            if uid in seen:
                yield Violation(f"twins[{number - 1}].{path}", uid, "a uid that no other recorder has")
        seen.update(uids.values())


def _wrong_alternates(spec: Spec, replacement: Replacement | None) -> list[Violation]:
    if replacement is None or not replacement.most:
        return []
    return [
        Violation(f"twins[{number - 1}].alternate" if number else "alternate", "None", _OTHER_UID)
        for number, recorder in enumerate(_recorders(spec))
        if isinstance(recorder, Twin) and recorder.alternate is None
    ]


_OTHER_UID: Final = "another uid, under which it can be replaced"
