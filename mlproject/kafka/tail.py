"""Follows the topic as events arrive."""

import json
import logging
import threading
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from fastavro import parse_schema

from mlproject.core.errors import BatchError, UnavailableError
from mlproject.events.codec import decode
from mlproject.events.schema import Schema

log = logging.getLogger(__name__)

_POLL_SECONDS: Final = 0.5


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
    over.

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
    """
    schemas = _Schemas(registry_url)
    consumer = Consumer(
        {
            **(properties or {}),
            "bootstrap.servers": servers,
            # A group of its own, so that it takes no event from anyone.
            "group.id": f"tvrec-tail-{uuid.uuid4()}",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest" if from_start else "latest",
        }
    )
    try:
        consumer.subscribe([topic])
        while not stop.is_set():
            message = consumer.poll(_POLL_SECONDS)
            if message is None:
                continue
            if failure := message.error():
                raise UnavailableError(f"Kafka at {servers}: {failure.str()}")
            try:
                yield decode(message.value() or b"", schemas.get)
            except BatchError as error:
                log.warning(
                    "partition %s, offset %s: %s", message.partition(), message.offset(), error
                )
    except KafkaException as error:
        raise UnavailableError(f"Kafka at {servers}: {error.args[0].str()}") from error
    finally:
        consumer.close()


class _Schemas:
    """The writers' schemas by id, fetched once each."""

    def __init__(self, url: str) -> None:
        self._client = SchemaRegistryClient({"url": url, "timeout": 10, "max.retries": 1})
        self._known: dict[int, Schema] = {}

    def get(self, schema_id: int) -> Schema:
        """Return a schema; raise LookupError where there is none."""
        if schema_id not in self._known:
            try:
                text = self._client.get_schema(schema_id).schema_str
            except SchemaRegistryError as error:
                raise LookupError(schema_id) from error
            parsed = parse_schema(json.loads(text or "{}"))
            self._known[schema_id] = cast("Schema", parsed)
        return self._known[schema_id]
