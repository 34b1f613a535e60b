"""Follows the topic as events arrive."""

import logging
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, Message

from mlproject.core.cancel import Cancelled
from mlproject.core.errors import BatchError, UnavailableError
from mlproject.core.retry import until_available
from mlproject.events.codec import decode
from mlproject.kafka.refusals import reason, refused_options
from mlproject.kafka.schema_registry import SchemaRegistry

log = logging.getLogger(__name__)

_POLL_SECONDS: Final = 0.5
# Nobody else waits for these partitions while the Schema Registry is awaited.
_LONGEST_PAUSE_MS: Final = 86_400_000


def tail_topic(
    servers: str,
    topic: str,
    registry_url: str,
    stop: threading.Event,
    *,
    from_start: bool = False,
    properties: Mapping[str, Any] | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the events of a topic, until ``stop`` is set; nothing is committed.

    A message that cannot be decoded is logged with its partition and offset, and passed
    over. While the Schema Registry does not answer, the messages wait.

    Parameters
    ----------
    servers, topic
        Where the events are.
    registry_url
        Where their schemas are.
    stop
        Ends it.
    from_start
        Whether to begin with the oldest event.
    properties
        Further librdkafka properties, such as those of SASL and TLS.

    Raises
    ------
    UnavailableError
        If Kafka refuses.
    ConfigError
        If the registry's URL is invalid, or librdkafka refuses the properties.
    """
    with closing(SchemaRegistry(registry_url)) as registry:
        for message in _messages(servers, topic, stop, properties or {}, from_start=from_start):
            read = partial(decode, message.value() or b"", registry.schema)
            try:
                event = until_available(read, stop)
            except BatchError as error:
                log.warning(
                    "partition %s, offset %s: %s", message.partition(), message.offset(), error
                )
            except Cancelled:
                return
            else:
                yield event


def _messages(
    servers: str,
    topic: str,
    stop: threading.Event,
    properties: Mapping[str, Any],
    *,
    from_start: bool,
) -> Iterator[Message]:
    options = {
        **properties,
        "bootstrap.servers": servers,
        # A group of its own, so that it takes no event from anyone.
        "group.id": f"tvrec-tail-{uuid.uuid4()}",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest" if from_start else "latest",
        "max.poll.interval.ms": _LONGEST_PAUSE_MS,
    }
    try:
        consumer = Consumer(options)
    except KafkaException as error:
        raise refused_options(error) from error
    try:
        consumer.subscribe([topic])
        while not stop.is_set():
            message = consumer.poll(_POLL_SECONDS)
            if message is None:
                continue
            if failure := message.error():
                raise UnavailableError(f"Kafka at {servers}: {failure.str()}")
            yield message
    except KafkaException as error:
        raise UnavailableError(f"Kafka at {servers}: {reason(error)}") from error
    finally:
        consumer.close()
