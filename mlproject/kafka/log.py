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
from mlproject.core.errors import TvrecError, UnavailableError
from mlproject.core.events import Place, RatingEvent
from mlproject.core.retry import until_available
from mlproject.events.codec import encode, message_key
from mlproject.kafka.producer import ProducerOptions, idempotent_producer
from mlproject.kafka.refusals import reason

log = logging.getLogger(__name__)

DELIVERY_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.1

INTERACTIVE: Final = ProducerOptions(linger_ms=5, queue_events=10_000)


class KafkaRatingLog:
    """Sends events to a topic, keyed as :class:`~mlproject.kafka.sink` does.

    It can be started while Kafka and the Schema Registry are away, and whatever they
    answer, it tries again until it is closed.

    Parameters
    ----------
    servers
        ``host:port``, several with commas between.
    topic
        Where the events go.
    register
        Returns the id of the current schema, or raises while it is not available.
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
        self._schema_id: int | None = None
        self._producer: Producer | None = None
        self._reason = "the Schema Registry has not answered yet"
        self._stop = threading.Event()
        self._broken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kafka-rating-log", daemon=True)
        self._starting = threading.Lock()

    @property
    def trouble(self) -> str | None:
        """Why no rating can be taken now; None if ratings are taken."""
        if self._stop.is_set():
            return "the service is stopping"
        return self._reason if self._producer is None else None

    def start(self) -> None:
        """Start to ask for the schema's id, and to send."""
        with self._starting:
            if self._thread.ident is None and not self._stop.is_set():
                self._thread.start()

    def append(self, event: RatingEvent) -> "Future[Place]":
        """Queue an event; raise UnavailableError if the queue is full or not there yet."""
        self.start()
        producer, schema_id = self._producer, self._schema_id
        if producer is None or schema_id is None or self._stop.is_set():
            raise UnavailableError(f"the rating was not taken: {self.trouble or self._reason}")
        future: Future[Place] = Future()
        # From here on it cannot be taken back.
        future.set_running_or_notify_cancel()
        try:
            producer.produce(
                self._topic,
                encode(event.record(), schema_id),
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
        with self._starting:
            self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(DELIVERY_SECONDS + 1)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._send_until_broken(until_available(self._opened, self._stop))
            except Cancelled:
                return
            except Exception:  # it must not end the thread
                log.exception("the producer for Kafka at %s is replaced", self._servers)

    def _opened(self) -> Producer:
        """Return a producer; whatever stands in the way is said, and may pass."""
        try:
            if self._schema_id is None:
                self._schema_id = self._register()
            return idempotent_producer(self._servers, self._options, int(DELIVERY_SECONDS * 1000))
        except Exception as error:
            if not isinstance(error, TvrecError):
                log.exception("ratings cannot be sent to Kafka at %s", self._servers)
            self._reason = f"ratings cannot be sent to Kafka: {error}"
            raise UnavailableError(self._reason) from error

    def _send_until_broken(self, producer: Producer) -> None:
        """Serve the reports of one producer until it is stopped or breaks for good."""
        self._broken.clear()
        self._producer = producer
        try:
            while not (self._stop.is_set() or self._broken.is_set()):
                producer.poll(_POLL_SECONDS)
        finally:
            self._producer, self._reason = None, "the producer is being replaced"
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
            log.warning("Kafka at %s: %s; starting again", self._servers, error.str())
            self._broken.set()
