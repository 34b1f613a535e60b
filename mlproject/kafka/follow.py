"""Follows a topic from given offsets, without a consumer group: nothing is committed."""

import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from mlproject.batches.arrived import Arrived
from mlproject.batches.progress import Watermark
from mlproject.core import columns as c
from mlproject.core.errors import BatchError, UnavailableError
from mlproject.core.event_values import read_event
from mlproject.core.rating_order import Rated, rated_of
from mlproject.events.codec import decode
from mlproject.events.schema import Schema
from mlproject.kafka.refusals import reason, refused_options

log = logging.getLogger(__name__)

_ANSWER_SECONDS: Final = 3.0
# Between looks at the brokers and partitions there are: if all is well, and if not.
_CHECK_SECONDS: Final = 5.0
_DOUBT_SECONDS: Final = 1.0
_MOST_AT_ONCE: Final = 1000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_OUT_OF_RANGE: Final = frozenset(
    {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}  # noqa: SLF001 - librdkafka's
)
_LOGGED: Final = 3


class KafkaStream:
    """The ratings of a topic as they arrive; nothing connects before the first read.

    Parameters
    ----------
    servers, topic
        Where the events are.
    schemas
        Returns the schema with an id; raises LookupError where there is none, and
        UnavailableError while that cannot be told.
    properties
        Further librdkafka properties, such as those of SASL and TLS; never logged.
    """

    def __init__(
        self,
        servers: str,
        topic: str,
        schemas: Callable[[int], Schema],
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        self._servers = servers
        self._topic = topic
        self._schemas = schemas
        self._properties = properties or {}
        self._marks: dict[int, Watermark] = {}
        self._assigned: frozenset[int] = frozenset()
        self._at_end: set[int] = set()
        self._ends: dict[int, int] = {}
        self._check_at = 0.0
        self._trouble = ""
        self._odd: dict[int, str] = {}
        self._undecoded = 0

    @property
    def is_current(self) -> bool:
        """Whether the last read reached the end of every partition, as far as Kafka says."""
        return bool(self._assigned) and not self._trouble and self._at_end >= self._assigned

    @property
    def events_behind(self) -> int | None:
        """Offsets up to the ends that Kafka told last; None before it has."""
        if not self._assigned:
            return None
        ends, waiting = self._ends, self._assigned - self._at_end
        if not waiting <= ends.keys():
            return None
        return sum(max(0, ends[each] - self._offset(each)) for each in waiting)

    @property
    def trouble(self) -> str:
        """What is wrong though reading goes on."""
        return self._trouble or next(iter(self._odd.values()), "")

    def go_on_from(self, watermarks: Mapping[int, Watermark]) -> None:
        """Read from these offsets next; a partition that has none, from its first event."""
        self._marks = dict(watermarks)
        self._assigned = frozenset()
        self._at_end = set()

    def read(self, wait_seconds: float) -> Sequence[Arrived]:
        """Return what has arrived; wait for the first event, and for no further.

        Raises
        ------
        UnavailableError
            If Kafka or the Schema Registry does not answer.
        ConfigError
            If librdkafka refuses the properties.
        """
        try:
            if not self._assigned or time.monotonic() >= self._check_at:
                self._look_at_partitions()
            first = self._consumer.poll(wait_seconds)
            if first is None:
                return []
            return self._read([first, *self._consumer.consume(_MOST_AT_ONCE, 0)])
        except KafkaException as error:
            raise UnavailableError(f"Kafka at {self._servers}: {reason(error)}") from error

    def close(self) -> None:
        """Disconnect."""
        if "_consumer" in self.__dict__:
            self._consumer.close()

    @cached_property
    def _consumer(self) -> Consumer:
        vendor = logging.getLogger(f"{__name__}.librdkafka")
        vendor.setLevel(logging.CRITICAL)  # its lines repeat what the callback is told
        options = {
            "client.id": "tvrec",
            **self._properties,
            "bootstrap.servers": self._servers,
            # It must have a name, though no group comes about without subscription and commit.
            "group.id": "tvrec-histories",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            # A gap must be noticed, not skipped.
            "auto.offset.reset": "error",
            # So that a broker that is back is noticed within a second.
            "reconnect.backoff.max.ms": 1000,
            "socket.timeout.ms": 10_000,
            # Bounds of what is fetched ahead; the second is 64 MB by default.
            "queued.min.messages": 10_000,
            "queued.max.messages.kbytes": 8192,
            "error_cb": self._note,
            "stats_cb": self._take_ends,
            "statistics.interval.ms": 2000,
            "logger": vendor,
        }
        try:
            return Consumer(options)
        except KafkaException as error:
            raise refused_options(error) from error

    def _look_at_partitions(self) -> None:
        """See whether Kafka answers, and take up partitions that are new."""
        self._check_at = time.monotonic() + _DOUBT_SECONDS
        try:
            found = self._consumer.list_topics(self._topic, timeout=_ANSWER_SECONDS)
        except KafkaException as error:
            self._cannot_follow(f"Kafka at {self._servers} does not answer: {reason(error)}")
            return
        topic = found.topics[self._topic]
        if topic.error is not None:
            self._cannot_follow(f"Kafka at {self._servers}: {topic.error.str()}")
            return
        leaderless = sorted(each.id for each in topic.partitions.values() if each.leader < 0)
        if leaderless:
            self._say(f"Kafka at {self._servers} has no leader for the partitions {leaderless}")
            return
        self._say("")
        self._check_at = time.monotonic() + _CHECK_SECONDS
        if (partitions := frozenset(topic.partitions)) != self._assigned:
            if self._assigned:
                log.info("the topic %s has %d partitions now", self._topic, len(partitions))
            self._assign(partitions)

    def _cannot_follow(self, trouble: str) -> None:
        if not self._assigned:
            raise UnavailableError(trouble)
        self._say(trouble)

    def _assign(self, partitions: frozenset[int]) -> None:
        self._consumer.assign(
            [TopicPartition(self._topic, each, self._offset(each)) for each in partitions]
        )
        self._assigned = partitions
        self._at_end = set()

    def _read(self, messages: Sequence[Message]) -> list[Arrived]:
        rated: defaultdict[int, list[Rated]] = defaultdict(list)
        passed_over: defaultdict[int, int] = defaultdict(int)
        arrived: list[Arrived] = []
        for message in messages:
            partition, offset = int(message.partition() or 0), int(message.offset() or 0)
            if failure := message.error():
                arrived += self._failed(failure, partition, offset)
                continue
            self._at_end.discard(partition)
            one = self._decoded(message, partition, offset)
            if one is None:
                passed_over[partition] += 1
            else:
                rated[partition].append(one)
            if offset >= self._offset(partition):  # else a repeat, after a new assignment
                self._marks[partition] = Watermark("", "", offset + 1)
        told = {*rated, *passed_over}
        return [
            *(
                Arrived(each, rated[each], self._marks[each], passed_over[each])
                for each in sorted(told)
            ),
            *arrived,
        ]

    def _decoded(self, message: Message, partition: int, offset: int) -> Rated | None:
        """Return a message's rating; None for a poison message, which is logged."""
        try:
            event = decode(message.value() or b"", self._schemas)
            event[c.RATED_AT] = (event[c.RATED_AT] - _EPOCH) // _MILLISECOND
            return rated_of(read_event(event))
        except (BatchError, ValueError) as why:
            self._undecoded += 1
            level = logging.WARNING if self._undecoded <= _LOGGED else logging.DEBUG
            log.log(level, "partition %d, offset %d is skipped: %s", partition, offset, why)
            return None

    def _failed(self, failure: KafkaError, partition: int, offset: int) -> list[Arrived]:
        """Take note of what is no message; return a gap if it is one."""
        if failure.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own code
            self._at_end.add(partition)
            if offset > self._offset(partition):  # past the marks of transactions
                self._marks[partition] = Watermark("", "", offset)
                return [Arrived(partition, (), self._marks[partition])]
            return []
        if failure.code() in _OUT_OF_RANGE:
            return self._out_of_range(partition)
        self._say(f"Kafka at {self._servers}: {failure.str()}")
        return []

    def _out_of_range(self, partition: int) -> list[Arrived]:
        """Go on at the first event there is."""
        place = TopicPartition(self._topic, partition)
        start, end = self._consumer.get_watermark_offsets(place, timeout=_ANSWER_SECONDS)
        wanted = self._offset(partition)
        is_within = start <= wanted <= end
        self._marks[partition] = Watermark("", "", wanted if is_within else start)
        self._assign(self._assigned)
        if is_within:
            return []
        if wanted < start:
            log.warning(
                "Kafka has deleted the events %d to %d of partition %d; the next snapshot has them",
                wanted,
                start - 1,
                partition,
            )
        else:
            self._odd[partition] = (
                f"partition {partition} of {self._topic} ends at {end}, before {wanted}, which "
                "was read already: if the topic was made anew, so must be the bucket"
            )
            log.warning("%s; reading it from its first event", self._odd[partition])
        return [Arrived(partition, (), self._marks[partition], is_missed=wanted < start)]

    def _offset(self, partition: int) -> int:
        mark = self._marks.get(partition)
        return mark.next_offset if mark else 0

    def _take_ends(self, statistics: str) -> None:
        """Note where partitions end, as librdkafka reports now and then.

        Its own call for it may block for minutes while a broker hangs, and this one is asked
        for by event loops.
        """
        topic = json.loads(statistics)["topics"].get(self._topic, {"partitions": {}})
        told = {int(each): part["hi_offset"] for each, part in topic["partitions"].items()}
        self._ends = {each: end for each, end in told.items() if each >= 0 and end >= 0}

    def _note(self, error: KafkaError) -> None:
        """Look soon whether Kafka answers: librdkafka reports failures, and no recovery."""
        log.debug("Kafka at %s: %s", self._servers, error.str())
        self._check_at = min(self._check_at, time.monotonic())

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            if trouble:
                log.warning("%s; the service answers from the ratings it has", trouble)
            else:
                log.info("Kafka at %s answers again", self._servers)
            self._trouble = trouble
