"""A topic is followed from offsets, against the mock cluster inside librdkafka."""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Producer, TopicPartition

from mlproject.batches.arrived import Arrived
from mlproject.batches.progress import Watermark
from mlproject.core import columns as c
from mlproject.core.errors import ConfigError, UnavailableError
from mlproject.core.events import EventSource, RatingEvent, new_event_id
from mlproject.core.rating_order import rated_of
from mlproject.events.codec import encode
from mlproject.events.schema import Schema, current_schema
from mlproject.kafka.follow import KafkaStream
from tests.servers import mock_broker

NOW = 1_735_689_600_000

SCHEMA_ID = 7


def schemas(schema_id: int) -> Schema:
    return {SCHEMA_ID: current_schema()}[schema_id]


@contextmanager
def following(
    servers: str, topic: str, offsets: dict[int, int] | None = None, **given: object
) -> Iterator[KafkaStream]:
    stream = KafkaStream(servers, topic, given.pop("schemas", schemas), given)  # type: ignore[arg-type]
    stream.go_on_from({each: Watermark("", "", end) for each, end in (offsets or {}).items()})
    try:
        yield stream
    finally:
        stream.close()


def event(user: int = 1, show: int = 2) -> RatingEvent:
    return RatingEvent(new_event_id(NOW), user, show, 8, NOW, EventSource.SERVICE)


def send(servers: str, topic: str, *events: RatingEvent | bytes, partition: int = 0) -> None:
    producer = Producer({"bootstrap.servers": servers, "logger": logging.getLogger("sender")})
    for each in events:
        value = each if isinstance(each, bytes) else encode(each.record(), SCHEMA_ID)
        producer.produce(topic, value, partition=partition)
    assert producer.flush(10) == 0


def read_until(
    stream: KafkaStream, done: Callable[[list[Arrived]], bool], seconds: float = 30
) -> list[Arrived]:
    found: list[Arrived] = []
    end = time.monotonic() + seconds
    while not done(found):
        assert time.monotonic() < end, found
        found += stream.read(0.1)
    return found


def shows(found: list[Arrived]) -> list[int]:
    return [rated.show_id for each in found for rated in each.ratings]


def test_ratings_come_with_their_watermarks(broker: str, topic: str) -> None:
    sent = [event(show=show) for show in range(3)]
    send(broker, topic, *sent)
    with following(broker, topic) as stream:
        found = read_until(stream, lambda found: stream.is_current and len(shows(found)) == 3)
        ratings = [rated for each in found for rated in each.ratings]
        assert ratings == [rated_of(each.record()) for each in sent]
        assert found[-1].watermark == Watermark("", "", 3)
        assert stream.events_behind == 0
        assert stream.trouble == ""
        send(broker, topic, event(show=9))
        read_until(stream, lambda found: shows(found) == [9])


def test_what_waits_is_counted(broker: str, topic: str) -> None:
    send(broker, topic, *(event(show=show) for show in range(5)))
    with following(broker, topic) as stream:
        assert stream.events_behind is None
        read_until(stream, lambda _: stream.is_current and 0 in stream._ends)
        stream.go_on_from({0: Watermark("", "", 2)})
        stream._assigned = frozenset({0})
        assert stream.events_behind == 3


def test_its_state_can_be_asked_for_while_a_broker_hangs() -> None:
    with mock_broker() as (servers, process):
        send(servers, "ratings", event(show=1))
        with following(servers, "ratings") as stream:
            read_until(stream, lambda found: shows(found) == [1])
            process.send_signal(signal.SIGSTOP)
            reading = threading.Thread(target=stream.read, args=(0.1,))
            stream._check_at = 0
            reading.start()
            answers = 0
            while reading.is_alive():
                _ = stream.events_behind, stream.is_current, stream.trouble
                answers += reading.is_alive()
                time.sleep(0.01)
            process.send_signal(signal.SIGCONT)
    assert answers > 1, "it answers while another thread waits for the broker"


def test_it_begins_at_the_offsets_it_is_given(broker: str, topic: str) -> None:
    send(broker, topic, *(event(show=show) for show in range(5)))
    send(broker, topic, *(event(show=10 + show) for show in range(5)), partition=3)
    with following(broker, topic, {0: 3, 3: 5}) as stream:
        found = read_until(stream, lambda _: stream.is_current)
        assert shows(found) == [3, 4]
        stream.go_on_from({0: Watermark("", "", 5), 3: Watermark("", "", 1)})
        assert not stream.is_current
        found = read_until(stream, lambda _: stream.is_current)
        assert shows(found) == [11, 12, 13, 14]


def test_a_poison_message_is_passed_over_and_counted(
    broker: str, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    bad = RatingEvent("x", -1, 2, 8, NOW, EventSource.SERVICE)
    send(broker, topic, event(show=1), b"poison", bad, event(show=2))
    with following(broker, topic) as stream:
        found = read_until(stream, lambda found: len(shows(found)) == 2)
    assert sum(each.passed_over for each in found) == 2
    assert not any(each.is_missed for each in found)
    assert found[-1].watermark.next_offset == 4
    assert "partition 0, offset 1 is skipped" in caplog.text
    assert "partition 0, offset 2 is skipped: user_id is not a whole number" in caplog.text


def test_a_registry_that_is_away_is_no_poison(broker: str, topic: str) -> None:
    answers = iter([UnavailableError("the registry is away")])

    def sometimes(schema_id: int) -> Schema:
        for answer in answers:
            raise answer
        return schemas(schema_id)

    send(broker, topic, event(show=1))
    with following(broker, topic, schemas=sometimes) as stream:
        with pytest.raises(UnavailableError, match="the registry is away"):
            read_until(stream, bool)
        stream.go_on_from({})
        assert shows(read_until(stream, lambda found: bool(shows(found)))) == [1]


def test_what_kafka_has_deleted_is_missed_and_the_rest_is_read(broker: str, topic: str) -> None:
    """The mock keeps 5 MB a partition: what is older goes."""
    send(broker, topic, *(event(show=show) for show in range(3)))
    for _ in range(16):
        send(broker, topic, bytes(500_000))
    send(broker, topic, event(show=9))
    with following(broker, topic, {0: 1}) as stream:
        found = read_until(stream, lambda found: shows(found) == [9])
    missed = [each for each in found if each.is_missed]
    assert [each.partition for each in missed] == [0]
    start = missed[0].watermark.next_offset
    assert 3 < start < 19
    assert found[-1].watermark.next_offset == 20


def test_a_topic_that_ends_before_the_offset_is_read_from_its_start(
    broker: str, topic: str
) -> None:
    send(broker, topic, event(show=1))
    with following(broker, topic, {0: 500}) as stream:
        found = read_until(stream, lambda found: shows(found) == [1])
        assert not any(each.is_missed for each in found)
        assert "ends at 1, before 500" in stream.trouble


def test_partitions_that_come_later_are_taken_up(
    broker: str, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(broker, topic, event(show=1))
    send(broker, topic, event(show=2), partition=3)
    with following(broker, topic) as stream:
        plain = stream._consumer.list_topics

        class Fewer:
            """The consumer, of a cluster that tells of three partitions."""

            def __getattr__(self, name: str) -> object:
                return getattr(consumer, name)

            def list_topics(self, *args: object, **named: object) -> object:
                found = plain(*args, **named)
                del found.topics[topic].partitions[3]
                return found

        consumer = stream._consumer
        with monkeypatch.context() as patch:
            patch.setitem(stream.__dict__, "_consumer", Fewer())
            assert shows(read_until(stream, lambda _: stream.is_current)) == [1]
        stream._check_at = 0
        assert shows(read_until(stream, lambda found: bool(shows(found)))) == [2]


def test_a_broker_that_goes_away_is_said_and_gone_on_with() -> None:
    with mock_broker() as (servers, process):
        send(servers, "ratings", event(show=1))
        with following(servers, "ratings") as stream:
            read_until(stream, lambda found: shows(found) == [1])
            process.send_signal(signal.SIGSTOP)
            read_until(stream, lambda _: "does not answer" in stream.trouble, 30)
            assert not stream.is_current
            process.send_signal(signal.SIGCONT)
            send(servers, "ratings", event(show=2))
            read_until(stream, lambda found: shows(found) == [2] and not stream.trouble, 30)


def test_no_broker_is_an_error(nobody: str) -> None:
    with following(nobody, "ratings") as stream:
        with pytest.raises(UnavailableError, match="does not answer"):
            stream.read(0.1)
        assert stream.events_behind is None
        assert not stream.is_current


def test_bad_properties_are_a_mistake_in_the_settings(broker: str) -> None:
    with (
        following(broker, "ratings", **{"no.such": "x"}) as stream,
        pytest.raises(ConfigError, match="refuses its options"),
    ):
        stream.read(0.1)


def test_nothing_is_committed(broker: str, topic: str) -> None:
    send(broker, topic, event(show=1))
    with following(broker, topic) as stream:
        read_until(stream, lambda _: stream.is_current)
        (told,) = stream._consumer.committed([TopicPartition(topic, 0)], timeout=5)
        assert told.offset < 0


def test_unrated_is_told_as_nought(broker: str, topic: str) -> None:
    watched = {**event().record(), c.RATING: None}
    send(broker, topic, encode(watched, SCHEMA_ID))
    with following(broker, topic) as stream:
        found = read_until(stream, lambda found: bool(shows(found)))
    assert found[0].ratings[0].order[-1] == 0
