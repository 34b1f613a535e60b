"""The mock cluster inside librdkafka, and what a topic of it holds.

It keeps 5 MB a partition in memory, gives each topic four partitions, and knows no
CreateTopics.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from confluent_kafka import Consumer, Message, Producer, TopicPartition


@dataclass(frozen=True)
class MockKafka:
    """One broker, alive as long as its owner.

    ``owner`` is a producer, which can lay messages down too.
    """

    servers: str
    owner: Producer


@contextmanager
def mock_kafka() -> Iterator[MockKafka]:
    owner = Producer({"test.mock.num.brokers": 1, "logger": logging.getLogger("mock")})
    (broker,) = owner.list_topics(timeout=10).brokers.values()
    yield MockKafka(f"{broker.host}:{broker.port}", owner)
    del owner


def messages_of(servers: str, topic: str) -> list[Message]:
    """Return every message of a topic, by partition and offset."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": topic,
            "enable.auto.commit": False,
            "logger": logging.getLogger("consumer"),
        }
    )
    try:
        partitions = sorted(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
        places = [TopicPartition(topic, partition, 0) for partition in partitions]
        count = sum(consumer.get_watermark_offsets(place, timeout=10)[1] for place in places)
        consumer.assign(places)
        messages: list[Message] = []
        deadline = time.monotonic() + 20
        while len(messages) < count and time.monotonic() < deadline:
            messages += consumer.consume(count, timeout=0.2)
    finally:
        consumer.close()
    assert len(messages) == count
    assert all(message.error() is None for message in messages)
    return sorted(messages, key=lambda each: (each.partition() or 0, each.offset() or 0))
