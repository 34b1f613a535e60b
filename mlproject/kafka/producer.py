"""The idempotent producer that everything here sends by."""

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import KafkaException, Producer

from mlproject.core.errors import ConfigError
from mlproject.kafka.refusals import refused_options

_REPEAT_S: Final = 60.0
_REMEMBERED_LINES: Final = 100


@dataclass(frozen=True, slots=True)
class ProducerOptions:
    """How events are buffered and sent.

    Parameters
    ----------
    compression
        ``none``, ``gzip``, ``snappy``, ``lz4`` or ``zstd``, which sends a quarter less
        than ``lz4`` at the same speed (``benchmarks/bench_kafka_sink.py``).
    linger_ms
        Milliseconds that an event may wait for others to share its request.
    queue_events, queue_kib
        Bounds of what waits in memory, in events and in KiB of keys and values; an event
        is about 60 bytes, so the first is met first.
    flush_timeout_s
        Seconds after which a flush gives up; Kubernetes kills after 30.
    properties
        Further librdkafka properties, such as those of SASL and TLS; they are never
        logged. Names:
        https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
    """

    compression: str = "zstd"
    linger_ms: float = 50
    queue_events: int = 100_000
    queue_kib: int = 65_536
    flush_timeout_s: float = 20
    properties: Mapping[str, Any] = field(default_factory=dict, repr=False)


def idempotent_producer(servers: str, options: ProducerOptions, timeout_ms: int) -> Producer:
    """Return a producer that neither repeats nor reorders; it connects by itself.

    Parameters
    ----------
    servers
        ``host:port``, several with commas between.
    options
        How events are buffered and sent.
    timeout_ms
        Milliseconds after which an event that is not acknowledged counts as refused.

    Raises
    ------
    ConfigError
        If librdkafka refuses the options.
    """
    fixed = {
        "bootstrap.servers": servers,
        "acks": "all",
        "enable.idempotence": True,
        "message.timeout.ms": timeout_ms,
        # As Java clients do it, so that a user's partition is the same from any.
        "partitioner": "murmur2_random",
        "compression.type": options.compression,
        "linger.ms": options.linger_ms,
        "queue.buffering.max.messages": options.queue_events,
        "queue.buffering.max.kbytes": options.queue_kib,
        "logger": _vendor_logger(),
    }
    clashing = sorted(fixed.keys() & options.properties.keys())
    if clashing:
        raise ConfigError(
            f"TVREC_KAFKA_PROPERTIES may not have {', '.join(clashing)}: tvrec sets these itself"
        )
    try:
        return Producer({"client.id": "tvrec", **options.properties, **fixed})
    except KafkaException as error:
        raise refused_options(error) from error


class _OncePerMinute(logging.Filter):
    """Lets a line through once in a minute: librdkafka repeats some twenty times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        # What follows, "(after 3ms in state CONNECT, 2 identical errors suppressed)", varies.
        line = record.getMessage().partition(" (after ")[0]
        if record.created - self._last.get(line, -math.inf) < _REPEAT_S:
            return False
        if len(self._last) > _REMEMBERED_LINES:
            self._last.clear()
        self._last[line] = record.created
        return True


_ONCE: Final = _OncePerMinute()


def _vendor_logger() -> logging.Logger:
    vendor = logging.getLogger(f"{__name__}.librdkafka")
    # A filter that is there already is not added again.
    vendor.addFilter(_ONCE)
    return vendor
