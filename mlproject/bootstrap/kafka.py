"""Kafka, its Schema Registry and Kafka Connect."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlproject.bootstrap.base import Base, properties_in
from mlproject.core.errors import ConfigError
from mlproject.core.topics import DEAD_LETTER_TOPIC, TOPIC

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlproject.kafka.broker import Broker
    from mlproject.kafka.connect import ConnectClient
    from mlproject.kafka.topics import TopicSpec


class KafkaPart(Base):
    """The adapters of Kafka."""

    @cached_property
    def broker(self) -> Broker:
        """The administration of Kafka.

        Raises
        ------
        ConfigError
            If Kafka is not named, or librdkafka refuses the further properties.
        """
        if self.settings.kafka_bootstrap_servers is None:
            raise ConfigError("KAFKA_BOOTSTRAP_SERVERS is not set: it says where Kafka is")
        from mlproject.kafka.broker import Broker

        return Broker(self.settings.kafka_bootstrap_servers, self._kafka_properties)

    @property
    def topic_specs(self) -> list[TopicSpec]:
        """What the topic of ratings and its dead-letter topic should be like."""
        from mlproject.kafka.topics import TopicSpec

        settings = self.settings
        # One partition serves dead letters; it is also what Connect would create.
        partitions = {TOPIC: settings.topic_partitions, DEAD_LETTER_TOPIC: 1}
        return [
            TopicSpec(name, count, settings.topic_replication, settings.topic_retention_days)
            for name, count in partitions.items()
        ]

    @cached_property
    def connect_client(self) -> ConnectClient:
        """The REST API of Kafka Connect.

        Raises
        ------
        ConfigError
            If it is not named, or its address is invalid.
        """
        if self.settings.connect_url is None:
            raise ConfigError("TVREC_CONNECT_URL is not set: it says where Kafka Connect is")
        from mlproject.kafka.connect import ConnectClient

        return ConnectClient(self.settings.connect_url.get_secret_value())

    @property
    def connector_config(self) -> dict[str, str]:
        """What the connector should be told.

        Raises
        ------
        ConfigError
            If the bucket or the Schema Registry is not named, or not as a connector needs it.
        """
        settings = self.settings
        if settings.bucket is None:
            raise ConfigError("TVREC_BUCKET is not set: the connector writes into a bucket")
        from mlproject.kafka.connector import SinkSpec, registry_address, sink_config

        return sink_config(
            SinkSpec(
                topic=TOPIC,
                dead_letter_topic=DEAD_LETTER_TOPIC,
                replication=settings.topic_replication,
                tasks=settings.connect_tasks,
                registry_url=registry_address(
                    settings.schema_registry_url, settings.connect_registry_url
                ),
                bucket=settings.bucket,
                endpoint_url=settings.s3_endpoint_url,
                region=settings.aws_region,
                keys_from_environment=settings.aws_access_key_id is not None,
                batch_records=settings.batch_records,
                batch_ms=round(settings.batch_seconds * 1000),
            )
        )

    def _register_schema(self) -> Callable[[], int]:
        """Return what registers the schema of ratings and returns its id.

        Raises
        ------
        ConfigError
            If the registry is not named.
        """
        from mlproject.events.schema import schema_text
        from mlproject.kafka.schema_registry import register

        url = self._schema_registry_url
        return lambda: register(url, f"{TOPIC}-value", schema_text())

    @property
    def _schema_registry_url(self) -> str:
        if self.settings.schema_registry_url is None:
            raise ConfigError("KAFKA_BOOTSTRAP_SERVERS is set, and SCHEMA_REGISTRY_URL is not")
        return self.settings.schema_registry_url

    @property
    def _kafka_properties(self) -> dict[str, Any]:
        """The further librdkafka properties."""
        return properties_in(self.settings.kafka_properties)
