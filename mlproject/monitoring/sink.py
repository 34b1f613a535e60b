"""A sink of ratings that is counted."""

import time

from mlproject.core.errors import UnavailableError
from mlproject.core.ports import RatingSink
from mlproject.core.ratings import RatingFrame
from mlproject.monitoring.metrics import GeneratorMetrics


class CountedSink:
    """Counts what becomes durable, what waits and what was refused.

    Parameters
    ----------
    sink
        Sends the events.
    metrics
        Where it is counted.
    """

    def __init__(self, sink: RatingSink, metrics: GeneratorMetrics) -> None:
        self._sink = sink
        self._metrics = metrics
        self._durable = self._taken = sink.position
        metrics.position.set(sink.position)

    @property
    def position(self) -> int:
        """How many events are durable."""
        return self._sink.position

    def append(self, ratings: RatingFrame) -> None:
        """Take events over."""
        self._taken += len(ratings)
        try:
            self._sink.append(ratings)
        except UnavailableError:
            self._metrics.failures.inc()
            raise
        finally:
            self._show()

    def flush(self) -> None:
        """Make every event taken over durable before returning."""
        try:
            self._sink.flush()
        except UnavailableError:
            self._metrics.failures.inc()
            raise
        finally:
            self._show()

    def _show(self) -> None:
        position = self._sink.position
        if position > self._durable:
            self._metrics.produced.inc(position - self._durable)
            self._metrics.durable.set(time.time())
            self._durable = position
        self._metrics.position.set(position)
        self._metrics.waiting.set(max(self._taken - position, 0))
