"""One suite for every sink of ratings: what goes in comes out, once, and counts."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from mlproject.batches.position import PositionedSink, read_position
from mlproject.batches.sink import BatchSink
from mlproject.core import columns as c
from mlproject.core.ports import ObjectStore, RatingSink
from mlproject.core.ratings import RatingFrame
from mlproject.events.codec import decode
from mlproject.events.schema import current_schema
from mlproject.kafka.sink import KafkaRatingSink
from mlproject.objects.local import LocalStore
from mlproject.testing import MemoryStore
from tests.builders import ratings, written
from tests.mock_kafka import messages_of


class Batches:
    """The sink of batch objects."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    def open(self) -> RatingSink:
        return BatchSink(self.store, batch_rows=100)

    def events(self) -> list[str]:
        return list(written(self.store).frame[c.EVENT_ID])


@dataclass
class Kafka:
    """The sink of Kafka, with the position kept in a store, against a mock cluster."""

    servers: str
    topic: str
    store: MemoryStore

    def open(self) -> RatingSink:
        start = read_position(self.store)
        sink = KafkaRatingSink(self.servers, self.topic, 1, start_position=start)
        return PositionedSink(sink, self.store)

    def events(self) -> list[str]:
        messages = messages_of(self.servers, self.topic)
        events = [decode(each.value() or b"", lambda _: current_schema()) for each in messages]
        return [event[c.EVENT_ID] for event in events]


@pytest.fixture(params=["memory", "local", "kafka"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> "Batches | Kafka":
    if request.param == "memory":
        return Batches(MemoryStore())
    if request.param == "local":
        return Batches(LocalStore(tmp_path))
    broker, topic = request.getfixturevalue("broker"), request.getfixturevalue("topic")
    return Kafka(broker, topic, MemoryStore())


def frame(first: int, count: int) -> RatingFrame:
    whole = ratings(first + count).frame
    return RatingFrame(whole.iloc[first:].reset_index(drop=True))


def test_what_goes_in_comes_out_once(place: Batches | Kafka) -> None:
    sink = place.open()
    sent = [frame(0, 250), frame(250, 1), RatingFrame.empty(), frame(251, 120)]
    for each in sent:
        sink.append(each)
    sink.flush()
    expected = [event for each in sent for event in each.frame[c.EVENT_ID]]
    assert sorted(place.events()) == sorted(expected)


def test_the_position_counts_what_is_durable(place: Batches | Kafka) -> None:
    sink = place.open()
    assert sink.position == 0
    sink.append(frame(0, 30))
    assert sink.position in {0, 30}
    sink.flush()
    assert sink.position == 30
    sink.flush()
    assert sink.position == 30


def test_another_process_goes_on_from_there(place: Batches | Kafka) -> None:
    first = place.open()
    first.append(frame(0, 40))
    first.flush()
    second = place.open()
    assert second.position == 40
    second.append(frame(40, 2))
    second.flush()
    assert second.position == place.open().position == 42
    assert len(set(place.events())) == 42
