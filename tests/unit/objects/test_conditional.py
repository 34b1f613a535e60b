"""A conditional write happens for one of many who saw the same object."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from mlproject.core.errors import StoreUnavailableError
from mlproject.core.ports import ObjectStore
from mlproject.objects.conditional import etag_of, put_if_unchanged, respects_conditions
from mlproject.objects.local import LocalStore
from mlproject.objects.s3 import S3Store, s3_client
from mlproject.testing import MemoryStore
from tests.servers import free_port


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


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(address: str) -> Iterator[S3Store]:
    with closing(s3_client(address, "key", "secret", "us-east-1")) as client:
        client.create_bucket(Bucket="bucket")
        yield S3Store("bucket", client)
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].reset()


@pytest.fixture(params=["memory", "local", "s3", "minio_store"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param in {"s3", "minio_store"}:
        made: S3Store = request.getfixturevalue(request.param)
        return made
    return MemoryStore() if request.param == "memory" else LocalStore(tmp_path)


def test_a_first_write_happens_once(any_store: ObjectStore) -> None:
    assert etag_of(any_store, "a/m") is None
    assert put_if_unchanged(any_store, "a/m", b"one", None)
    assert not put_if_unchanged(any_store, "a/m", b"two", None)
    assert any_store.get("a/m") == b"one"


def test_a_later_write_needs_the_tag_of_what_is_there(any_store: ObjectStore) -> None:
    any_store.put("a/m", b"one")
    seen = etag_of(any_store, "a/m")
    assert put_if_unchanged(any_store, "a/m", b"two", seen)
    assert not put_if_unchanged(any_store, "a/m", b"three", seen)
    assert any_store.get("a/m") == b"two"


def test_what_has_gone_has_changed(any_store: ObjectStore) -> None:
    any_store.put("a/m", b"one")
    seen = etag_of(any_store, "a/m")
    any_store.delete("a/m")
    assert not put_if_unchanged(any_store, "a/m", b"two", seen)
    assert any_store.get("a/m") is None


def test_a_longer_key_is_another_object(any_store: ObjectStore) -> None:
    any_store.put("a/m.old", b"one")
    assert etag_of(any_store, "a/m") is None


@pytest.mark.parametrize("any_store", ["memory", "local", "minio_store"], indirect=True)
def test_of_many_at_once_one_wins(any_store: ObjectStore) -> None:
    contents = [b"%d" % number * (number + 1) for number in range(8)]
    for _ in range(20):
        seen = etag_of(any_store, "a/m")
        write = partial(put_if_unchanged, any_store, "a/m", expected_etag=seen)
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(write, contents))
        assert won.count(True) == 1
        assert any_store.get("a/m") == contents[won.index(True)]
        # An equal content would have an equal tag: nothing has changed then.
        any_store.put("a/m", b"between")


def test_the_local_lock_leaves_no_object(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    put_if_unchanged(store, "a/m", b"x", None)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["m"]


def test_conditions_are_respected_and_the_probe_is_gone(any_store: ObjectStore) -> None:
    assert respects_conditions(any_store, "probe-")
    assert list(any_store.list("")) == []


def test_a_server_that_ignores_conditions_is_found_out(s3: S3Store) -> None:
    assert not respects_conditions(S3Store("bucket", Deaf(s3.client)), "probe-")
    assert list(s3.list("")) == []


def test_rclone_ignores_conditions(rclone_store: S3Store) -> None:
    assert not respects_conditions(rclone_store, "probe-")
    assert list(rclone_store.list("")) == []


def test_a_server_that_is_down_is_an_error() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    with (
        closing(s3_client(address, "key", "secret", "us-east-1")) as client,
        pytest.raises(StoreUnavailableError, match="s3://bucket/a"),
    ):
        put_if_unchanged(S3Store("bucket", client), "a", b"", None)


def test_a_missing_bucket_is_an_error_not_a_lost_race(s3: S3Store) -> None:
    with pytest.raises(StoreUnavailableError, match="s3://none/a"):
        put_if_unchanged(S3Store("none", s3.client), "a", b"", None)
