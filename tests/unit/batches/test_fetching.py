"""Batches are read together; none stops the others."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

from mlproject.batches.fetching import Fetched, fetch
from mlproject.batches.keys import BatchKey
from mlproject.batches.listing import newer, partitions
from mlproject.batches.progress import Totals
from mlproject.batches.quarantine import marked
from mlproject.core.errors import StoreUnavailableError
from mlproject.core.forgotten import NOBODY
from mlproject.testing import MemoryStore
from tests.rating_rows import batch, put


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(3) as made:
        yield made


def fetch_all(store: MemoryStore, pool: Executor) -> Fetched:
    found = [each for number in partitions(store) for each in newer(store, number, None)]
    return fetch(store, found, pool, NOBODY)


def test_good_rows_counts_and_watermarks(store: MemoryStore, pool: Executor) -> None:
    put(store, 0, 0)
    last = put(store, 0, 10, count=5)
    other = put(store, 3, 700, count=2)
    found = fetch_all(store, pool)
    assert sorted(found.ratings.user_id.tolist()) == [*range(15), 700, 701]
    assert found.progress.totals == Totals(batches=3, events=17)
    assert {
        number: (mark.last_key, mark.next_offset)
        for number, mark in found.progress.watermarks.items()
    } == {
        0: (last, 15),
        3: (other, 702),
    }
    assert not found.progress.unreadable


def test_bad_objects_are_marked_and_passed_over(store: MemoryStore, pool: Executor) -> None:
    put(store, 0, 0)
    bad = [str(BatchKey(0, offset, ending)) for offset, ending in ((10, "parquet"), (20, "avro"))]
    store.put(bad[0], b"")
    store.put(bad[1], b"Obj")
    found = fetch_all(store, pool)
    assert found.progress.totals == Totals(batches=1, unreadable=2, events=10)
    assert sorted(found.progress.unreadable) == sorted(marked(store)) == bad
    assert (found.progress.watermarks[0].last_key, found.progress.watermarks[0].next_offset) == (
        bad[1],
        20,
    )


def test_rejected_rows_count_as_offsets_but_not_as_events(
    store: MemoryStore, pool: Executor
) -> None:
    content = batch((1, 1, 5, 0, 0, 1), (2, 1, 5, 0, 0, 2))
    store.put(str(BatchKey(0, 0, "jsonl")), b'{"user_id": 1}\nbroken')
    store.put(str(BatchKey(0, 2)), content)
    found = fetch_all(store, pool)
    assert found.progress.totals == Totals(batches=2, events=2, rejected=2)
    assert found.progress.watermarks[0].next_offset == 4


def test_one_that_is_removed_meanwhile_is_passed_over(store: MemoryStore, pool: Executor) -> None:
    key = put(store, 0, 0)
    listed = list(newer(store, 0, None))
    store.delete(key)
    assert fetch(store, listed, pool, NOBODY).progress.totals == Totals(unreadable=1)


def test_a_store_that_is_down_is_no_bad_object(store: MemoryStore, pool: Executor) -> None:
    put(store, 0, 0)
    listed = list(newer(store, 0, None))
    store.broken = True
    with pytest.raises(StoreUnavailableError):
        fetch(store, listed, pool, NOBODY)
