"""Batches are met by their names, and by listings where names do not tell."""

import json
from collections.abc import Sequence

import pytest

from mlproject.batches.arrived import Arrived
from mlproject.batches.follow import BatchStream
from mlproject.batches.keys import SERVICE_PARTITION, BatchKey
from mlproject.batches.log import BatchRatingLog
from mlproject.batches.progress import Watermark
from mlproject.core.errors import StoreUnavailableError
from mlproject.core.events import EventSource, RatingEvent, new_event_id
from mlproject.testing import MemoryStore

NOW = 1_735_689_600_000


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stream(store: MemoryStore, clock: Clock) -> BatchStream:
    made = BatchStream(store, clock.now, clock.sleep)
    made.go_on_from({})
    return made


def put(store: MemoryStore, offset: int, count: int = 1, partition: int = 0) -> str:
    key = str(BatchKey(partition, offset, "jsonl"))
    event = {
        "event_id": "a",
        "user_id": 1,
        "show_id": 2,
        "rating": 7,
        "rated_at": 5,
        "source": "REPLAYED",
    }
    store.put(key, "\n".join([json.dumps(event)] * count).encode())
    return key


def told(arrived: Sequence[Arrived]) -> list[tuple[int, int, int]]:
    return [(each.partition, len(each.ratings), each.watermark.next_offset) for each in arrived]


def listings(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []
    plain = store.list

    def counted(prefix: str, start_after: str = "") -> object:
        asked.append(prefix)
        return plain(prefix, start_after)

    monkeypatch.setattr(store, "list", counted)
    return asked


def test_what_is_there_is_read_once_and_in_order(store: MemoryStore, stream: BatchStream) -> None:
    put(store, 0, 3)
    put(store, 3, 2)
    put(store, 0, 1, partition=SERVICE_PARTITION)
    assert told(stream.read(1)) == [(0, 3, 3), (0, 2, 5), (SERVICE_PARTITION, 1, 1)]
    assert stream.is_current
    assert stream.events_behind == 0
    assert told(stream.read(1)) == []


def test_it_goes_on_from_a_watermark(store: MemoryStore, stream: BatchStream) -> None:
    key = put(store, 0, 3)
    put(store, 3, 2)
    stream.go_on_from({0: Watermark(key, store.etag(key) or "", 3)})
    assert told(stream.read(1)) == [(0, 2, 5)]


def test_the_next_batch_is_asked_for_by_name(
    store: MemoryStore, stream: BatchStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, 0, 3)
    stream.read(1)
    asked = listings(store, monkeypatch)
    put(store, 3, 2)
    put(store, 5, 1)
    put(store, 0, 1, partition=SERVICE_PARTITION)
    assert told(stream.read(1)) == [(0, 2, 5), (0, 1, 6), (SERVICE_PARTITION, 1, 1)]
    assert asked == []


def test_other_names_and_partitions_are_met_by_a_listing(
    store: MemoryStore, stream: BatchStream, clock: Clock
) -> None:
    put(store, 0, 3)
    stream.read(1)
    put(store, 1000, 1)
    put(store, 0, 1, partition=4)
    assert told(stream.read(1)) == []
    clock.seconds += 10
    assert told(stream.read(1)) == [(0, 1, 1001), (4, 1, 1)]


def test_a_batch_that_is_written_again_is_read_again(
    store: MemoryStore, stream: BatchStream
) -> None:
    put(store, 0, 3)
    stream.read(1)
    put(store, 0, 5)
    assert told(stream.read(1)) == [(0, 5, 5)]
    assert told(stream.read(1)) == []


def test_a_batch_that_cannot_be_read_is_passed_over_and_said_to_be_missed(
    store: MemoryStore, stream: BatchStream
) -> None:
    store.put(str(BatchKey(0, 0)), b"PAR1")
    put(store, 3, 1)
    parquet, good = stream.read(1)
    assert (parquet.passed_over, parquet.is_missed, len(parquet.ratings)) == (1, True, 0)
    assert (good.is_missed, good.watermark.next_offset) == (False, 4)


def test_it_waits_only_when_there_was_nothing_more(
    store: MemoryStore, stream: BatchStream, clock: Clock
) -> None:
    for offset in range(15):
        put(store, offset)
    assert len(stream.read(1)) == 10
    assert not stream.is_current
    assert stream.events_behind is None
    assert len(stream.read(1)) == 5
    assert clock.slept == []
    stream.read(1)
    assert clock.slept == [1]


def test_a_store_that_is_away_is_an_error_and_not_current(
    store: MemoryStore, stream: BatchStream
) -> None:
    stream.read(1)
    store.broken = True
    with pytest.raises(StoreUnavailableError):
        stream.read(1)
    assert not stream.is_current


def test_what_the_log_of_the_service_writes_is_read(
    store: MemoryStore, stream: BatchStream
) -> None:
    log = BatchRatingLog(store, linger_seconds=0)
    for user in range(3):
        event = RatingEvent(new_event_id(NOW), user, 2, 8, NOW, EventSource.SERVICE)
        place = log.append(event).result(5)
        ((_, count, end),) = told(stream.read(1))
        assert (count, end) == (1, place.offset + 1)
    log.close()
