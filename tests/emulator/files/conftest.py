"""One S3 server for all tests here, and a bucket of its own for each."""

import itertools
from collections.abc import Iterator

import pytest

from tests.support.s3 import S3, served_s3

_numbers = itertools.count()


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    with served_s3() as server:
        yield server


@pytest.fixture
def bucket(s3: S3) -> str:
    return s3.create(f"bucket-{next(_numbers)}")
