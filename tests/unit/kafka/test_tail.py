"""Following the topic: what cannot be read is passed over, what can be is never lost."""

import threading
from collections.abc import Callable, Iterator

import pytest

from mlproject.core import columns as c
from mlproject.core.errors import ConfigError
from mlproject.events.codec import encode
from mlproject.events.schema import schema_text
from mlproject.kafka.schema_registry import register
from mlproject.kafka.tail import tail_topic
from tests.mock_kafka import MockKafka
from tests.registry_server import FakeRegistry, fake_registry

EVENT = {
    c.EVENT_ID: "one",
    c.USER_ID: 1,
    c.SHOW_ID: 2,
    c.RATING: 8,
    c.RATED_AT: 1000,
    c.SOURCE: "SERVICE",
}


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with fake_registry() as fake:
        register(fake.url, "ratings-value", schema_text())
        yield fake


def put(kafka: MockKafka, topic: str, *messages: bytes) -> None:
    for message in messages:
        kafka.owner.produce(topic, message, partition=0)
    assert kafka.owner.flush(10) == 0


def test_a_message_of_an_unknown_schema_is_passed_over(
    kafka: MockKafka, topic: str, registry: FakeRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    put(kafka, topic, encode(EVENT, 4711), encode(EVENT, 100))
    events = tail_topic(kafka.servers, topic, registry.url, threading.Event(), from_start=True)
    assert next(events)[c.EVENT_ID] == "one"
    assert "partition 0, offset 0: the message has the unknown schema id 4711" in caplog.text
    events.close()


def test_messages_wait_for_a_registry_that_is_away(
    kafka: MockKafka, topic: str, registry: FakeRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    put(kafka, topic, encode(EVENT, 100))
    registry.failures = 3  # the client itself tries twice
    events = tail_topic(kafka.servers, topic, registry.url, threading.Event(), from_start=True)
    assert next(events)[c.EVENT_ID] == "one"
    assert "refuses: no leader" in caplog.text
    events.close()


def test_it_ends_while_the_registry_is_away(
    kafka: MockKafka, topic: str, nobody: str, on_warning: Callable[..., None]
) -> None:
    put(kafka, topic, encode(EVENT, 100))
    stop = threading.Event()
    on_warning("mlproject.core.retry", stop.set)
    events = tail_topic(kafka.servers, topic, f"http://{nobody}", stop, from_start=True)
    assert list(events) == []


def test_bad_properties_are_a_mistake_in_the_settings(nobody: str) -> None:
    events = tail_topic(
        nobody, "ratings", f"http://{nobody}", threading.Event(), properties={"no.such": "x"}
    )
    with pytest.raises(ConfigError, match="mend TVREC_KAFKA_PROPERTIES"):
        next(events)
