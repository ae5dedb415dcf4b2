"""Another uid for the same recording, offered for the case that its first one can't be started."""

from attrs import field, frozen

from agora_rec.model.converters import one_uid
from agora_rec.secret import Secret, hide


@frozen(kw_only=True)
class Alternate:
    """The uid, and the token for it, under which a recording may go on when its start was surely refused.

    Only you can name one that nobody else in the channel uses, and a token is made for one uid.

    Attributes:
        uid: 1 to 4294967295, as integer or as text; not the recording's own.
        token: an RTC token for this uid, needed if the recording has one.
    """

    uid: int | str = field(converter=one_uid)
    token: Secret | None = field(default=None, converter=hide)
