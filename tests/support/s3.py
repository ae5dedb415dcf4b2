"""A real S3 server for tests and examples: moto's, in a process of its own, on a port of its own."""

import itertools
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx
from attrs import define, field

from tests.support.secrets import ACCESS_KEY, SECRET_KEY

_SERVER: Final = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print("port", server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""
_SHOWN: Final = (
    "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/{}/aws4_request, SignedHeaders=a, Signature=a"
)
"""Keys, as long as nobody looks at them."""
_EVERYTHING: Final = 10**9
"""So many calls whose keys aren't looked at."""
_MAY_WRITE: Final = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}]}'
)
_numbers = itertools.count()


@define
class S3:
    """A storage at `url`, and a look into its buckets that needs no keys.

    A start names it as `endpoint`, which has no place for a port; `endpoints` say where that is.
    """

    url: str
    http: httpx.Client = field(repr=False)
    endpoint: str = "storage.test"

    @property
    def endpoints(self) -> dict[str, str]:
        return {self.endpoint: self.url}

    def storage(self, bucket: str, **more: Any) -> dict[str, Any]:
        """A storageConfig."""
        keys = {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}
        endpoint = {"extensionParams": {"endpoint": self.endpoint}}
        return {"vendor": 11, "region": 0, "bucket": bucket, **keys, **endpoint, **more}

    def create(self, bucket: str) -> str:
        assert self.http.put(f"/{bucket}").is_success
        return bucket

    def delete(self, bucket: str) -> None:
        """Take a bucket away, with all that is in it."""
        for name in self.names(bucket):
            assert self.http.delete(f"/{bucket}/{name}").is_success
        assert self.http.delete(f"/{bucket}").is_success

    def names(self, bucket: str) -> list[str]:
        """What is in a bucket, in alphabetical order."""
        answer = self.http.get(f"/{bucket}", params={"list-type": "2"})
        assert answer.is_success
        return re.findall("<Key>([^<]*)</Key>", answer.text)

    def read(self, bucket: str, name: str) -> bytes:
        return self.get(bucket, name).content

    def get(self, bucket: str, name: str) -> httpx.Response:
        answer = self.http.get(f"/{bucket}/{name}")
        assert answer.is_success, answer.text
        return answer

    @contextmanager
    def good_keys(self) -> Iterator[tuple[str, str]]:
        """Keys that may write files and nothing else; while this lasts, only they are let in."""
        user = f"writer-{next(_numbers)}"
        self._iam("CreateUser", UserName=user)
        self._iam("PutUserPolicy", UserName=user, PolicyName="write", PolicyDocument=_MAY_WRITE)
        answer = self._iam("CreateAccessKey", UserName=user)
        self.http.post("/moto-api/reset-auth", content=b"0")
        try:
            yield _inside("AccessKeyId", answer), _inside("SecretAccessKey", answer)
        finally:
            self.http.post("/moto-api/reset-auth", content=str(_EVERYTHING).encode())

    def _iam(self, action: str, **arguments: str) -> str:
        form = {"Action": action, "Version": "2010-05-08", **arguments}
        answer = self.http.post("/", data=form, headers={"authorization": _SHOWN.format("iam")})
        assert answer.is_success, answer.text
        return answer.text


def _inside(tag: str, text: str) -> str:
    found = re.search(f"<{tag}>([^<]*)</{tag}>", text)
    assert found is not None
    return found[1]


@contextmanager
def served_s3() -> Iterator[S3]:
    """A server, for the time of a block."""
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    with server, server.stdin:
        url = f"http://127.0.0.1:{int(server.stdout.readline().split()[-1])}"
        headers = {"authorization": _SHOWN.format("s3")}
        with httpx.Client(base_url=url, trust_env=False, headers=headers) as http:
            yield S3(url, http)
