"""Following the batch objects."""

import threading
from itertools import islice

import pandas as pd

from mlproject.batches.keys import BatchKey
from mlproject.batches.parquet import encode_ratings
from mlproject.batches.tail import tail_batches
from mlproject.core import columns as c
from mlproject.core.ratings import RatingFrame
from mlproject.testing import MemoryStore


def put(store: MemoryStore, partition: int, offset: int, count: int = 2) -> None:
    rows = {
        c.EVENT_ID: [f"{partition}-{offset + i}" for i in range(count)],
        c.USER_ID: 1,
        c.SHOW_ID: 1,
        c.RATING: 9,
        c.RATED_AT: "2026-01-01",
        c.SOURCE: "SIMULATED",
    }
    good, _ = RatingFrame.validated(pd.DataFrame(rows))
    store.put(str(BatchKey(partition, offset)), encode_ratings(good))


def ids(frames: list[RatingFrame]) -> list[str]:
    return [event for frame in frames for event in frame.frame[c.EVENT_ID]]


def test_from_the_start_it_reads_every_partition(store: MemoryStore) -> None:
    for partition in (0, 2, 10):
        put(store, partition, 0)
    flow = tail_batches(store, threading.Event(), from_start=True, poll_seconds=0)
    assert ids(list(islice(flow, 3))) == ["0-0", "0-1", "2-0", "2-1", "10-0", "10-1"]
    put(store, 2, 2)
    assert ids([next(flow)]) == ["2-2", "2-3"]


def test_else_it_begins_with_what_is_new(store: MemoryStore) -> None:
    put(store, 0, 0)
    stop = threading.Event()
    flow = tail_batches(store, stop, poll_seconds=0.01)
    timer = threading.Timer(0.2, put, (store, 0, 2))
    timer.start()
    assert ids([next(flow)]) == ["0-2", "0-3"]
    stop.set()
    assert list(flow) == []


def test_an_unreadable_batch_is_passed_over(store: MemoryStore) -> None:
    store.put(str(BatchKey(0, 0)), b"broken")
    put(store, 0, 2)
    flow = tail_batches(store, threading.Event(), from_start=True, poll_seconds=0)
    assert ids([next(flow)]) == ["0-2", "0-3"]


def test_json_lines_are_read_too(store: MemoryStore) -> None:
    line = '{"event_id":"a","user_id":1,"show_id":1,"rating":9,"rated_at":0,"source":"REPLAYED"}'
    store.put(str(BatchKey(1000, 0, "jsonl")), f"{line}\nnot json\n".encode())
    flow = tail_batches(store, threading.Event(), from_start=True, poll_seconds=0)
    assert ids([next(flow)]) == ["a"]
