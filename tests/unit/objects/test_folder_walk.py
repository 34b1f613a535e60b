"""The walk yields what a full listing would, in its order, and looks at no more than it must."""

import os
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.batches.keys import BatchKey
from mlproject.objects import folder_walk
from mlproject.objects.folder_walk import walk

PARTS = st.sampled_from(["a", "b", "b-c", "b.d", "ab", "é", "b+0"])
KEYS = st.lists(st.lists(PARTS, min_size=1, max_size=3).map("/".join), unique=True, max_size=12)


def keys(root: Path, prefix: str = "", start_after: str = "") -> list[str]:
    return [info.key for info in walk(root, prefix, start_after, lambda name: name == "ab")]


@given(KEYS, st.text("ab/-.+é", max_size=4), st.text("ab/-.+é", max_size=5))
def test_it_is_a_sorted_listing(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[str], prefix: str, after: str
) -> None:
    root = tmp_path_factory.mktemp("store")
    made = []
    for key in wanted:
        try:
            (root / key).parent.mkdir(parents=True, exist_ok=True)
            (root / key).touch()
        except OSError:  # another key is a folder here
            continue
        made.append(key)
    made = [key for key in made if (root / key).is_file() and "ab" not in key.split("/")]
    expected = sorted(key for key in made if key.startswith(prefix) and key > after)
    assert keys(root, prefix, after) == expected


def test_size_and_tag_are_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"123")
    (info,) = walk(tmp_path, "", "", lambda _: False)
    assert info.size == 3
    (tmp_path / "a").write_bytes(b"456")
    os.utime(tmp_path / "a", ns=(1, 1))
    assert next(walk(tmp_path, "", "", lambda _: False)).etag != info.etag


def test_no_folder_holds_no_objects(tmp_path: Path) -> None:
    assert keys(tmp_path / "none", "a/b/") == []


def test_what_another_removes_meanwhile_is_left_out(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).touch()
    listing = walk(tmp_path, "", "", lambda _: False)
    assert next(listing).key == "a"
    (tmp_path / "b").unlink()
    assert [info.key for info in listing] == ["c"]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of 100,000 batches in ten partitions."""
    root = tmp_path_factory.mktemp("many")
    for partition in range(10):
        (root / str(BatchKey(partition, 0))).parent.mkdir(parents=True)
        for number in range(10_000):
            os.close(os.open(root / str(BatchKey(partition, number * 100)), os.O_CREAT))
    return root


def test_many_keys_are_listed_within_bounds(many: Path) -> None:
    tracemalloc.start()
    count = sum(1 for _ in walk(many, "topics/ratings/", "", lambda _: False))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 100_000
    # The names of one folder at a time, up to a kilobyte each; all of them would be ten times that.
    assert peak < 16 * 2**20


def test_only_folders_that_can_hold_a_key_are_entered(
    many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered = []
    scandir = os.scandir
    monkeypatch.setattr(
        folder_walk.os, "scandir", lambda path: (entered.append(Path(path).name), scandir(path))[1]
    )
    after = str(BatchKey(9, 9_990 * 100))
    assert len(list(walk(many, "topics/ratings/", after, lambda _: False))) == 9
    assert list(dict.fromkeys(entered)) == ["ratings", "partition=9"]
    entered.clear()
    list(islice(walk(many, "topics/ratings/", "", lambda _: False), 1))
    assert list(dict.fromkeys(entered)) == ["ratings", "partition=0"]


def test_a_later_file_is_not_seen_without_an_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a folder may be read that is written to: the system promises nothing of new names."""
    (tmp_path / "1").touch()
    scandir = os.scandir
    looks = []

    @contextmanager
    def misses_two(path: Path) -> Iterator[list[os.DirEntry[str]]]:
        looks.append(path)
        if len(looks) == 1:
            (tmp_path / "2").touch()
            (tmp_path / "3").touch()
        else:
            (tmp_path / "4").touch()
        with scandir(path) as entries:
            yield [entry for entry in entries if len(looks) > 1 or entry.name != "2"]

    monkeypatch.setattr(folder_walk.os, "scandir", misses_two)
    assert [info.key for info in walk(tmp_path, "", "", lambda _: False)] == ["1", "2", "3"]
