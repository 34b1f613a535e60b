"""Only what can be new is listed."""

import math
from collections.abc import Iterator
from itertools import zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.batches.keys import BATCHES, BatchKey
from mlproject.batches.listing import newer, partitions, slices
from mlproject.batches.progress import Watermark
from mlproject.core.ports import ObjectInfo
from mlproject.testing import MemoryStore

KEYS = [
    str(BatchKey(partition, offset)) for partition in (0, 2, 10) for offset in (0, 90, 100, 1000)
]


class CountingStore(MemoryStore):
    """Counts what it yields."""

    yielded = 0

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        for info in super().list(prefix, start_after):
            self.yielded += 1
            yield info


@pytest.fixture
def full() -> CountingStore:
    return CountingStore(dict.fromkeys(KEYS, b"x"))


def offsets(store: MemoryStore, partition: int, watermark: Watermark | None) -> list[int]:
    return [key.offset for key, _ in newer(store, partition, watermark)]


def mark(store: MemoryStore, partition: int, offset: int) -> Watermark:
    key = str(BatchKey(partition, offset))
    return Watermark(key, next(store.list(key)).etag, offset + 1)


def test_each_partition_costs_one_key(full: CountingStore) -> None:
    assert partitions(full) == [0, 2, 10]
    assert full.yielded == 3


def test_foreign_keys_are_no_partitions(full: CountingStore) -> None:
    for key in (
        "README",
        "partition=",
        "partition=x/1",
        "partition=3",
        "partition=0-old/1",
        "zzz/1",
    ):
        full.put(f"{BATCHES}{key}", b"")
    assert partitions(full) == [0, 2, 10]


def test_an_empty_store_has_none(store: MemoryStore) -> None:
    assert partitions(store) == []
    assert offsets(store, 0, None) == []


def test_without_a_watermark_everything_is_new(full: CountingStore) -> None:
    assert offsets(full, 2, None) == [0, 90, 100, 1000]


def test_past_the_watermark_only_the_newer_are_looked_at(full: CountingStore) -> None:
    watermark = mark(full, 2, 90)
    full.yielded = 0
    assert offsets(full, 2, watermark) == [100, 1000]
    assert full.yielded == 3, "the one at the watermark and the two past it"


def test_the_batch_at_the_watermark_is_read_again_if_it_was_written_again(
    full: CountingStore,
) -> None:
    watermark = mark(full, 2, 1000)
    assert offsets(full, 2, watermark) == []
    full.put(str(BatchKey(2, 1000)), b"with more rows")
    full.put(str(BatchKey(2, 100)), b"older ones are not looked at")
    assert offsets(full, 2, watermark) == [1000]


def test_a_watermark_whose_batch_is_gone_still_holds(full: CountingStore) -> None:
    watermark = mark(full, 2, 100)
    full.delete(watermark.last_key)
    assert offsets(full, 2, watermark) == [1000]


def test_formats_may_change_at_the_same_partition(full: CountingStore) -> None:
    watermark = mark(full, 2, 1000)
    full.put(str(BatchKey(2, 1001, "json.gz")), b"x")
    assert offsets(full, 2, watermark) == [1001]


def test_what_is_no_batch_is_left_out(full: CountingStore) -> None:
    full.put(f"{BATCHES}partition=2/note.txt", b"")
    full.put(f"{BATCHES}partition=2/ratings+0+{0:020d}.parquet", b"")
    assert offsets(full, 2, None) == [0, 90, 100, 1000]


@given(
    st.lists(st.integers(0, 50), max_size=40), st.integers(1, 10), st.integers(1, 100) | st.none()
)
def test_slices_are_as_large_as_they_may_be(
    sizes: list[int], batches: int, size: int | None
) -> None:
    found = [
        (BatchKey(0, place), ObjectInfo(str(BatchKey(0, place)), length, ""))
        for place, length in enumerate(sizes)
    ]
    limit = math.inf if size is None else size
    together = list(slices(found, batches, limit))
    assert [one for some in together for one in some] == found
    for some, after in zip_longest(together, together[1:]):
        held = sum(info.size for _, info in some)
        assert 1 <= len(some) <= batches
        assert held <= limit or len(some) == 1
        if after:
            assert len(some) == batches or held + after[0][1].size > limit
