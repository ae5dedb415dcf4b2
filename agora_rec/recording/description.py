"""What a recording is to be: the arguments of `cloud.recording`, checked as one, and the bodies from them."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import get_args

from attrs import field, frozen

from agora_rec import codec, model
from agora_rec.errors import InvalidRequest, Violation
from agora_rec.errors.text import escaped
from agora_rec.model import AcquireRequest, Mode, Scene, StartRequest, validation
from agora_rec.secret import Secret
from agora_rec.store import Checkpoint
from agora_rec.vocabulary import Region


@frozen(kw_only=True)
class Description:
    """The part of a recording that never changes. `mode` is without secrets when `has_secrets` is False."""

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
        now: datetime,
    ) -> "Description":
        """Check everything at once.

        Raises:
            InvalidRequest: With every wrong field in it.
        """
        validation.require_recording(
            cname=cname,
            uid=uid,
            mode=mode,
            token=token,
            region=region,
            resource_expired_hour=resource_expired_hour,
            exclude=exclude,
            now=now,
        )
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
        )

    @classmethod
    def restored(cls, checkpoint: Checkpoint, mode: Mode | None, token: Secret | None) -> "Description":
        """Make it from a checkpoint, with the secrets if somebody brings them.

        Raises:
            InvalidRequest: The mode isn't the one that the checkpoint describes.
        """
        if mode is not None and not _is_described(mode, checkpoint):
            rule = "the mode that the checkpoint describes, with its secrets"
            raise InvalidRequest((Violation("mode", type(mode).__name__, rule),))
        return cls(
            id=checkpoint.id,
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
        )

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


def _is_described(mode: Mode, checkpoint: Checkpoint) -> bool:
    return type(mode) in get_args(Mode) and codec.dump_mode(mode) == checkpoint.mode
