"""The topics: what they should be like, and making them so."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
    TopicMetadata,
)

from mlproject.core.errors import ConfigError, UnavailableError
from mlproject.kafka.broker import REQUEST_TIMEOUT_S, Broker

_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What a topic should be like.

    Parameters
    ----------
    name
        The topic's name.
    partitions
        Fixed once it is there: more partitions send a user's later events elsewhere.
    replication
        How many brokers hold each partition.
    retention_days
        Days after which Kafka deletes events.
    """

    name: str
    partitions: int
    replication: int
    retention_days: int

    @property
    def config(self) -> dict[str, str]:
        """The topic's config as Kafka spells it.

        With replicas, an event counts as written once two brokers have it: one can be
        lost with no event, and of three, one can be away with writing going on.
        """
        return {
            "cleanup.policy": "delete",
            "compression.type": "producer",
            "min.insync.replicas": "2" if self.replication > 1 else "1",
            "retention.ms": str(self.retention_days * _DAY_MS),
        }


@dataclass(frozen=True, slots=True)
class TopicChange:
    """What was done, or would be, to a topic.

    Parameters
    ----------
    topic
        Its name.
    created
        Whether it was not there.
    altered
        Of each config that was different: from what, to what.
    """

    topic: str
    created: bool
    altered: Mapping[str, tuple[str, str]]

    def __str__(self) -> str:
        if self.created:
            return f"{self.topic}: created"
        if not self.altered:
            return f"{self.topic}: unchanged"
        changes = ", ".join(
            f"{name} from {_readable(name, old)} to {_readable(name, new)}"
            for name, (old, new) in self.altered.items()
        )
        return f"{self.topic}: changed {changes}"


def apply_topics(
    broker: Broker, specs: Sequence[TopicSpec], *, dry_run: bool = False
) -> list[TopicChange]:
    """Create topics that are missing and change the config of those that are there.

    Partitions and replication of a topic that is there are never changed, and if they
    are wrong nothing is.

    Parameters
    ----------
    broker
        The cluster.
    specs
        What should be.
    dry_run
        Change nothing, only say what would be.

    Raises
    ------
    ConfigError
        If a topic has other partitions or replicas, or Kafka refuses for good.
    UnavailableError
        If no broker answers, or not in time.
    """
    found = broker.metadata().topics
    mismatches = [
        sentence for spec in specs if spec.name in found for sentence in _wrong(spec, found)
    ]
    if mismatches:
        raise ConfigError("; ".join(mismatches))
    changes = [
        TopicChange(spec.name, created=False, altered=_differences(broker, spec))
        if spec.name in found
        else TopicChange(spec.name, created=True, altered={})
        for spec in specs
    ]
    if not dry_run:
        for spec, change in zip(specs, changes, strict=True):
            if change.created:
                _create(broker, spec)
            elif change.altered:
                _alter(broker, change)
    return changes


def _readable(name: str, value: str) -> str:
    if name != "retention.ms":
        return value
    return f"{int(value) / _DAY_MS:g} days" if int(value) >= 0 else "forever"


def _wrong(spec: TopicSpec, found: Mapping[str, TopicMetadata]) -> Iterator[str]:
    """Say what of a topic cannot be changed and is not as it should be."""
    partitions = found[spec.name].partitions
    if len(partitions) != spec.partitions:
        yield (
            f"the topic {spec.name} has {len(partitions)} partitions and should have "
            f"{spec.partitions}; this is not changed, since a user's events must stay in one "
            f"partition: set TVREC_TOPIC_PARTITIONS={len(partitions)}, or delete the topic "
            "once its events are no longer needed"
        )
    replicas = sorted({len(partition.replicas) for partition in partitions.values()})
    if replicas != [spec.replication]:
        yield (
            f"the topic {spec.name} has replication {' and '.join(map(str, replicas))} and should "
            f"have {spec.replication}; set TVREC_TOPIC_REPLICATION, or move its partitions "
            "with Kafka's own kafka-reassign-partitions"
        )


def _differences(broker: Broker, spec: TopicSpec) -> dict[str, tuple[str, str]]:
    resource = ConfigResource(ResourceType.TOPIC, spec.name)
    asked = broker.client.describe_configs([resource], request_timeout=REQUEST_TIMEOUT_S)
    try:
        found = asked[resource].result()
    except KafkaException as error:
        raise broker.refused(f"describe the topic {spec.name}", error) from error
    return {
        name: (str(found[name].value), value)
        for name, value in spec.config.items()
        if found[name].value != value
    }


def _create(broker: Broker, spec: TopicSpec) -> None:
    new = NewTopic(
        spec.name,
        num_partitions=spec.partitions,
        replication_factor=spec.replication,
        config=spec.config,
    )
    # The second time is that of the brokers, until all of them know the topic.
    asked = broker.client.create_topics(
        [new], request_timeout=REQUEST_TIMEOUT_S, operation_timeout=REQUEST_TIMEOUT_S
    )
    try:
        asked[spec.name].result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            raise UnavailableError(
                f"somebody else has just created the topic {spec.name}; apply again"
            ) from error
        raise broker.refused(f"create the topic {spec.name}", error) from error


def _alter(broker: Broker, change: TopicChange) -> None:
    resource = ConfigResource(
        ResourceType.TOPIC,
        change.topic,
        incremental_configs=[
            ConfigEntry(name, new, incremental_operation=AlterConfigOpType.SET)
            for name, (_, new) in change.altered.items()
        ],
    )
    asked = broker.client.incremental_alter_configs([resource], request_timeout=REQUEST_TIMEOUT_S)
    try:
        asked[resource].result()
    except KafkaException as error:
        raise broker.refused(f"change the topic {change.topic}", error) from error
