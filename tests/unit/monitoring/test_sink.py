"""A sink that is counted."""

import pytest
from prometheus_client import CollectorRegistry

from mlproject.batches.sink import BatchSink
from mlproject.core.errors import StoreUnavailableError
from mlproject.monitoring.metrics import GeneratorMetrics
from mlproject.monitoring.sink import CountedSink
from mlproject.testing import MemoryStore
from tests.builders import PYARROW_AND_PANDAS, ratings

pytestmark = PYARROW_AND_PANDAS


def counted(store: MemoryStore) -> tuple[CountedSink, CollectorRegistry]:
    registry = CollectorRegistry()
    return CountedSink(BatchSink(store), GeneratorMetrics(registry)), registry


def test_events_count_when_they_are_durable(store: MemoryStore) -> None:
    sink, registry = counted(store)
    sink.append(ratings(7))
    assert registry.get_sample_value("tvrec_events_produced_total") == 0
    assert registry.get_sample_value("tvrec_events_waiting") == 7
    sink.flush()
    assert registry.get_sample_value("tvrec_events_produced_total") == 7
    assert registry.get_sample_value("tvrec_events_waiting") == 0


def test_only_what_becomes_durable_is_recent(store: MemoryStore) -> None:
    sink, registry = counted(store)

    def durable() -> float:
        return registry.get_sample_value("tvrec_events_durable_timestamp_seconds") or 0.0

    start = durable()
    sink.append(ratings(7))
    assert durable() == start
    sink.flush()
    assert durable() > start


def test_a_store_that_is_away_is_a_failure_and_loses_nothing(store: MemoryStore) -> None:
    sink, registry = counted(store)
    sink.append(ratings(7))
    store.broken = True
    with pytest.raises(StoreUnavailableError):
        sink.flush()
    assert registry.get_sample_value("tvrec_events_failures_total") == 1
    store.broken = False
    sink.flush()
    assert registry.get_sample_value("tvrec_events_produced_total") == 7


def test_what_was_durable_before_is_the_place_and_not_produced_now(store: MemoryStore) -> None:
    before, _ = counted(store)
    before.append(ratings(7))
    before.flush()
    sink, registry = counted(store)
    assert sink.position == 7
    assert registry.get_sample_value("tvrec_stream_position") == 7
    assert registry.get_sample_value("tvrec_events_produced_total") == 0
