"""What the service counts for Prometheus, beside BentoML's own metrics."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from mlproject.core.user_histories import HistoriesStatus


class ServiceMetrics:
    """The service's counters.

    BentoML's workers choose the mode of prometheus_client after they have imported the
    service; so this module is to be imported when the service is made, not before.

    Parameters
    ----------
    registry
        Where they are registered.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.ratings = Counter(
            "tvrec_ratings",
            "Ratings sent to /rate: accepted = durable, refused = a mistake of the client's, "
            "failed = not acknowledged",
            ["outcome"],
            registry=registry,
        )
        self.rate_seconds = Histogram(
            "tvrec_rate_seconds", "Seconds to the answer of /rate", registry=registry
        )
        self.recommendations = Counter(
            "tvrec_recommendations",
            "Requests to /recommend by what was answered: personalized, folded-in, popular, "
            "refused, no_model",
            ["outcome"],
            registry=registry,
        )
        self.model_version = Gauge(
            "tvrec_model_version",
            "The version served; 0: none yet",
            registry=registry,
            multiprocess_mode="livemostrecent",
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
        self.history_passed_over = Gauge(
            "tvrec_history_passed_over",
            "Messages and rows that could not be read since the worker has started",
            registry=registry,
            multiprocess_mode="livemax",
        )

    def show(self, status: HistoriesStatus) -> None:
        """Take over how well histories are known."""
        self.history_lag.set(status.lag_seconds)
        self.history_ratings.labels("files").set(status.ratings)
        self.history_ratings.labels("memory").set(status.live_ratings)
        self.history_passed_over.set(status.passed_over)
