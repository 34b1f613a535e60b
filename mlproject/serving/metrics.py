"""What the service counts for Prometheus, beside BentoML's own metrics."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram


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
            "Requests to /recommend by what was answered: personalized, popular, refused, no_model",
            ["outcome"],
            registry=registry,
        )
        self.model_version = Gauge(
            "tvrec_model_version",
            "The version served; 0: none yet",
            registry=registry,
            multiprocess_mode="livemostrecent",
        )
