"""What is an S3 bucket's own; what all stores promise is in tests/contract."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from mlproject.core.errors import StoreUnavailableError
from mlproject.core.ports import ObjectStore
from mlproject.objects.s3 import S3Store, s3_client
from tests.moto import ACCESS_KEY, SECRET_KEY, fill_bucket, moto_bucket, moto_server


@pytest.fixture(scope="module")
def moto_address() -> Iterator[str]:
    with moto_server() as address:
        yield address


@pytest.fixture
def bucket(moto_address: str) -> Iterator[S3Store]:
    with moto_bucket(moto_address) as made:
        yield made


def keys_of(store: ObjectStore) -> list[str]:
    return [info.key for info in store.list("")]


class Deaf:
    """A client of a server that takes conditions and ignores them."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def put_object(self, **arguments: Any) -> Any:
        for condition in ("IfMatch", "IfNoneMatch"):
            arguments.pop(condition, None)
        return self._client.put_object(**arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def test_a_server_that_ignores_conditions_is_found_out(bucket: S3Store) -> None:
    deaf = S3Store(bucket.bucket, Deaf(bucket.client))  # type: ignore[arg-type]
    assert not deaf.keeps_conditions("probe-")
    assert keys_of(bucket) == []


def test_a_missing_bucket_is_an_error_not_a_lost_race(bucket: S3Store) -> None:
    with pytest.raises(StoreUnavailableError, match="s3://none/a"):
        S3Store("none", bucket.client).put_if("a", b"", None)


def test_a_folders_placeholder_is_not_listed(bucket: S3Store) -> None:
    fill_bucket(["a/", "a/b"])
    assert keys_of(bucket) == ["a/b"]


def test_a_bucket_that_is_missing_is_no_empty_one(moto_address: str) -> None:
    with closing(s3_client(moto_address, ACCESS_KEY, SECRET_KEY, "us-east-1")) as client:
        store = S3Store("no-such-bucket", client)
        for call in (lambda: store.get("a"), lambda: store.put("a", b""), lambda: keys_of(store)):
            with pytest.raises(StoreUnavailableError, match="no-such-bucket"):
                call()
