"""The reader of batches: one bad object or row never keeps the others from being read."""

import json
import logging

import pytest

from mlproject.core import columns as c
from mlproject.core.errors import StoreUnavailableError
from mlproject.core.ratings import RatingFrame
from mlproject.storage.batch_reader import BatchReport, read_batches
from mlproject.storage.keys import BatchKey, rejected_rows
from mlproject.storage.parquet import encode_ratings
from mlproject.testing import MemoryStore
from tests.builders import ratings


def put(store: MemoryStore, partition: int, offset: int, count: int = 2) -> str:
    """Store a batch whose users are its offset, its offset + 1, ...; return its key."""
    key = str(BatchKey(partition, offset))
    store.put(key, encode_ratings(ratings(count, first=offset)))
    return key


def users(found: RatingFrame) -> list[int]:
    read: list[int] = found.frame[c.USER_ID].tolist()
    return read


def test_an_empty_store_has_no_ratings(store: MemoryStore) -> None:
    found, report = read_batches(store)
    assert users(found) == []
    assert report == BatchReport(batches=0, unreadable=0, rows=0, rejected=0)


def test_batches_are_read_by_partition_and_offset(store: MemoryStore) -> None:
    for partition, offset in ((1, 500), (0, 20), (2, 0), (0, 4), (1, 90)):
        put(store, partition, offset)
    found, report = read_batches(store, threads=3)
    assert users(found) == [4, 5, 20, 21, 90, 91, 500, 501, 0, 1]
    assert report == BatchReport(batches=5, unreadable=0, rows=10, rejected=0)


def test_the_tenth_partition_comes_after_the_second(store: MemoryStore) -> None:
    put(store, 10, 1000)
    put(store, 2, 0)
    assert users(read_batches(store)[0]) == [0, 1, 1000, 1001]


def test_a_cut_off_batch_is_counted_and_the_others_are_read(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    put(store, 0, 0)
    broken = put(store, 0, 2)
    put(store, 0, 4)
    content = store.objects[broken] = store.objects[broken][:-20]
    found, report = read_batches(store)
    assert users(found) == [0, 1, 4, 5]
    assert report == BatchReport(batches=2, unreadable=1, rows=4, rejected=0)
    assert f"batch {broken} is left out" in caplog.text
    assert store.objects[broken] == content, "it is left where it is"


def test_rejected_rows_are_kept_with_their_reason(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    put(store, 0, 0)
    spoilt = ratings(3, first=2)
    spoilt.frame.loc[1, c.RATING] = 11
    key = str(BatchKey(0, 2))
    store.put(key, encode_ratings(spoilt))
    for _ in range(2):  # a second reading changes nothing
        found, report = read_batches(store)
        assert users(found) == [0, 1, 2, 4]
        assert report == BatchReport(batches=2, unreadable=0, rows=4, rejected=1)
        (line,) = store.objects[rejected_rows(key)].decode().splitlines()
        row = json.loads(line)
        assert row[c.USER_ID] == 3
        assert row[c.RATING] == 11
        assert row[c.REASON] == "rating is not a whole number from 1 to 10"
    assert f"1 rows of {key} are set aside" in caplog.text


def test_foreign_objects_are_ignored(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    put(store, 0, 0)
    for key in (
        "topics/ratings/partition=0/README.txt",
        "topics/ratings/partition=0/ratings+1+00000000000000000000.parquet",
        "topics/ratings-old/partition=0/ratings-old+0+00000000000000000000.parquet",
        "catalogue/shows.parquet",
    ):
        store.put(key, b"foreign")
    found, report = read_batches(store)
    assert users(found) == [0, 1]
    assert report.unreadable == 0
    assert not caplog.records


def test_a_store_that_is_down_is_an_error_not_an_empty_store(store: MemoryStore) -> None:
    put(store, 0, 0)
    store.broken = True
    with pytest.raises(StoreUnavailableError):
        read_batches(store)
