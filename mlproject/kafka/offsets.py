"""How far a consumer group has come in a topic."""

from dataclasses import dataclass

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

from mlproject.kafka.broker import REQUEST_TIMEOUT_S, Broker


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """How far a group has come in one partition.

    Parameters
    ----------
    partition
        Its number.
    start, end
        Offset of the oldest event, and the one that the next event gets.
    committed
        Offset up to which the group is done; None if it never said.
    """

    partition: int
    start: int
    end: int
    committed: int | None

    @property
    def lag(self) -> int:
        """Events that are waiting.

        Examples
        --------
        >>> PartitionLag(0, start=10, end=30, committed=25).lag
        5
        >>> PartitionLag(0, start=10, end=30, committed=None).lag
        20
        >>> PartitionLag(0, start=10, end=30, committed=3).lag
        20
        """
        return self.end - max(self.start, self.committed or 0)


def group_lag(broker: Broker, group: str, topic: str) -> list[PartitionLag]:
    """Return how far a group has come, one row per partition; empty if there is no such topic.

    Raises
    ------
    UnavailableError
        If no broker answers, or not in time.
    ConfigError
        If Kafka does not permit it.
    """
    ranges = offset_ranges(broker, topic)
    places = [TopicPartition(topic, partition) for partition in ranges]
    if not places:
        return []
    request = ConsumerGroupTopicPartitions(group, places)
    asked = broker.client.list_consumer_group_offsets([request], request_timeout=REQUEST_TIMEOUT_S)
    try:
        found = asked[group].result().topic_partitions
    except KafkaException as error:
        raise broker.refused(f"tell the offsets of the group {group}", error) from error
    # A negative offset stands for none.
    committed = {place.partition: place.offset for place in found if place.offset >= 0}
    return [
        PartitionLag(partition, start, end, committed.get(partition))
        for partition, (start, end) in sorted(ranges.items())
    ]


def offset_ranges(broker: Broker, topic: str) -> dict[int, tuple[int, int]]:
    """Return the start and the end of each partition; empty if there is no such topic.

    Raises
    ------
    UnavailableError
        If no broker answers, or not in time.
    ConfigError
        If Kafka does not permit it.
    """
    found = broker.metadata().topics.get(topic)
    if found is None:
        return {}
    partitions = sorted(found.partitions)
    start, end = (
        _offsets(broker, topic, partitions, spec)
        for spec in (OffsetSpec.earliest(), OffsetSpec.latest())  # type: ignore[no-untyped-call]
    )
    return {partition: (start[partition], end[partition]) for partition in partitions}


def _offsets(broker: Broker, topic: str, partitions: list[int], spec: OffsetSpec) -> dict[int, int]:
    asked = broker.client.list_offsets(
        {TopicPartition(topic, partition): spec for partition in partitions},
        request_timeout=REQUEST_TIMEOUT_S,
    )
    try:
        return {place.partition: future.result().offset for place, future in asked.items()}
    except KafkaException as error:
        raise broker.refused(f"tell the offsets of the topic {topic}", error) from error
