"""The log of single ratings over Kafka, against the mock cluster inside librdkafka."""

import threading

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from mlproject.core.errors import DataError, UnavailableError
from mlproject.events.codec import decode
from mlproject.events.schema import current_schema
from mlproject.kafka import log as kafka_log
from mlproject.kafka.log import KafkaRatingLog
from mlproject.kafka.producer import ProducerOptions
from tests.builders import event
from tests.servers import wait_until

SCHEMA_ID = 7


def started(servers: str, topic: str = "ratings", **options: object) -> KafkaRatingLog:
    log = KafkaRatingLog(servers, topic, lambda: SCHEMA_ID, ProducerOptions(**options))
    log.start()
    wait_until(lambda: log.trouble is None, 10, "the producer")
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


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (UnavailableError("the registry is down"), "the registry is down"),
        (DataError("the registry rejects the schema"), "the registry rejects the schema"),
        (ZeroDivisionError("a bug"), "a bug"),
    ],
)
def test_it_sends_once_the_registry_takes_the_schema(
    broker: str, topic: str, refusal: Exception, reason: str
) -> None:
    """Whatever the registry answered before, a log that is open tries again."""
    answers, asked, waited = iter([refusal, SCHEMA_ID]), threading.Event(), threading.Event()

    def register() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            asked.set()
            raise answer
        assert waited.wait(10)
        return answer

    log = KafkaRatingLog(broker, topic, register)
    log.start()
    assert asked.wait(10)
    wait_until(lambda: reason in (log.trouble or ""), 10, "the reason")
    with pytest.raises(UnavailableError, match=f"not taken: ratings cannot be sent .*{reason}"):
        log.append(event())
    waited.set()
    wait_until(lambda: log.trouble is None, 10, "the producer")
    assert log.append(event()).result(10).offset == 0
    log.close()


def test_options_that_librdkafka_refuses_are_said(broker: str, topic: str) -> None:
    options = ProducerOptions(properties={"no.such.option": "1"})
    log = KafkaRatingLog(broker, topic, lambda: SCHEMA_ID, options)
    log.start()
    wait_until(lambda: "no.such.option" in (log.trouble or ""), 10, "the reason")
    log.close()
    assert not log._thread.is_alive()


def test_it_ends_while_the_registry_is_away(broker: str) -> None:
    def register() -> int:
        raise UnavailableError("the registry is down")

    log = KafkaRatingLog(broker, "never", register)
    log.start()
    log.close()
    assert not log._thread.is_alive()


def test_a_surprise_ends_no_thread(broker: str, topic: str) -> None:
    log = started(broker, topic)
    first = log._producer
    log._delivered = lambda *_: 1 / 0  # what a report of delivery calls
    future = log.append(event())
    wait_until(lambda: log._producer not in {first, None}, 10, "another producer")
    del log._delivered
    assert not future.done()
    assert log.append(event()).result(10).offset >= 0
    log.close()


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
