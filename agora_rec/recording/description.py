"""What a recording is to be: the arguments of `cloud.recording`, checked as one, and the bodies from them."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Final, get_args

from attrs import evolve, field, frozen

from agora_rec import codec, model
from agora_rec.errors import InvalidRequest, SecretsRequired, Violation
from agora_rec.errors.text import escaped, shown
from agora_rec.model import AcquireRequest, Alternate, Mode, Scene, Secrets, StartRequest, validation
from agora_rec.model.storage import Storage, TemporaryKeyBucket
from agora_rec.secret import Secret
from agora_rec.store import Checkpoint, Plan
from agora_rec.vocabulary import Region

KEY_LENGTH: Final = 200
"""The longest key of a recording, in characters."""


@frozen(kw_only=True)
class Description:
    """What is asked for; nothing of it changes but the uid, once at most (`under_alternate`).

    `mode` is without secrets when `has_secrets` is False. `alternate` is there until it is taken.
    """

    cname: str
    uid: int
    mode: Mode
    token: Secret | None = None
    region: Region | None = None
    resource_expired_hour: int | None = None
    exclude: tuple[str, ...] = ()
    announce_start: bool = False
    has_token: bool = False
    has_secrets: bool = True
    alternate: Alternate | None = None
    alternate_has_token: bool = False
    key: str | None = None
    plan: Plan | None = None
    id: str = field(factory=lambda: uuid.uuid4().hex)

    @classmethod
    def checked(
        cls,
        *,
        cname: str,
        uid: int | str,
        mode: Mode,
        token: Secret | None,
        region: Region | None,
        resource_expired_hour: int | None,
        exclude: Sequence[str],
        announce_start: bool,
        alternate: Alternate | None,
        now: datetime,
        key: str | None = None,
        plan: Plan | None = None,
    ) -> "Description":
        """Check everything at once.

        Raises:
            InvalidRequest: With every wrong field in it.
        """
        violations = validation.check_recording(
            cname=cname,
            uid=uid,
            mode=mode,
            token=token,
            region=region,
            resource_expired_hour=resource_expired_hour,
            exclude=exclude,
            alternate=alternate,
            now=now,
        )
        if key is not None and not _is_key(key):
            violations = (
                Violation("key", repr(key)[:100], f"a text of 1 to {KEY_LENGTH} characters"),
                *violations,
            )
        if violations:
            raise InvalidRequest(violations)
        return cls(
            cname=cname,
            uid=model.normal_uid(uid),
            mode=mode,
            token=token,
            has_token=token is not None,
            region=region,
            resource_expired_hour=resource_expired_hour,
            exclude=tuple(exclude),
            announce_start=announce_start,
            alternate=alternate,
            alternate_has_token=alternate is not None and alternate.token is not None,
            key=key,
            plan=plan,
        )

    @classmethod
    def restored(
        cls, checkpoint: Checkpoint, mode: Mode | None, token: Secret | None, alternate: Alternate | None
    ) -> "Description":
        """Make it from a checkpoint, with the secrets if somebody brings them.

        Mode, token and alternate may be the same ones that the recording was made with: if the alternate has
        been taken since, its token is the one that counts.

        Raises:
            InvalidRequest: The mode isn't the one that the checkpoint describes, or the alternate is none.
        """
        needs_token = checkpoint.has_token or token is not None
        is_known = isinstance(alternate, Alternate) and alternate.uid in _uids(checkpoint)
        validation.require_alternate(alternate, needs_token=needs_token and not is_known)
        if mode is not None and not _is_described(mode, checkpoint):
            rule = "the mode that the checkpoint describes, with its secrets"
            raise InvalidRequest((Violation("mode", type(mode).__name__, rule),))
        if alternate is not None and alternate.uid == checkpoint.uid:
            token, alternate = alternate.token or token, None
        alternate, alternate_has_token = _offered(checkpoint, alternate)
        return cls(
            id=checkpoint.id,
            key=checkpoint.key,
            plan=checkpoint.plan,
            cname=checkpoint.cname,
            uid=checkpoint.uid,
            mode=checkpoint.described_mode(mode),
            token=token,
            region=checkpoint.region,
            resource_expired_hour=checkpoint.resource_expired_hour,
            exclude=checkpoint.exclude,
            announce_start=checkpoint.announce_start,
            has_token=checkpoint.has_token or token is not None,
            has_secrets=mode is not None and (token is not None or not checkpoint.has_token),
            alternate=alternate,
            alternate_has_token=alternate_has_token,
        )

    @property
    def alternate_uid(self) -> int | None:
        """The uid of the alternate, as long as it has not been taken."""
        return None if self.alternate is None else model.normal_uid(self.alternate.uid)

    def with_alternate_of(self, other: "Description") -> "Description":
        """The same, with the alternate's token from another one that has it, if it was not brought."""
        if self.under_alternate() is None and self.alternate_uid == other.alternate_uid:
            return evolve(self, alternate=other.alternate)
        return self

    def under_alternate(self) -> "Description | None":
        """The same recording under its alternate uid; None: there is none, or its token was not brought."""
        alternate, uid = self.alternate, self.alternate_uid
        if alternate is None or uid is None or (self.alternate_has_token and alternate.token is None):
            return None
        return evolve(
            self,
            uid=uid,
            token=alternate.token,
            has_token=self.alternate_has_token,
            alternate=None,
            alternate_has_token=False,
        )

    def in_its_place(self, *, under: Alternate, exclude: tuple[str, ...], plan: Plan) -> "Description":
        """Another recording of the same, for when this one is lost.

        Args:
            under: The uid that this one doesn't have; its token, unless a provider of secrets brings one.
            exclude: Resource IDs of the others that record the channel.
            plan: What its supervisor means to do with it.
        """
        return evolve(
            self,
            id=uuid.uuid4().hex,
            uid=model.normal_uid(under.uid),
            token=under.token,
            has_secrets=self.has_secrets and (under.token is not None or not self.has_token),
            exclude=exclude,
            alternate=None,
            alternate_has_token=False,
            plan=plan,
        )

    def require_same(self, checkpoint: Checkpoint) -> None:
        """Make sure that the live recording of the key is what was asked for.

        Raises:
            InvalidRequest: It is another one.
        """
        wrong: list[Violation] = []
        rule = "as the live recording of this key has it: {}"
        if checkpoint.cname != self.cname:
            wrong.append(Violation("cname", shown(self.cname, 80), rule.format(shown(checkpoint.cname, 80))))
        if self.uid not in _uids(checkpoint) and checkpoint.uid != self.alternate_uid:
            wrong.append(Violation("uid", str(self.uid), rule.format(checkpoint.uid)))
        if not _is_same(self.mode, checkpoint.mode):
            wrong.append(
                Violation("mode", type(self.mode).__name__, "the mode of the live recording of this key")
            )
        if wrong:
            raise InvalidRequest(tuple(wrong))

    def with_secrets(self, secrets: Secrets, *, now: datetime) -> "Description":
        """The same recording with the secrets that somebody was asked for.

        Raises:
            InvalidRequest: They are wrong, or the storage isn't the one that the mode describes.
            SecretsRequired: The mode has other secrets, which nobody has brought.
        """
        mode = self.mode if secrets.storage is None else self.with_keys_of(secrets.storage).mode
        missing = model.missing_secrets(mode)
        if missing:
            raise SecretsRequired(f"{', '.join(missing)}, to start")
        token = secrets.token
        validation.require_recording(
            cname=self.cname,
            uid=self.uid,
            mode=mode,
            token=token,
            region=self.region,
            resource_expired_hour=self.resource_expired_hour,
            exclude=self.exclude,
            alternate=None,
            now=now,
        )
        return evolve(self, mode=mode, token=token, has_token=token is not None, has_secrets=True)

    def with_keys_of(self, storage: Storage) -> "Description":
        """The same recording with other keys for its storage.

        Raises:
            InvalidRequest: It is another storage than the one that the mode describes.
        """
        mode = evolve(self.mode, storage=storage)
        if not _is_same(mode, codec.dump_mode(self.mode)):
            rule = "the storage that the recording was made with; only its keys may differ"
            raise InvalidRequest((Violation("secrets.storage", type(storage).__name__, rule),))
        return evolve(self, mode=mode)

    @property
    def label(self) -> str:
        """Channel and uid for logs and notes: short, and nothing that could pass for another line."""
        return f"{escaped(self.cname, 80)}/{self.uid}"

    def acquire_request(self) -> AcquireRequest:
        """What acquire sends: the service's own defaults are left to the service."""
        scene = model.scene_of(self.mode)
        return AcquireRequest(
            cname=self.cname,
            uid=self.uid,
            scene=None if scene is Scene.RTC else scene,
            region=self.region,
            resource_expired_hour=self.resource_expired_hour,
            exclude_resource_ids=self.exclude or None,
            start_parameter=self.start_request().parameter if self.announce_start else None,
        )

    def start_request(self) -> StartRequest:
        """What start sends; the same each time, so that a repeated start is recognised as such."""
        return StartRequest(cname=self.cname, uid=self.uid, mode=self.mode, token=self.token)


def _is_key(key: object) -> bool:
    """Whether stores of all kinds can hold it: a text, not too long, of whole characters, without NUL."""
    if not isinstance(key, str) or not 1 <= len(key) <= KEY_LENGTH or "\0" in key:
        return False
    return not any("\ud800" <= character <= "\udfff" for character in key)


def _uids(checkpoint: Checkpoint) -> tuple[int | None, ...]:
    """The uids of which the checkpoint says whether a token is needed."""
    return checkpoint.uid, checkpoint.alternate_uid


def _offered(checkpoint: Checkpoint, brought: Alternate | None) -> tuple[Alternate | None, bool]:
    """The alternate that is left, and whether it has a token: the one that is brought, else the old one."""
    known = None if checkpoint.alternate_uid is None else Alternate(uid=checkpoint.alternate_uid)
    alternate = brought or known
    if alternate is None:
        return None, False
    is_known = known is not None and alternate.uid == known.uid
    return alternate, alternate.token is not None or (is_known and checkpoint.alternate_has_token)


def _is_described(mode: Mode, checkpoint: Checkpoint) -> bool:
    return type(mode) in get_args(Mode) and _is_same(mode, checkpoint.mode)


def _is_same(mode: Mode, described: str) -> bool:
    """Whether a mode is the one that was written down; how long temporary keys last belongs to the keys."""
    if codec.dump_mode(mode) == described:
        return True
    return _without_expiration(mode) == _without_expiration(codec.load_mode(described))


def _without_expiration(mode: Mode) -> str:
    storage = mode.storage
    if isinstance(storage, TemporaryKeyBucket):
        mode = evolve(mode, storage=evolve(storage, sts_expiration=None))
    return codec.dump_mode(mode)
