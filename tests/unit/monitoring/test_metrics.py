"""What the processes without a page of their own count."""

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from mlproject.batches.keys import BatchKey
from mlproject.batches.sink import BatchSink
from mlproject.core.cancel import Cancelled
from mlproject.core.catalogue import Catalogue
from mlproject.core.decisions import FOREVER, Action, Decision
from mlproject.core.errors import TrackingUnavailableError
from mlproject.dataset.drift import Drift
from mlproject.monitoring.metrics import BuilderMetrics, ExporterMetrics
from mlproject.pipelines.cycle import Cycle, Trained
from mlproject.pipelines.dataset import Dataset, load_dataset
from mlproject.pipelines.prequential import Online
from mlproject.pipelines.train import TrainResult
from mlproject.registry.gate import Cause, Outcome, Verdict
from mlproject.testing import MemoryStore
from tests.builders import PYARROW_AND_PANDAS, put_catalogue, ratings, version

pytestmark = PYARROW_AND_PANDAS

VERDICT = Verdict(Outcome.KEEP, "it loses", cause=Cause.NOT_BETTER)
MEASURED = {
    "fit_seconds": 2.0,
    "duration_seconds": 5.0,
    "precision_at_5": 0.3,
    "popularity_precision_at_5": 0.1,
    "production_precision_at_5": 0.4,
}


class Told:
    """A registry, asked as Prometheus sees it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = BuilderMetrics(self.registry)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def dataset(store: MemoryStore, catalogue: Catalogue) -> Dataset:
    """Forty ratings; ten events twice, in a batch of their own; and a batch that is broken."""
    put_catalogue(store, catalogue)
    for partition, count in ((0, 40), (1, 10)):
        sink = BatchSink(store, partition=partition)
        sink.append(ratings(count))
        sink.flush()
    store.put(str(BatchKey(2, 0)), b"broken")
    return load_dataset(store)


def cycle(dataset: Dataset, **parts: object) -> Cycle:
    return Cycle("c1", 5, dataset, {"load": 1.0}, **parts)  # type: ignore[arg-type]


def trained(verdict: Verdict = VERDICT) -> Trained:
    result = TrainResult("run", "by time", MEASURED, verdict, "production", None)
    return Trained("lightfm", result)


def test_what_was_read_is_counted_by_what_became_of_it(told: Told, dataset: Dataset) -> None:
    told.metrics.show(cycle(dataset))
    events = {
        outcome: told.value("tvrec_ingest_events_total", outcome=outcome)
        for outcome in ("fresh", "superseded", "rejected")
    }
    assert events == {
        "fresh": len(dataset.state),
        "superseded": 50 - len(dataset.state),
        "rejected": 0,
    }
    assert told.value("tvrec_ingest_batches_total", outcome="read") == 2
    assert told.value("tvrec_ingest_batches_total", outcome="unreadable") == 1
    assert told.value("tvrec_ingest_waiting_events") == 50


def test_event_time_and_arrival_are_two_times(
    told: Told, dataset: Dataset, store: MemoryStore
) -> None:
    before = time.time()
    told.metrics.show(cycle(dataset))
    newest = dataset.interactions.rated_at.max() / 1000
    assert told.value("tvrec_snapshot_newest_event_timestamp_seconds") == newest
    arrived = told.value("tvrec_snapshot_arrival_timestamp_seconds")
    assert arrived is not None
    assert arrived >= before
    told.metrics.show(cycle(load_dataset(store, dataset.state)))
    assert told.value("tvrec_snapshot_arrival_timestamp_seconds") == arrived, "nothing arrived"
    assert told.value("tvrec_ingest_waiting_events") == 0


def test_the_way_through_the_bucket_is_told_until_there_is_more(
    told: Told, dataset: Dataset, store: MemoryStore
) -> None:
    report = replace(dataset.ingested, to_bucket=7.0, in_bucket=30.0)
    told.metrics.show(cycle(replace(dataset, ingested=report)))
    told.metrics.show(cycle(load_dataset(store, dataset.state)))
    assert told.value("tvrec_ingest_to_bucket_seconds") == 7, "of the last batches"
    assert told.value("tvrec_ingest_in_bucket_seconds") == 0, "nothing waited"


def test_a_training_tells_its_time_its_precision_and_its_verdict(
    told: Told, dataset: Dataset
) -> None:
    told.metrics.show(cycle(dataset, trained=[trained()]))

    def precision(whose: str) -> float | None:
        return told.value("tvrec_precision_at_k", trainer="lightfm", whose=whose)

    assert (precision("candidate"), precision("popularity"), precision("production")) == (
        0.3,
        0.1,
        0.4,
    )
    assert precision("reference") is None, "there is none"
    decided = {"trainer": "lightfm", "outcome": "keep", "cause": "not better"}
    assert told.value("tvrec_gate_decisions_total", **decided) == 1
    for stage, spent in (("fit", 2), ("measure", 3)):
        name = "tvrec_cycle_stage_seconds_sum"
        assert told.value(name, stage=stage, trainer="lightfm") == spent


def test_cycles_are_counted_by_outcome(told: Told, dataset: Dataset) -> None:
    def fails() -> None:
        raise TrackingUnavailableError("MLflow is away")

    def cancelled() -> None:
        raise Cancelled

    told.metrics.show(cycle(dataset, trained=[trained()]))
    told.metrics.show(cycle(dataset))
    with pytest.raises(TrackingUnavailableError):
        told.metrics.counted(fails)()
    with pytest.raises(Cancelled):
        told.metrics.counted(cancelled)()
    found = {
        outcome: told.value("tvrec_cycles_total", outcome=outcome)
        for outcome in ("trained", "nothing_new", "failed")
    }
    assert found == {"trained": 1, "nothing_new": 1, "failed": 1}


def test_production_is_as_old_as_its_promotion(told: Told, dataset: Dataset) -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    promoted = version(3, tags={"promoted_at": at.isoformat()})
    told.metrics.show(cycle(dataset, production=promoted))
    assert told.value("tvrec_production_version") == 3
    assert told.value("tvrec_production_changed_timestamp_seconds") == at.timestamp()


def test_a_hold_names_who_and_until_when_until_it_ends(told: Told, dataset: Dataset) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    for end, until in ((FOREVER, "never"), (at, "2026-01-02T03:04+00:00")):
        hold = Decision(at, Action.PROMOTE, 3, 2, "ann", "", by_hand=True, held_until=end)
        told.metrics.show(cycle(dataset, production=version(3), hold=hold))
        assert told.value("tvrec_production_held", by="ann", until=until) == 1
    told.metrics.show(cycle(dataset, production=version(3)))
    assert told.value("tvrec_production_held", by="ann", until=until) is None
    assert told.value("tvrec_production_held", by="", until="") == 0


def test_what_production_foresaw_stays_until_there_is_more(told: Told, dataset: Dataset) -> None:
    found = {"": 0.2, "measured": 0.19, "popularity": 0.1}
    online = Online(3, 5, ratings=9, users=4, unknown_users=0, unknown_shows=0, rating_shift=0)
    for news in (replace(online, precisions=found), replace(online, users=0), None):
        told.metrics.show(cycle(dataset, online=news))
    for whose, expected in found.items():
        name = "tvrec_online_precision_at_k"
        assert told.value(name, whose=whose or "production") == expected
    assert told.value("tvrec_online_users") == 4


def test_the_snapshot_tells_how_far_each_partition_is_read(told: Told, dataset: Dataset) -> None:
    told.metrics.show(cycle(dataset))
    assert told.value("tvrec_snapshot_offset", partition="0") == 40
    assert told.value("tvrec_snapshot_offset", partition="1") == 10


def test_drift_is_told_if_there_is_any(told: Told, dataset: Dataset) -> None:
    told.metrics.show(cycle(dataset))
    assert told.value("tvrec_drift_psi", of="ratings") is None
    told.metrics.show(cycle(dataset, drift=Drift(0.1, 0.2, 0.3)))
    assert told.value("tvrec_drift_psi", of="popularity") == 0.3


def test_exports_are_counted_by_outcome() -> None:
    registry = CollectorRegistry()
    metrics = ExporterMetrics(registry)

    def fails() -> dict[str, object]:
        raise TrackingUnavailableError("away")

    for written in (True, False):
        metrics.counted(lambda written=written: {"shows": 501, "written": written})()  # type: ignore[misc]
    with pytest.raises(TrackingUnavailableError):
        metrics.counted(fails)()
    for outcome in ("written", "unchanged", "failed"):
        name = "tvrec_catalogue_exports_total"
        assert registry.get_sample_value(name, {"outcome": outcome}) == 1
    assert registry.get_sample_value("tvrec_catalogue_shows") == 501
