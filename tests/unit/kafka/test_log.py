"""The log of single ratings over Kafka, against the mock cluster inside librdkafka."""

import time

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from mlproject.core.errors import DataError, UnavailableError
from mlproject.core.events import EventSource, RatingEvent, new_event_id
from mlproject.events.codec import decode
from mlproject.events.schema import current_schema
from mlproject.kafka import log as kafka_log
from mlproject.kafka.log import KafkaRatingLog
from mlproject.kafka.producer import ProducerOptions
from tests.servers import wait_until

SCHEMA_ID = 7


def event(user: int = 1) -> RatingEvent:
    return RatingEvent(new_event_id(1000), user, 2, 8, 1000, EventSource.SERVICE)


def started(servers: str, topic: str = "ratings", **options: object) -> KafkaRatingLog:
    log = KafkaRatingLog(servers, topic, lambda: SCHEMA_ID, ProducerOptions(**options))
    wait_until(lambda: log._producer is not None, 10, "the producer")
    return log


def test_an_acknowledged_event_is_where_the_answer_says(broker: str) -> None:
    log = started(broker, "where")
    sent = {event(user) for user in range(20)}
    places = {each: log.append(each) for each in sent}
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "where"})
    for each, future in places.items():
        place = future.result(10)
        assert place.topic == "where"
        consumer.assign([TopicPartition("where", place.partition, place.offset)])
        message = consumer.poll(10)
        assert message is not None
        assert message.key() == str(each.user_id).encode()
        told = decode(message.value() or b"", {SCHEMA_ID: current_schema()}.__getitem__)
        assert told["event_id"] == each.event_id
        assert (told["rating"], told["source"]) == (8, "SERVICE")
    assert len({future.result() for future in places.values()}) == 20
    consumer.close()
    log.close()


def test_a_user_has_one_partition(broker: str) -> None:
    log = started(broker, "one")
    assert len({log.append(event(3)).result(10).partition for _ in range(5)}) == 1
    log.close()


def test_a_dead_broker_is_an_error_in_bounded_time(
    nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_log, "DELIVERY_SECONDS", 0.5)
    log = started(nobody)
    with pytest.raises(UnavailableError, match=r"not acknowledged: Kafka at .*may still arrive"):
        log.append(event()).result(10)
    log.close()


def test_a_full_queue_refuses_at_once(nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_log, "DELIVERY_SECONDS", 0.5)
    log = started(nobody, queue_events=3)
    futures = [log.append(event()) for _ in range(3)]
    with pytest.raises(UnavailableError, match=r"was not taken: the queue for Kafka .* is full"):
        log.append(event())
    assert all(isinstance(future.exception(10), UnavailableError) for future in futures)
    log.close()


def test_closing_delivers_what_was_taken_over(broker: str) -> None:
    log = started(broker, "closing", linger_ms=500)
    futures = [log.append(event()) for _ in range(10)]
    log.close()
    assert sorted(future.result(0).offset for future in futures) == list(range(10))
    with pytest.raises(UnavailableError, match="the service is stopping"):
        log.append(event())


def test_it_starts_without_a_registry_and_sends_when_that_is_there(
    broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([UnavailableError("the registry is down"), SCHEMA_ID])

    def register() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    log = KafkaRatingLog(broker, "late", register)
    with pytest.raises(UnavailableError, match="Schema Registry has not answered yet"):
        log.append(event())
    wait_until(lambda: log._producer is not None, 10, "the producer")
    assert log.append(event()).result(10).offset == 0
    log.close()


def test_it_ends_while_the_registry_is_away(broker: str) -> None:
    def register() -> int:
        raise UnavailableError("the registry is down")

    log = KafkaRatingLog(broker, "never", register)
    before = time.monotonic()
    log.close()
    assert not log._thread.is_alive()
    assert time.monotonic() - before < 5


def test_a_refused_schema_is_said(broker: str) -> None:
    def register() -> int:
        raise DataError("the registry rejects the schema")

    log = KafkaRatingLog(broker, "refused", register)
    log._thread.join(10)
    with pytest.raises(UnavailableError, match="the registry rejects the schema"):
        log.append(event())


def test_a_producer_that_broke_for_good_is_replaced(
    broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = started(broker, "broken")
    first = log._producer
    assert first is not None

    class Broken:
        def produce(self, *arguments: object, **named: object) -> None:
            raise KafkaException(KafkaError(KafkaError._FATAL, "fenced", fatal=True))

    log._producer = Broken()
    with pytest.raises(UnavailableError, match="was not taken"):
        log.append(event())
    wait_until(lambda: isinstance(log._producer, Producer), 10, "a new one")
    assert log._producer is not first
    assert log.append(event()).result(10).offset == 0
    log.close()
