"""Every ObjectStore keeps the same promises: memory, a local folder, an S3 bucket."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from mlproject.core.errors import StoreUnavailableError
from mlproject.core.ports import ObjectStore
from mlproject.objects.local import LocalStore
from mlproject.objects.s3 import S3Store, s3_client
from mlproject.testing import MemoryStore
from tests.servers import S3Server, free_port
from tests.servers import rclone_server as serve_with_rclone

ACCESS_KEY, SECRET_KEY = "fake-access-key", "fake-secret-key"
KINDS = ("memory", "local", "s3", "rclone", "minio")
ODD_KEYS = ("with space/a b.txt", "ünï/çödé/日本.txt", "plus+equals=1/x&y.txt", "per%20cent")


@dataclass(frozen=True)
class Subject:
    """A store, and a cheap way to fill it."""

    kind: str
    store: ObjectStore
    fill: Callable[[list[str]], None]


@pytest.fixture(scope="module")
def moto_address() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def memory_subject() -> Subject:
    store = MemoryStore()
    return Subject("memory", store, lambda keys: store.objects.update(dict.fromkeys(keys, b"")))


@pytest.fixture
def local_subject(tmp_path: Path) -> Subject:
    def fill(keys: list[str]) -> None:
        for folder in {(tmp_path / key).parent for key in keys}:
            folder.mkdir(parents=True, exist_ok=True)
        for key in keys:
            (tmp_path / key).touch()

    return Subject("local", LocalStore(tmp_path), fill)


@pytest.fixture
def s3_subject(moto_address: str) -> Iterator[Subject]:
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]

    def fill(keys: list[str]) -> None:
        for key in keys:
            backend.put_object("bucket", key, b"")

    with closing(s3_client(moto_address, ACCESS_KEY, SECRET_KEY, "us-east-1")) as client:
        client.create_bucket(Bucket="bucket")
        yield Subject("s3", S3Store("bucket", client), fill)
    backend.reset()


def put_all(store: ObjectStore) -> Callable[[list[str]], None]:
    """Fill over the network, several objects at once."""

    def fill(keys: list[str]) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda key: store.put(key, b""), keys))

    return fill


@pytest.fixture
def rclone_subject(rclone_store: S3Store) -> Subject:
    return Subject("rclone", rclone_store, put_all(rclone_store))


@pytest.fixture
def minio_subject(minio_store: S3Store) -> Subject:
    return Subject("minio", minio_store, put_all(minio_store))


@pytest.fixture(params=KINDS)
def subject(request: pytest.FixtureRequest) -> Subject:
    made: Subject = request.getfixturevalue(f"{request.param}_subject")
    return made


@pytest.fixture
def any_store(subject: Subject) -> ObjectStore:
    return subject.store


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


def skip_without_conditions(subject: Subject) -> None:
    if subject.kind == "rclone":
        pytest.skip("rclone takes conditional writes as plain ones")


def keys_of(store: ObjectStore, prefix: str = "", start_after: str = "") -> list[str]:
    return [info.key for info in store.list(prefix, start_after)]


def test_what_was_put_is_got(any_store: ObjectStore) -> None:
    any_store.put("folder/name.bin", bytes(range(256)))
    assert any_store.get("folder/name.bin") == bytes(range(256))


def test_a_second_put_replaces_the_first(any_store: ObjectStore) -> None:
    any_store.put("a/b", b"a longer old one")
    any_store.put("a/b", b"new")
    assert any_store.get("a/b") == b"new"
    assert [(info.key, info.size) for info in any_store.list("")] == [("a/b", 3)]


def test_another_content_has_another_etag(any_store: ObjectStore) -> None:
    any_store.put("a", b"one")
    (before,) = any_store.list("a")
    any_store.put("a", b"two")
    (after,) = any_store.list("a")
    assert before.etag != after.etag


def test_what_is_not_there_is_none(any_store: ObjectStore) -> None:
    any_store.put("a/b", b"")
    assert any_store.get("no/such") is None
    assert any_store.get("a") is None, "a folder is no object"
    assert keys_of(any_store, "no/such/") == []


def test_what_was_deleted_is_gone_and_may_be_deleted_again(any_store: ObjectStore) -> None:
    any_store.put("a/b", b"x")
    any_store.put("a/c", b"x")
    any_store.delete("a/b")
    any_store.delete("a/b")
    assert any_store.get("a/b") is None
    assert keys_of(any_store) == ["a/c"]


def test_empty_content_is_an_object(any_store: ObjectStore) -> None:
    any_store.put("empty", b"")
    assert any_store.get("empty") == b""
    assert [info.size for info in any_store.list("empty")] == [0]


def test_what_a_killed_writer_left_is_removed_and_no_object(subject: Subject) -> None:
    subject.store.put("a/b", b"1")
    if isinstance(subject.store, LocalStore):
        left = subject.store.root / "a" / ".unfinished-x"
        left.touch()
        subject.store.remove_unfinished(60)
        assert left.exists(), "somebody may be writing it"
        subject.store.remove_unfinished(0)
        assert not left.exists()
    subject.store.remove_unfinished(0)
    assert keys_of(subject.store) == ["a/b"]


@pytest.mark.parametrize("key", ODD_KEYS)
def test_keys_may_have_spaces_and_any_letter(any_store: ObjectStore, key: str) -> None:
    any_store.put(key, key.encode())
    assert any_store.get(key) == key.encode()
    assert keys_of(any_store) == [key]
    any_store.delete(key)
    assert keys_of(any_store) == []


def test_a_listing_ascends_and_starts_after_a_key(subject: Subject) -> None:
    # "-" and "." come before "/", and so do their keys, whatever folders there are.
    wanted = ["a", "b-c", "b.d", "b/a", "b/c/d", "b/é", "c"]
    subject.fill(wanted[::-1])
    assert keys_of(subject.store) == wanted
    assert keys_of(subject.store, "b") == wanted[1:6]
    assert keys_of(subject.store, "b/", start_after="b/a") == ["b/c/d", "b/é"]
    assert keys_of(subject.store, start_after="b/b is not there") == ["b/c/d", "b/é", "c"]
    assert keys_of(subject.store, "b/", start_after="c") == []


def test_a_prefix_may_end_within_a_name(subject: Subject) -> None:
    subject.fill(["topics/a+0", "topics/a+1", "topics/ab/c", "topics/b"])
    assert keys_of(subject.store, "topics/a") == ["topics/a+0", "topics/a+1", "topics/ab/c"]
    assert keys_of(subject.store, "topics/a+1") == ["topics/a+1"]


def test_a_listing_of_thousands_is_whole(subject: Subject) -> None:
    wanted = [f"many/{number:05d}" for number in range(1100)]  # S3 lists 1,000 at once
    subject.fill(wanted)
    assert keys_of(subject.store, "many/") == wanted
    assert keys_of(subject.store, "many/", start_after=wanted[50]) == wanted[51:]


def test_a_hundred_thousand_are_listed_in_order(local_subject: Subject) -> None:
    wanted = [f"many/{number:06d}" for number in range(100_000)]
    local_subject.fill(wanted)
    assert keys_of(local_subject.store, "many/") == wanted
    assert keys_of(local_subject.store, "many/", start_after=wanted[-2]) == wanted[-1:]


def test_what_is_listed_may_be_deleted_on_the_way(subject: Subject) -> None:
    subject.fill(["a", "b", "c"])
    for info in subject.store.list(""):
        subject.store.delete(info.key)
    assert keys_of(subject.store) == []


@pytest.mark.parametrize("kind", KINDS)
def test_another_process_may_delete_during_a_listing(
    kind: str, request: pytest.FixtureRequest
) -> None:
    subject: Subject = request.getfixturevalue(f"{kind}_subject")
    subject.fill(["a", "b", "c"])
    listing = subject.store.list("")
    assert next(listing).key == "a"
    subject.store.delete("b")
    assert [info.key for info in listing][-1] == "c"


# Not of rclone: its objects are files of a folder, and asked to delete a/b/c it deletes a/b.
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "rclone"])
@pytest.mark.parametrize("key", ["a", "a/b/c"])
def test_a_folder_or_what_is_below_an_object_is_no_object_to_delete(
    kind: str, key: str, request: pytest.FixtureRequest
) -> None:
    store = request.getfixturevalue(f"{kind}_subject").store
    store.put("a/b", b"x")
    store.delete(key)
    assert keys_of(store) == ["a/b"]


def test_a_first_conditional_write_happens_once(subject: Subject) -> None:
    skip_without_conditions(subject)
    assert subject.store.etag("a/m") is None
    assert subject.store.put_if("a/m", b"one", None)
    assert not subject.store.put_if("a/m", b"two", None)
    assert subject.store.get("a/m") == b"one"


def test_a_later_conditional_write_needs_the_tag_of_what_is_there(subject: Subject) -> None:
    skip_without_conditions(subject)
    subject.store.put("a/m", b"one")
    seen = subject.store.etag("a/m")
    assert subject.store.put_if("a/m", b"two", seen)
    assert not subject.store.put_if("a/m", b"three", seen)
    assert subject.store.get("a/m") == b"two"


def test_what_has_gone_has_changed(subject: Subject) -> None:
    skip_without_conditions(subject)
    subject.store.put("a/m", b"one")
    seen = subject.store.etag("a/m")
    subject.store.delete("a/m")
    assert not subject.store.put_if("a/m", b"two", seen)
    assert subject.store.get("a/m") is None


def test_the_tag_is_that_of_the_listing(any_store: ObjectStore) -> None:
    any_store.put("a/m", b"one")
    assert any_store.etag("a/m") == next(any_store.list("a/m")).etag


def test_neither_a_longer_key_nor_a_folder_has_the_tag_of_an_object(
    any_store: ObjectStore,
) -> None:
    any_store.put("a/m.old", b"one")
    assert any_store.etag("a/m") is None
    assert any_store.etag("a") is None


@pytest.mark.parametrize("kind", ["memory", "local", "minio"])
def test_of_many_conditional_writes_at_once_one_wins(
    kind: str, request: pytest.FixtureRequest
) -> None:
    store = request.getfixturevalue(f"{kind}_subject").store
    contents = [b"%d" % number * (number + 1) for number in range(8)]
    for _ in range(20):
        write = partial(store.put_if, "a/m", expected=store.etag("a/m"))
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(write, contents))
        assert won.count(True) == 1
        assert store.get("a/m") == contents[won.index(True)]
        # An equal content would have an equal tag: nothing has changed then.
        store.put("a/m", b"between")


def test_a_store_knows_whether_it_keeps_conditions_and_leaves_no_probe(subject: Subject) -> None:
    assert subject.store.keeps_conditions("probe-") == (subject.kind != "rclone")
    assert keys_of(subject.store) == []


def test_a_memory_store_can_ignore_conditions_as_some_servers_do() -> None:
    store = MemoryStore({"a": b"one"}, conditional=False)
    assert not store.keeps_conditions("probe-")
    assert store.put_if("a", b"two", None)


def test_a_server_that_ignores_conditions_is_found_out(s3_subject: Subject) -> None:
    assert isinstance(s3_subject.store, S3Store)
    deaf = S3Store(s3_subject.store.bucket, Deaf(s3_subject.store.client))  # type: ignore[arg-type]
    assert not deaf.keeps_conditions("probe-")
    assert keys_of(s3_subject.store) == []


def test_the_local_lock_leaves_no_object(tmp_path: Path) -> None:
    LocalStore(tmp_path).put_if("a/m", b"x", None)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["m"]


def test_a_missing_bucket_is_an_error_not_a_lost_race(s3_subject: Subject) -> None:
    assert isinstance(s3_subject.store, S3Store)
    with pytest.raises(StoreUnavailableError, match="s3://none/a"):
        S3Store("none", s3_subject.store.client).put_if("a", b"", None)


def test_unfinished_writes_are_not_listed(local_subject: Subject) -> None:
    local_subject.fill(["a/.unfinished-x1y2", "a/b"])
    assert keys_of(local_subject.store) == ["a/b"]


def test_a_write_that_fails_leaves_the_old_object_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path)
    store.put("a/b", b"old")

    def disk_full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mlproject.objects.local.os.fsync", disk_full)
    with pytest.raises(StoreUnavailableError, match="No space left on device"):
        store.put("a/b", b"new")
    assert store.get("a/b") == b"old"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


@pytest.mark.parametrize("key", ["../escape", "a/../../escape", "/absolute"])
def test_a_key_stays_below_the_folder(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="relative path"):
        LocalStore(tmp_path).put(key, b"")


def test_a_folders_placeholder_is_not_listed(s3_subject: Subject) -> None:
    s3_subject.fill(["a/", "a/b"])
    assert keys_of(s3_subject.store) == ["a/b"]


def test_a_bucket_that_is_missing_is_no_empty_one(moto_address: str) -> None:
    with closing(s3_client(moto_address, ACCESS_KEY, SECRET_KEY, "us-east-1")) as client:
        store = S3Store("no-such-bucket", client)
        for call in (lambda: store.get("a"), lambda: store.put("a", b""), lambda: keys_of(store)):
            with pytest.raises(StoreUnavailableError, match="no-such-bucket"):
                call()


CALLS: dict[str, Callable[[ObjectStore], Any]] = {
    "get": lambda store: store.get("a"),
    "put": lambda store: store.put("a", b""),
    "list": keys_of,
    "delete": lambda store: store.delete("a"),
    "etag": lambda store: store.etag("a"),
    "put_if": lambda store: store.put_if("a", b"", None),
}


def memory_down(_: Path) -> ObjectStore:
    return MemoryStore(broken=True)


def local_down(folder: Path) -> ObjectStore:
    (folder / "file").touch()
    return LocalStore(folder / "file")


def s3_down(_: Path) -> ObjectStore:
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{free_port()}",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name="us-east-1",
        config=Config(connect_timeout=1, retries={"total_max_attempts": 1}),
    )
    return S3Store("bucket", client)


@pytest.mark.parametrize(
    ("down", "call"),
    [(down, name) for down in (memory_down, local_down, s3_down) for name in CALLS],
)
def test_a_store_that_is_down_says_so(
    down: Callable[[Path], ObjectStore], call: str, tmp_path: Path
) -> None:
    with pytest.raises(StoreUnavailableError):
        CALLS[call](down(tmp_path))


def test_no_credential_is_in_any_text(tmp_path: Path) -> None:
    store = s3_down(tmp_path)
    with pytest.raises(StoreUnavailableError) as caught:
        store.get("a")
    for text in (repr(store), str(store), store.uri, str(caught.value), repr(caught.value)):
        assert ACCESS_KEY not in text
        assert SECRET_KEY not in text


@pytest.fixture(params=["rclone", "minio"])
def server(request: pytest.FixtureRequest) -> S3Server:
    found: S3Server = request.getfixturevalue(f"{request.param}_server")
    return found


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("changes", "bucket", "reason"),
    [
        ({"secret_key": "wrongsecretkey"}, "bucket", "check AWS_SECRET_ACCESS_KEY"),
        ({"access_key": "wrongaccesskey"}, "bucket", "check AWS_ACCESS_KEY_ID"),
        ({}, "no-such-bucket", "check TVREC_BUCKET"),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence_without_a_secret(
    server: S3Server,
    changes: dict[str, str],
    bucket: str,
    reason: str,
    call: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    asked = replace(server, **changes)
    with (
        closing(asked.client()) as client,
        pytest.raises(StoreUnavailableError) as caught,
    ):
        CALLS[call](S3Store(bucket, client))
    said = str(caught.value)
    assert said.endswith(reason)
    assert said.startswith("cannot ")
    assert "\n" not in said
    for secret in (asked.access_key, asked.secret_key):
        assert secret not in said + caplog.text


@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_goes_in_the_middle_is_named(
    call: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with serve_with_rclone(tmp_path) as server:
        store = server.bucket("bucket")
        store.put("a", b"x")
        assert store.get("a") == b"x"
    with closing(store.client), pytest.raises(StoreUnavailableError) as caught:
        CALLS[call](store)
    assert f"no server answers at {server.address}; check S3_ENDPOINT_URL" in str(caught.value)
    for secret in (server.access_key, server.secret_key):
        assert secret not in str(caught.value) + caplog.text


def test_a_server_that_goes_between_two_pages_is_no_end_of_the_listing(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "bucket"
    folder.mkdir()
    for number in range(1001):
        (folder / f"{number:04d}").touch()
    with serve_with_rclone(tmp_path) as server:
        client = server.client()
        listing = S3Store("bucket", client).list("")
        assert next(listing).key == "0000"
    with closing(client), pytest.raises(StoreUnavailableError, match="no server answers"):
        list(listing)


def test_missing_credentials_are_named(
    rclone_server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with (
        closing(s3_client(rclone_server.address, None, None, "us-east-1")) as client,
        pytest.raises(StoreUnavailableError, match="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS"),
    ):
        S3Store("bucket", client).get("a")
