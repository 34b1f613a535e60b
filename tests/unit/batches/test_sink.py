"""The sink of batches: what it has written is durable, and nothing is written twice."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mlproject.batches.formats import decode_frame, encode_batch
from mlproject.batches.jsonl import decode_json_lines
from mlproject.batches.keys import BATCHES, BatchKey
from mlproject.batches.parquet import encode_ratings
from mlproject.batches.sink import BatchSink
from mlproject.core import columns as c
from mlproject.core.errors import BatchError, StoreUnavailableError
from mlproject.core.ratings import RatingFrame
from mlproject.objects.local import LocalStore
from mlproject.testing import MemoryStore
from tests.builders import ratings, written

TESTS = Path(__file__).parents[2]
LIVES = 10
FORMATS = ["parquet", "jsonl", "jsonl.gz"]
KILLED_WRITERS = """
import os, random, signal, sys, time
from pathlib import Path
from mlproject.batches.sink import BatchSink
from mlproject.objects.local import LocalStore
from tests.builders import ratings, written

def write_for_ever():
    sink = BatchSink(LocalStore(Path(sys.argv[1])), batch_rows=7)
    position = sink.position
    while True:
        sink.append(ratings(5, first=position))
        position += 5

def batches():
    return len(list(Path(sys.argv[1]).rglob("ratings+*")))

for life in range(int(sys.argv[2])):
    before = batches()
    writer = os.fork()
    if not writer:
        write_for_ever()
    while batches() == before:
        time.sleep(0.01)
    time.sleep(random.uniform(0, 0.2))
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    print(BatchSink(LocalStore(Path(sys.argv[1]))).position)
"""


class Time:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def batches(store: MemoryStore) -> dict[int, int]:
    """Return the rows of each batch by its offset."""
    keys = [key for info in store.list(BATCHES) if (key := BatchKey.parse(info.key))]
    return {key.offset: len(decode_frame(key, store.objects[str(key)])) for key in keys}


def positions(store: MemoryStore) -> list[int]:
    """Return the positions of all events: the builder makes them the ids of the users."""
    return written(store).frame[c.USER_ID].tolist()


def test_events_are_written_when_they_are_many(store: MemoryStore) -> None:
    sink = BatchSink(store, batch_rows=10)
    sink.append(ratings(6))
    assert not store.objects
    assert sink.position == 0
    sink.append(ratings(6, first=6))
    assert batches(store) == {0: 10, 10: 2}
    assert sink.position == 12


def test_events_are_written_when_they_are_old(store: MemoryStore) -> None:
    time = Time()
    sink = BatchSink(store, batch_seconds=10, monotonic=time)
    sink.append(ratings(1))
    time.seconds += 9.9
    sink.append(ratings(1, first=1))
    assert not store.objects
    time.seconds += 0.1  # ten seconds after the first of them
    sink.append(RatingFrame.empty())
    assert batches(store) == {0: 2}
    time.seconds += 60
    sink.append(RatingFrame.empty())
    assert batches(store) == {0: 2}, "with nothing buffered there is nothing to write"
    sink.append(ratings(1, first=2))
    assert batches(store) == {0: 2}, "the age begins with the first event that is buffered"


def test_flush_splits_what_is_buffered(store: MemoryStore) -> None:
    sink = BatchSink(store, batch_rows=4)
    sink.append(ratings(11))
    sink.append(ratings(2, first=11))
    sink.flush()
    assert batches(store) == {0: 4, 4: 4, 8: 3, 11: 2}
    assert positions(store) == list(range(13))


def test_a_new_sink_goes_on_where_the_last_one_stopped(store: MemoryStore) -> None:
    for first in (0, 7, 14):
        sink = BatchSink(store, batch_rows=4)
        assert sink.position == first
        sink.append(ratings(7, first=first))
        sink.flush()
    assert positions(store) == list(range(21))


def test_partitions_have_positions_of_their_own(store: MemoryStore) -> None:
    for partition, count in ((1, 3), (11, 5)):
        sink = BatchSink(store, partition=partition)
        sink.append(ratings(count))
        sink.flush()
    assert [BatchSink(store, partition=number).position for number in (0, 1, 11)] == [0, 3, 5]


def test_rejected_rows_count_for_the_position(store: MemoryStore) -> None:
    spoilt = ratings(5)
    spoilt.frame[c.RATING] = 11
    store.put(str(BatchKey(0, 100)), encode_ratings(spoilt))
    assert BatchSink(store).position == 105


def test_a_store_that_fails_keeps_the_events_for_a_later_flush(store: MemoryStore) -> None:
    sink = BatchSink(store, batch_rows=4)
    sink.append(ratings(3))
    store.broken = True
    with pytest.raises(StoreUnavailableError):
        sink.append(ratings(7, first=3))
    with pytest.raises(StoreUnavailableError):
        sink.flush()
    store.broken = False
    sink.flush()
    sink.flush()
    assert positions(store) == list(range(10))
    assert sink.position == 10


def test_a_store_that_fails_half_way_gets_the_rest_later(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = BatchSink(store, batch_rows=4)
    put = store.put

    def put_once(key: str, content: bytes) -> None:
        put(key, content)
        store.broken = True

    monkeypatch.setattr(store, "put", put_once)
    with pytest.raises(StoreUnavailableError):
        sink.append(ratings(10))
    assert sink.position == 4
    monkeypatch.undo()
    store.broken = False
    sink.flush()
    assert batches(store) == {0: 4, 4: 4, 8: 2}
    assert positions(store) == list(range(10))


@pytest.mark.parametrize("ending", FORMATS)
def test_a_corrupt_newest_batch_is_named(store: MemoryStore, ending: str) -> None:
    key = BatchKey(0, 3, ending)
    store.put(str(BatchKey(0, 0)), encode_ratings(ratings(3)))
    store.put(str(key), encode_batch(key, ratings(3))[:-9])
    with pytest.raises(BatchError, match=f"{re.escape(str(key))}.*remove it and start again"):
        _ = BatchSink(store).position


@pytest.mark.parametrize("ending", FORMATS)
def test_each_format_is_written_and_gone_on_from(store: MemoryStore, ending: str) -> None:
    sink = BatchSink(store, ending=ending, batch_rows=3)
    sink.append(ratings(5))
    sink.flush()
    assert {key.rpartition("+")[2] for key in store.objects} == {
        f"{offset:020d}.{ending}" for offset in (0, 3)
    }
    assert BatchSink(store).position == 5


def test_a_store_of_another_format_is_gone_on_from(store: MemoryStore) -> None:
    """As after an upgrade from a version that wrote Parquet."""
    for position, ending in enumerate(FORMATS):
        sink = BatchSink(store, ending=ending)
        assert sink.position == position
        sink.append(ratings(1, first=position))
        sink.flush()
    assert positions(store) == [0, 1, 2]


def test_what_it_writes_is_read_without_pandas(store: MemoryStore) -> None:
    sink = BatchSink(store)
    sink.append(ratings(5))
    sink.flush()
    ((key, content),) = store.objects.items()
    assert BatchKey.parse(key).is_json_lines
    assert decode_json_lines(content).ratings.user_id.tolist() == [0, 1, 2, 3, 4]


def test_a_sink_in_a_new_store_opens_nothing(store: MemoryStore) -> None:
    store.broken = True
    sink = BatchSink(store)
    with pytest.raises(StoreUnavailableError):
        _ = sink.position
    store.broken = False
    assert sink.position == 0


def test_a_killed_writer_loses_nothing_that_was_durable(tmp_path: Path) -> None:
    """Kill writers at random moments: every object is whole, and each goes on from the last."""
    ended = subprocess.run(
        [sys.executable, "-c", KILLED_WRITERS, str(tmp_path), str(LIVES)],
        cwd=TESTS,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    durable = [int(line) for line in ended.stdout.split()]
    assert len(durable) == LIVES
    assert durable == sorted(durable)
    found = written(LocalStore(tmp_path))
    assert found.frame[c.USER_ID].tolist() == list(range(durable[-1]))
    assert durable[-1] > 0
