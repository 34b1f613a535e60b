"""Ratings into a Kafka topic.

What is promised, and how:

- An event counts as durable once every in-sync replica has it (``acks=all``), and a retry
  neither repeats nor reorders it (``enable.idempotence``).
- While brokers are away, events wait in memory up to a stated bound; then
  :meth:`KafkaRatingSink.append` blocks, which slows the generator. librdkafka retries for
  as long as it takes: nothing it holds expires.
- Deliveries that Kafka refuses for good (no such topic, no permission) are put back in the
  queue and surface as an error from the next call, so the caller sets the pace of retries.
- :attr:`KafkaRatingSink.position` never passes an event that is not durable: a process
  that is killed and starts again at its position loses nothing, and the ids of events
  tell what it repeats.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from threading import Event
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from mlproject.core.errors import UnavailableError
from mlproject.core.ratings import RatingFrame
from mlproject.events.codec import encode_frame
from mlproject.kafka.producer import ProducerOptions, idempotent_producer
from mlproject.kafka.refusals import reason

log = logging.getLogger(__name__)

_ANSWER_TIMEOUT_S: Final = 2.0
_REPORT_TIMEOUT_S: Final = 1.0

# 0 would mean "never", but librdkafka then computes random timeouts of requests
# (confluentinc/librdkafka#2015, won't fix); its highest value is 24 days, after which an
# event counts as refused and is queued again.
_NEVER_MS: Final = 2**31 - 1


@dataclass(slots=True)
class _Batch:
    """The events of one append: how many there are, and how many are not durable yet."""

    size: int
    pending: int


class KafkaRatingSink:
    """Sends events to a topic; a user's events go to one partition, in order.

    Nothing connects before the first call. One thread at a time may call.

    Parameters
    ----------
    servers
        ``host:port``, several with commas between.
    topic
        Where the events go.
    schema_id
        Id of the current schema, see :func:`mlproject.kafka.schema_registry.register`.
    start_position
        How many events of the stream were durable before this process.
    options
        How events are buffered and sent.
    stop
        Ends an append that waits for room in the queue.
    """

    def __init__(
        self,
        servers: str,
        topic: str,
        schema_id: int,
        *,
        start_position: int = 0,
        options: ProducerOptions | None = None,
        stop: Event | None = None,
    ) -> None:
        self._servers = servers
        self._topic = topic
        self._schema_id = schema_id
        self._position = start_position
        self._options = options or ProducerOptions()
        self._stop = stop or Event()
        self._batches: deque[_Batch] = deque()
        self._refused: deque[tuple[_Batch, bytes | None, bytes | None]] = deque()
        self._refusal = ""
        self._acknowledged = 0
        self._failed = 0

    @property
    def position(self) -> int:
        """How many events are durable with all before them, as of the last call.

        It moves by whole appends, since partitions acknowledge in any order and an event
        after a gap must be sent again after a crash.
        """
        return self._position

    @property
    def acknowledged(self) -> int:
        """How many events Kafka has acknowledged to this process."""
        return self._acknowledged

    @property
    def failed(self) -> int:
        """How often Kafka refused an event; each was queued again."""
        return self._failed

    def ping(self) -> None:
        """Ask a broker for an answer.

        Raises
        ------
        UnavailableError
            If none answers within two seconds.
        ConfigError
            If librdkafka refuses the options.
        """
        try:
            self._producer.list_topics(timeout=_ANSWER_TIMEOUT_S)
        except KafkaException as error:
            # Lets librdkafka log its own reason, a wrong password say, before ours.
            self._producer.poll(0)
            raise UnavailableError(
                f"Kafka at {self._servers} does not answer ({reason(error)})"
            ) from error

    def append(self, ratings: RatingFrame) -> None:
        """Queue events; wait while the queue is full.

        Raises
        ------
        UnavailableError
            If Kafka refused earlier events (they are queued again, and none of these were
            taken), or if the sink is stopped or broken while these are being taken: then
            a flush brings :attr:`position` to the first that was not.
        DataError
            If an event does not fit the schema; none was taken.
        ConfigError
            If librdkafka refuses the options.
        """
        self._producer.poll(0)
        self._raise_refusals()
        messages = encode_frame(ratings, self._schema_id)
        batch = _Batch(len(messages), len(messages))
        report = partial(self._delivered, batch)
        self._batches.append(batch)
        taken = 0
        try:
            for key, value in messages:
                self._produce(key, value, report)
                taken += 1
        finally:
            batch.size = taken
            batch.pending -= len(messages) - taken
            self._advance()

    def flush(self) -> None:
        """Wait until Kafka has acknowledged every event.

        Raises
        ------
        UnavailableError
            If events are undelivered at the deadline, or were refused; they stay queued.
        """
        if not self._batches:
            return
        self._producer.flush(self._options.flush_timeout_s)
        self._raise_refusals()
        undelivered = sum(batch.pending for batch in self._batches)
        if undelivered:
            raise UnavailableError(
                f"{undelivered} events were not delivered to Kafka at {self._servers} within "
                f"{self._options.flush_timeout_s:g} s; they stay queued"
            )

    @cached_property
    def _producer(self) -> Producer:
        return idempotent_producer(self._servers, self._options, _NEVER_MS)

    def _produce(
        self,
        key: bytes | None,
        value: bytes | None,
        report: Callable[[KafkaError | None, Message], None],
    ) -> None:
        stalled = False
        while True:
            try:
                self._producer.produce(self._topic, value, key, on_delivery=report)
            except BufferError as error:
                if self._stop.is_set():
                    raise UnavailableError(
                        f"stopped while the queue of events for Kafka at {self._servers} was full"
                    ) from error
                if not self._waited_for_reports() and not stalled:
                    stalled = True
                    log.warning(
                        "The queue for Kafka at %s is full (%d events or %d KiB), and none is "
                        "taken; sending waits until it is.",
                        self._servers,
                        self._options.queue_events,
                        self._options.queue_kib,
                    )
            except KafkaException as error:
                raise UnavailableError(
                    f"Kafka at {self._servers} takes no events for the topic {self._topic}: "
                    f"{reason(error)}"
                ) from error
            else:
                if stalled:
                    log.info("Kafka at %s takes events again.", self._servers)
                return

    def _waited_for_reports(self) -> bool:
        """Wait for a report of delivery; tell whether one came in time."""
        reports = self._acknowledged + self._failed
        deadline = time.monotonic() + _REPORT_TIMEOUT_S
        # poll also returns for a line of librdkafka's log.
        while reports == self._acknowledged + self._failed:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return False
            self._producer.poll(remaining)
        return True

    def _delivered(self, batch: _Batch, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failed += 1
            self._refusal = error.str()
            self._refused.append((batch, message.key(), message.value()))
            return
        self._acknowledged += 1
        batch.pending -= 1
        if not batch.pending:
            self._advance()

    def _advance(self) -> None:
        while self._batches and not self._batches[0].pending:
            self._position += self._batches.popleft().size

    def _raise_refusals(self) -> None:
        """Queue refused events again, and report them."""
        count = len(self._refused)
        if not count:
            return
        for _ in range(count):
            batch, key, value = self._refused[0]
            self._produce(key, value, partial(self._delivered, batch))
            self._refused.popleft()
        raise UnavailableError(
            f"Kafka at {self._servers} refused {count} events for the topic {self._topic} "
            f"({self._refusal}); they are queued again"
        )
