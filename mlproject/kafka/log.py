"""Single ratings of many users into a Kafka topic, acknowledged when Kafka has them.

The producer batches what comes within its linger, and a thread of ours hands its reports
of delivery to whoever waits for them. Unlike the generator's, these events expire: who
has waited :data:`DELIVERY_SECONDS` gets an error and sends the rating again.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from mlproject.core.cancel import Cancelled
from mlproject.core.errors import UnavailableError
from mlproject.core.events import Place, RatingEvent
from mlproject.core.retry import until_available
from mlproject.events.codec import encode, message_key
from mlproject.kafka.producer import ProducerOptions, idempotent_producer, reason

log = logging.getLogger(__name__)

DELIVERY_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.1

INTERACTIVE: Final = ProducerOptions(linger_ms=5, queue_events=10_000)


class KafkaRatingLog:
    """Sends events to a topic, keyed as :class:`~mlproject.kafka.sink` does.

    It starts at once, also while Kafka and the Schema Registry are away.

    Parameters
    ----------
    servers
        ``host:port``, several with commas between.
    topic
        Where the events go.
    register
        Returns the id of the current schema; raises UnavailableError while the registry
        does not answer.
    options
        How events are buffered and sent.
    """

    def __init__(
        self,
        servers: str,
        topic: str,
        register: Callable[[], int],
        options: ProducerOptions = INTERACTIVE,
    ) -> None:
        self._servers = servers
        self._topic = topic
        self._register = register
        self._options = options
        self._schema_id = 0
        self._producer: Producer | None = None
        self._trouble = "the Schema Registry has not answered yet"
        self._stop = threading.Event()
        self._broken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kafka-rating-log", daemon=True)
        self._thread.start()

    def append(self, event: RatingEvent) -> "Future[Place]":
        """Queue an event; raise UnavailableError if the queue is full or not there yet."""
        producer = self._producer
        if producer is None or self._stop.is_set():
            why = "the service is stopping" if self._stop.is_set() else self._trouble
            raise UnavailableError(f"the rating was not taken: {why}")
        future: Future[Place] = Future()
        # From here on it cannot be taken back.
        future.set_running_or_notify_cancel()
        try:
            producer.produce(
                self._topic,
                encode(event.record(), self._schema_id),
                message_key(event.user_id),
                on_delivery=partial(self._delivered, future),
            )
        except BufferError as error:
            raise UnavailableError(
                f"the rating was not taken: the queue for Kafka at {self._servers} is full"
            ) from error
        except KafkaException as error:
            self._note_fatal(error.args[0])
            raise UnavailableError(
                f"the rating was not taken: Kafka at {self._servers}: {reason(error)}"
            ) from error
        return future

    def close(self) -> None:
        """Wait until every event is delivered or has expired."""
        self._stop.set()
        self._thread.join(DELIVERY_SECONDS + 1)

    def _run(self) -> None:
        try:
            self._schema_id = until_available(self._register, self._stop)
            while not self._stop.is_set():
                self._produce_until_broken()
        except Cancelled:
            return
        except Exception as error:
            self._trouble = f"events cannot be sent to Kafka: {error}"
            log.exception("ratings cannot be sent to Kafka at %s", self._servers)

    def _produce_until_broken(self) -> None:
        """Serve the reports of one producer until it is stopped or breaks for good."""
        self._broken.clear()
        timeout_ms = int(DELIVERY_SECONDS * 1000)
        producer = idempotent_producer(self._servers, self._options, timeout_ms)
        self._producer = producer
        try:
            while not (self._stop.is_set() or self._broken.is_set()):
                producer.poll(_POLL_SECONDS)
        finally:
            self._producer, self._trouble = None, "the producer is being replaced"
            producer.flush(DELIVERY_SECONDS)

    def _delivered(
        self, future: "Future[Place]", error: KafkaError | None, message: Message
    ) -> None:
        if error is None:
            partition, offset = message.partition(), message.offset()
            future.set_result(Place(self._topic, int(partition or 0), int(offset or 0)))
            return
        self._note_fatal(error)
        future.set_exception(
            UnavailableError(
                f"the rating is not acknowledged: Kafka at {self._servers}: {error.str()}; "
                "it may still arrive, so send it again"
            )
        )

    def _note_fatal(self, error: KafkaError) -> None:
        """Have a producer replaced that says it can do no more."""
        if error.fatal() or error.code() == KafkaError._FATAL:  # noqa: SLF001 - its public name
            log.warning("Kafka at %s: %s; starting anew", self._servers, error.str())
            self._broken.set()
