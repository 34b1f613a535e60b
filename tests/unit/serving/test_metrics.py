"""What the service tells of itself."""

from prometheus_client import CollectorRegistry

from mlproject.core.user_histories import HistoriesStatus, Position
from mlproject.serving.metrics import ServiceMetrics

STATUS = HistoriesStatus(
    is_loaded=True,
    trouble="",
    lag_seconds=0.5,
    events_behind=7,
    ratings=100,
    users=10,
    live_ratings=3,
    passed_over=1,
    size=2900,
)


def test_histories_tell_whom_they_know_how_far_and_what_they_take() -> None:
    registry = CollectorRegistry()
    ServiceMetrics(registry).show(STATUS, Position(2, {0: 40, 1000: 5}))

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"tvrec_history_{name}", labels)

    assert (value("ratings", where="files"), value("ratings", where="memory")) == (100, 3)
    assert (value("users"), value("bytes"), value("waiting_events")) == (10, 2900, 7)
    assert (value("offset", partition="0"), value("offset", partition="1000")) == (40, 5)
