"""A connection to Kafka for its administration: topics and offsets."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ClusterMetadata

from mlproject.core.errors import ConfigError, TvrecError, UnavailableError
from mlproject.kafka.refusals import reason, refused_options

REQUEST_TIMEOUT_S: Final = 30.0
_ANSWER_TIMEOUT_S: Final = 10.0

# Waiting mends none of these.
_REFUSALS: Final = frozenset(
    {
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.INVALID_CONFIG,
        KafkaError.INVALID_PARTITIONS,
        KafkaError.INVALID_REPLICATION_FACTOR,
        KafkaError.POLICY_VIOLATION,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
    }
)


class Broker:
    """The administration of a Kafka cluster; nothing connects before the first call.

    Parameters
    ----------
    servers
        ``host:port``, several with commas between.
    properties
        Further librdkafka properties, such as those of SASL and TLS; never logged.

    Raises
    ------
    ConfigError
        If librdkafka refuses the properties.
    """

    def __init__(self, servers: str, properties: Mapping[str, Any]) -> None:
        self.servers = servers
        self._reason = ""
        # What librdkafka logs is the reason in the error, a wrong password say.
        silent = logging.Logger("librdkafka")  # noqa: LOG001 - of no hierarchy, on purpose
        silent.addHandler(logging.NullHandler())
        options: dict[str, Any] = {
            "client.id": "tvrec",
            **properties,
            "bootstrap.servers": servers,
            "error_cb": self._note,
            "logger": silent,
        }
        try:
            self.client = AdminClient(options)
        except KafkaException as error:
            raise refused_options(error) from error

    def metadata(self) -> ClusterMetadata:
        """Return the brokers and topics there are.

        Raises
        ------
        UnavailableError
            If no broker answers.
        """
        try:
            return self.client.list_topics(timeout=_ANSWER_TIMEOUT_S)
        except KafkaException as error:
            self.client.poll(0)  # lets librdkafka tell the reason
            raise UnavailableError(
                f"Kafka at {self.servers} does not answer ({self._reason or reason(error)}); "
                "start it, or mend "
                "KAFKA_BOOTSTRAP_SERVERS or TVREC_KAFKA_PROPERTIES"
            ) from error

    def refused(self, what: str, error: KafkaException) -> TvrecError:
        """Return the error to raise if Kafka does not do what it was asked for."""
        cause: KafkaError = error.args[0]
        kind = ConfigError if cause.code() in _REFUSALS else UnavailableError
        return kind(f"Kafka at {self.servers} did not {what}: {reason(error)}")

    def _note(self, error: KafkaError) -> None:
        # "All brokers are down" comes last and says least.
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - librdkafka's own codes
            self._reason = error.str()
