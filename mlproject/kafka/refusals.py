"""What librdkafka says when it refuses, as our errors."""

from confluent_kafka import KafkaException

from mlproject.core.errors import ConfigError


def reason(error: KafkaException) -> str:
    """Return librdkafka's own words."""
    return str(error.args[0].str())


def refused_options(error: KafkaException) -> ConfigError:
    """Return the error to raise for options that a client cannot be made with."""
    return ConfigError(
        f"the Kafka client refuses its options: {reason(error)}; mend TVREC_KAFKA_PROPERTIES"
    )
