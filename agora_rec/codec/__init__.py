"""Values to the service's JSON and back: the only place that knows its names.

`encode` writes a request, `decode` reads a good answer, `refusal` any other. Whatever bytes come in, the end
is a value or `BadShape`. What answers say beyond the documented is ignored, what they leave out is None.
`mode_to_json` and `mode_from_json` keep a mode in a checkpoint, without its secrets, and so do
`notification_to_json` and `notification_from_json` with a notification. `read_notification` reads a webhook.
"""

import json
from typing import Any, Final, TypeVar, cast

import attrs

from agora_rec.codec.answers import ANSWER_FIELDS
from agora_rec.codec.body import Body
from agora_rec.codec.checkpoints import mode_from_json, mode_to_json
from agora_rec.codec.conversion import converter, write
from agora_rec.codec.notifications import notification_from_json, notification_to_json, read_notification
from agora_rec.codec.parsing import parse
from agora_rec.codec.plain import dump, dump_mode, load, load_mode
from agora_rec.codec.refusals import refusal
from agora_rec.codec.shape import BadShape
from agora_rec.model import AnyAnswer, AnyRequest, QueryAnswer, StartParameter, StopAnswer
from agora_rec.secret import Secret

__all__ = [
    "BadShape",
    "Body",
    "decode",
    "dump",
    "dump_mode",
    "encode",
    "load",
    "load_mode",
    "mode_from_json",
    "mode_to_json",
    "notification_from_json",
    "notification_to_json",
    "prepare",
    "read_notification",
    "refusal",
]

A = TypeVar("A", bound=AnyAnswer)


def prepare() -> None:
    """Build what the first call would else have to wait for: the converter, and how each answer is read."""
    for answer in ANSWER_FIELDS:
        converter().get_structure_hook(answer)


def encode(request: AnyRequest | StartParameter) -> Body:
    """Write a request exactly as the service documents it, with nothing added.

    The request must have passed `agora_rec.model.validation`; here nothing is judged. The same values give
    the same bytes: what acquire announces is what start sends. A `StartParameter` alone gives start's
    `clientRequest`.
    """
    return Body(_bytes(write(request, converter())))


def decode(answer_type: type[A], data: bytes) -> A:
    """Read the body of a good answer.

    Raises:
        BadShape: it is no JSON, not what this call is answered with, or beyond all bounds.
    """
    read = _read(answer_type, data)
    del data  # answers repeat stream keys: no traceback may show them
    if isinstance(read, BadShape):
        raise read.with_traceback(None)
    return read


def _read(answer_type: type[A], data: bytes) -> A | BadShape:
    try:
        return cast("A", _lifted(converter().structure(parse(data), answer_type)))
    except BadShape as bad:
        return bad


def _lifted(answer: AnyAnswer) -> AnyAnswer:
    """Take what a web page's services say of files and upload to where all other modes have it."""
    if not isinstance(answer, QueryAnswer | StopAnswer) or not answer.services:
        return answer
    files = answer.files or tuple(file for service in answer.services for file in service.files)
    lifted = attrs.evolve(answer, files=files)
    if isinstance(lifted, StopAnswer) and lifted.uploading_status is None:
        said = (service.uploading_status for service in lifted.services)
        return attrs.evolve(lifted, uploading_status=next((status for status in said if status), None))
    return lifted


def _bytes(tree: Any) -> bytes:
    # The secrets' texts come out inside of the encoder, so that no frame of ours ever holds one.
    return _ENCODER.encode(tree).encode()


def _reveal(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    raise TypeError(f"a {type(value).__name__} in a request that wasn't validated")


_ENCODER: Final = json.JSONEncoder(default=_reveal, allow_nan=False, separators=(",", ":"))
