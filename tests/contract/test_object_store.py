"""Every ObjectStore keeps the same promises: memory, a local folder, an S3 bucket."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from mlproject.core.ports import ObjectStore
from mlproject.objects.local import LocalStore
from mlproject.objects.s3 import S3Store
from mlproject.testing import MemoryStore
from tests.moto import fill_bucket, moto_bucket, moto_server

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
    with moto_server() as address:
        yield address


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
    with moto_bucket(moto_address) as store:
        yield Subject("s3", store, fill_bucket)


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


def test_a_listing_tells_when_an_object_was_written(any_store: ObjectStore) -> None:
    before = time.time()
    any_store.put("a", b"one")
    (info,) = any_store.list("a")
    # S3 tells whole seconds, and a file system's clock is a little behind.
    assert before - 1.1 < info.written_at <= time.time()


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
