"""The service's metrics for Prometheus."""

from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from mlproject.core.memory import resident_bytes
from mlproject.core.user_histories import HistoriesStatus, Position

BUCKETS: Final = (0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05)
"""Seconds. An answer takes about one millisecond; a rating waits for the disk or Kafka."""
AGREEMENTS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_OUTCOMES: Final = {4: "refused", 5: "failed"}


class ServiceMetrics:
    """The service's counters.

    BentoML's workers choose the mode of prometheus_client after they have imported the
    service; so this module must be imported when the service is made, not before.

    Parameters
    ----------
    registry
        Where they are registered.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._request_seconds = Histogram(
            "tvrec_request_seconds",
            "Seconds to an answer, by route (other: none of ours), by source (what "
            "recommendations are based on) and by outcome: answered, refused = a mistake of the "
            "client's, failed = ours",
            ["route", "source", "outcome"],
            buckets=BUCKETS,
            registry=registry,
        )
        # To look a child up costs as much as to observe, so each is kept.
        self._children: dict[tuple[str, str, int], Histogram] = {}
        self.model_version = Gauge(
            "tvrec_model_version",
            "The version that a worker serves; 0: none yet",
            registry=registry,
            multiprocess_mode="liveall",
        )
        self.model_loaded = Gauge(
            "tvrec_model_loaded_timestamp_seconds",
            "When a worker took up the version that it serves",
            registry=registry,
            multiprocess_mode="liveall",
        )
        self.swaps = Counter(
            "tvrec_model_swaps",
            "Versions taken up by workers, the first of each worker too",
            registry=registry,
        )
        self.load_failures = Gauge(
            "tvrec_model_load_failures",
            "Times that a version in production could not be loaded, since the workers have "
            "started; it is tried again at each look",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.history_lag = Gauge(
            "tvrec_history_lag_seconds",
            "Seconds since every rating that had been sent was known here",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.history_ratings = Gauge(
            "tvrec_history_ratings",
            "Ratings known: in the files that the workers share, and in this worker's memory",
            ["where"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.history_users = Gauge(
            "tvrec_history_users",
            "Users in the files that the workers share",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.history_bytes = Gauge(
            "tvrec_history_bytes",
            "Bytes of the files that the workers share, of which those are in memory that are read",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.history_offset = Gauge(
            "tvrec_history_offset",
            "Offset after the last event known, by partition: without waiting events, the end of "
            "the topic",
            ["partition"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.history_waiting = Gauge(
            "tvrec_history_waiting_events",
            "Events known to wait in the stream",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.memory = Gauge(
            "tvrec_worker_memory_bytes",
            "Resident memory of a worker, the files that it maps included",
            registry=registry,
            multiprocess_mode="liveall",
        )
        self.history_passed_over = Gauge(
            "tvrec_history_passed_over",
            "Messages and rows that could not be read since the worker has started",
            registry=registry,
            multiprocess_mode="livemax",
        )

        self._shadow_agreement = Histogram(
            "tvrec_shadow_agreement",
            "Share of the shows of an answer that the challenger has too",
            buckets=AGREEMENTS,
            registry=registry,
        )
        self._shadow_seconds = Histogram(
            "tvrec_shadow_seconds",
            "Seconds that the challenger takes to rank, off the path of requests",
            buckets=BUCKETS,
            registry=registry,
        )
        self.exposures_lost = Gauge(
            "tvrec_exposures_lost",
            "Answers that were to be noted and were not, since the worker has started",
            registry=registry,
            multiprocess_mode="livesum",
        )

    def shadowed(self, agreement: float, seconds: float) -> None:
        """Count an answer that the challenger has given too."""
        self._shadow_agreement.observe(agreement)
        self._shadow_seconds.observe(seconds)

    def answered(self, route: str, source: str, status: int, seconds: float) -> None:
        """Count a request.

        Parameters
        ----------
        route
            A template such as ``/shows/{show_id}``: there must be few different ones.
        source
            What recommendations are based on; empty for other routes.
        status
            Of the answer.
        seconds
            It took.
        """
        key = route, source, status // 100
        child = self._children.get(key)
        if child is None:
            outcome = _OUTCOMES.get(status // 100, "answered")
            child = self._children[key] = self._request_seconds.labels(route, source, outcome)
        child.observe(seconds)

    def swapped(self, version: int) -> None:
        """Take over that a worker answers from another version now."""
        self.model_version.set(version)
        self.model_loaded.set_to_current_time()
        self.swaps.inc()

    def show(self, status: HistoriesStatus, position: Position) -> None:
        """Take over how well histories are known, and how far; look at the memory too."""
        self.history_lag.set(status.lag_seconds)
        self.history_ratings.labels("files").set(status.ratings)
        self.history_ratings.labels("memory").set(status.live_ratings)
        self.history_users.set(status.users)
        self.history_bytes.set(status.size)
        self.history_passed_over.set(status.passed_over)
        if status.events_behind is not None:
            self.history_waiting.set(status.events_behind)
        for partition, offset in position.offsets.items():
            self.history_offset.labels(str(partition)).set(offset)
        if (resident := resident_bytes()) is not None:
            self.memory.set(resident)
