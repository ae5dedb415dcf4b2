"""The S3 client: obstore (the extra `emulator`), which is one small wheel and depends on next to nothing.

The only module that knows it. It names the bucket in the path, so that any host name will do, and repeats
nothing: what a bucket refuses is for the service to play.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from agora_rec.emulator.files.orders import Target

_CODE: Final = re.compile(r"<Code>([A-Za-z]{1,64})</Code>")
_TYPES: Final = {
    "m3u8": "application/x-mpegURL",
    "ts": "video/MP2T",
    "webm": "video/webm",
    "mp4": "video/mp4",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "aac": "audio/aac",
    "jpg": "image/jpeg",
}
"""As the service's documents want them for playing online (storage.yaml `upload`)."""

_UNREACHABLE: Final = "unreachable"
_NO_BUCKET, _NO_ACCESS = "NoSuchBucket", "AccessDenied"


class BucketRefusedError(Exception):
    """The storage said no, in a word of S3's, or nothing."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


@lru_cache(maxsize=64)
def _open(target: Target) -> S3Store:
    return S3Store(
        target.bucket,
        endpoint=target.url,
        access_key_id=target.access_key,
        secret_access_key=target.secret_key,
        region="us-east-1",
        virtual_hosted_style_request=False,
        client_options={"allow_http": target.url.startswith("http://"), "timeout": "30s"},
        retry_config={"max_retries": 0},
    )


def put(target: Target, name: str, file: bytes | Path) -> None:
    """Write one file.

    Raises:
        BucketRefusedError: the storage doesn't take it.
    """
    attributes = {"Content-Type": _TYPES[name.rpartition(".")[2]]}
    try:
        obstore.put(_open(target), name, file, attributes=attributes)
    except (BaseError, OSError) as error:
        raise BucketRefusedError(_word(error)) from None


def check(target: Target, name: str) -> None:
    """Whether there is this bucket, and whether these keys are known there. Writes nothing.

    Keys that may only write are good keys: whoever may not read is let through.

    Args:
        target: which bucket.
        name: what no file in it is called.

    Raises:
        BucketRefusedError: no.
    """
    try:
        obstore.get(_open(target), name)
    except FileNotFoundError as error:
        if _word(error) == _NO_BUCKET:
            raise BucketRefusedError(_NO_BUCKET) from None
    except (BaseError, OSError) as error:
        if _word(error) != _NO_ACCESS:
            raise BucketRefusedError(_word(error)) from None


def _word(error: Exception) -> str:
    """S3's code in an answer. Nothing else of it: answers repeat keys."""
    found = _CODE.search(str(error))
    return _UNREACHABLE if found is None else found[1]
