"""What the processes without a web page of their own count: builder, generator, exporter.

Times are timestamps, so that a process that hangs cannot make them look young; a query takes
them from ``time()``. The service's metrics are in :mod:`mlproject.serving.metrics`.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from mlproject.core.cancel import Cancelled
from mlproject.core.decisions import FOREVER

# For types only: the generator has nothing that trains.
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlproject.core.decisions import Decision
    from mlproject.pipelines.cycle import Cycle, Trained

# A cycle takes from a fraction of a second to minutes.
_SECONDS: Final = (0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1800)
_RIVALS: Final = ("popularity", "production", "reference")


class BuilderMetrics:
    """The model builder's.

    Parameters
    ----------
    registry
        Where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        ProcessCollector(registry=registry)
        self.cycles = Counter(
            "tvrec_cycles",
            "Cycles by outcome: trained, nothing_new, failed",
            ["outcome"],
            registry=registry,
        )
        for outcome in ("trained", "nothing_new", "failed"):
            self.cycles.labels(outcome)
        self.cycle_ended = Gauge(
            "tvrec_cycle_ended_timestamp_seconds",
            "When a cycle last succeeded; at first: the start",
            registry=registry,
        )
        self.cycle_ended.set_to_current_time()
        self.stage_seconds = Histogram(
            "tvrec_cycle_stage_seconds",
            "Seconds of a stage of a cycle: load (ingest, merge with the catalogue), drift and "
            "foresee (production on what is new), and fit and measure (with logging) of each "
            "trainer",
            ["stage", "trainer"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.ingested = Counter(
            "tvrec_ingest_events",
            "Events read from batches: fresh = new in the snapshot, superseded = a repeat or older "
            "than what is there, rejected = rows set aside in quarantine",
            ["outcome"],
            registry=registry,
        )
        self.batches = Counter(
            "tvrec_ingest_batches",
            "Batches: read, unreadable = marked in quarantine",
            ["outcome"],
            registry=registry,
        )
        for outcome in ("fresh", "superseded", "rejected"):
            self.ingested.labels(outcome)
        for outcome in ("read", "unreadable"):
            self.batches.labels(outcome)
        self.waited = Gauge(
            "tvrec_ingest_waiting_events",
            "Events that waited between bucket and snapshot when the last cycle began",
            registry=registry,
        )
        self.to_bucket = Gauge(
            "tvrec_ingest_to_bucket_seconds",
            "From the topic into the bucket: seconds from the newest rating of a batch (event "
            "time) until the batch was written (arrival), the most of the batches that were last "
            "read; of a replayed file, and of the simulation's past, it is their age",
            registry=registry,
        )
        self.in_bucket = Gauge(
            "tvrec_ingest_in_bucket_seconds",
            "From the bucket into the snapshot: seconds that a batch lay in the bucket (arrival), "
            "the most of those read by the last cycle; 0: none waited",
            registry=registry,
        )
        self.newest_event = Gauge(
            "tvrec_snapshot_newest_event_timestamp_seconds",
            "Event time: when the newest rating of the snapshot was given",
            registry=registry,
        )
        self.newest_arrival = Gauge(
            "tvrec_snapshot_arrival_timestamp_seconds",
            "Arrival: when the snapshot last took new events; at first: the start",
            registry=registry,
        )
        self.newest_arrival.set_to_current_time()
        self.generation = Gauge(
            "tvrec_snapshot_generation", "How often the snapshot was switched", registry=registry
        )
        self.offset = Gauge(
            "tvrec_snapshot_offset",
            "Offset after the last event of the snapshot, by partition; what tvrec_history_offset "
            "is ahead is on its way from the topic through the bucket",
            ["partition"],
            registry=registry,
        )
        self.known = Gauge(
            "tvrec_snapshot_known_ratio",
            "Share of the ratings whose show the catalogue knows",
            registry=registry,
        )
        self.dataset = Gauge(
            "tvrec_dataset_size",
            "What there is to train on: ratings, users, shows",
            ["of"],
            registry=registry,
        )
        self.precision = Gauge(
            "tvrec_precision_at_k",
            "Precision@k on the last holdout, of the candidate and of its rivals: popularity, "
            "production, reference",
            ["trainer", "whose"],
            registry=registry,
        )
        self.online = Gauge(
            "tvrec_online_precision_at_k",
            "Precision@k on what had just arrived and nobody had learned: of what is in "
            "production, of it as it was measured, and of popularity",
            ["whose"],
            registry=registry,
        )
        self.online_users = Gauge(
            "tvrec_online_users",
            "Users of tvrec_online_precision_at_k: with few it is chance",
            registry=registry,
        )
        self.decisions = Counter(
            "tvrec_gate_decisions",
            "Decisions of the gate: outcome (promote, keep, hold) and cause (unfit, first, better, "
            "not better, due, too costly, too good)",
            ["trainer", "outcome", "cause"],
            registry=registry,
        )
        self.production = Gauge(
            "tvrec_production_version", "The version in production; 0: none", registry=registry
        )
        self.production_changed = Gauge(
            "tvrec_production_changed_timestamp_seconds",
            "When the version in production got there",
            registry=registry,
        )
        self.held = Gauge(
            "tvrec_production_held",
            "1 while a person holds what is in production, so that the builder may not replace it; "
            "until: when that ends, never = when it is released",
            ["by", "until"],
            registry=registry,
        )
        self.drift = Gauge(
            "tvrec_drift_psi",
            "Population stability index of the newest fifth of the ratings against the rest: of "
            "ratings, activity, popularity; over 0.25 is a large change",
            ["of"],
            registry=registry,
        )

    def counted(self, build: Callable[[], object]) -> Callable[[], None]:
        """Return ``build`` with its failures counted; they go on their way."""

        def counting() -> None:
            try:
                build()
            except Cancelled:
                raise
            except Exception:
                self.cycles.labels("failed").inc()
                raise

        return counting

    def show(self, cycle: Cycle) -> None:
        """Record the result of a cycle."""
        now = time.time()
        self.cycles.labels("trained" if cycle.trained else "nothing_new").inc()
        self.cycle_ended.set(now)
        for stage, spent in cycle.seconds.items():
            self.stage_seconds.labels(stage, "").observe(spent)
        self._show_data(cycle, now)
        for trained in cycle.trained:
            self._show_training(trained, cycle.k)
        self._show_hold(cycle.hold)
        if cycle.online and cycle.online.precisions:
            self.online_users.set(cycle.online.users)
            for whose, value in cycle.online.precisions.items():
                self.online.labels(whose or "production").set(value)
        self.production.set(cycle.production.number if cycle.production else 0)
        promoted = cycle.production.tags.get("promoted_at") if cycle.production else None
        if promoted:
            self.production_changed.set(datetime.fromisoformat(promoted).timestamp())

    def _show_hold(self, hold: Decision | None) -> None:
        # Of who held it before nothing must be left.
        self.held.clear()
        if hold is None:
            self.held.labels("", "").set(0)
        else:
            end = hold.held_until
            until = end.isoformat(timespec="minutes") if end and end != FOREVER else "never"
            self.held.labels(hold.by, until).set(1)

    def _show_data(self, cycle: Cycle, now: float) -> None:
        data, report = cycle.dataset, cycle.dataset.ingested
        read = report.read
        self.ingested.labels("fresh").inc(report.fresh)
        self.ingested.labels("superseded").inc(report.superseded)
        self.ingested.labels("rejected").inc(read.rejected)
        self.batches.labels("read").inc(read.batches)
        self.batches.labels("unreadable").inc(read.unreadable)
        self.waited.set(read.events)
        self.in_bucket.set(report.in_bucket)
        if read.events:
            self.to_bucket.set(report.to_bucket)
        if report.fresh:
            self.newest_arrival.set(now)
        if len(data.interactions):
            self.newest_event.set(float(data.interactions.rated_at.max()) / 1000)
        self.generation.set(report.generation)
        for partition, offset in report.offsets.items():
            self.offset.labels(str(partition)).set(offset)
        self.known.set(data.known_share)
        self.dataset.labels("ratings").set(len(data.interactions))
        self.dataset.labels("users").set(len(data.interactions.users))
        self.dataset.labels("shows").set(len(data.catalogue))
        if cycle.drift:
            for name in ("ratings", "activity", "popularity"):
                self.drift.labels(name).set(getattr(cycle.drift, name))

    def _show_training(self, trained: Trained, k: int) -> None:
        trainer, result = trained.trainer, trained.result
        metrics, name = result.metrics, f"precision_at_{k}"
        fit = metrics["fit_seconds"]
        self.stage_seconds.labels("fit", trainer).observe(fit)
        self.stage_seconds.labels("measure", trainer).observe(metrics["duration_seconds"] - fit)
        self.precision.labels(trainer, "candidate").set(metrics[name])
        for rival in _RIVALS:
            if f"{rival}_{name}" in metrics:
                self.precision.labels(trainer, rival).set(metrics[f"{rival}_{name}"])
        verdict = result.verdict
        cause = verdict.cause.value if verdict.cause else ""
        self.decisions.labels(trainer, verdict.outcome.value, cause).inc()


class GeneratorMetrics:
    """The event generator's.

    Parameters
    ----------
    registry
        Where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        ProcessCollector(registry=registry)
        self.produced = Counter(
            "tvrec_events_produced",
            "Events that are durable: in Kafka, or in a batch object",
            registry=registry,
        )
        self.failures = Counter(
            "tvrec_events_failures",
            "Times that Kafka or the store did not take events, which then wait in memory",
            registry=registry,
        )
        self.waiting = Gauge(
            "tvrec_events_waiting", "Events taken over that are not durable yet", registry=registry
        )
        self.position = Gauge(
            "tvrec_stream_position", "Durable events since the stream began", registry=registry
        )
        self.durable = Gauge(
            "tvrec_events_durable_timestamp_seconds",
            "When events last became durable; at first: the start",
            registry=registry,
        )
        self.durable.set_to_current_time()


class ExporterMetrics:
    """The data exporter's.

    Parameters
    ----------
    registry
        Where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        ProcessCollector(registry=registry)
        self.exports = Counter(
            "tvrec_catalogue_exports",
            "Exports of the catalogue by outcome: written, unchanged, failed",
            ["outcome"],
            registry=registry,
        )
        for outcome in ("written", "unchanged", "failed"):
            self.exports.labels(outcome)
        self.shows = Gauge(
            "tvrec_catalogue_shows", "Shows of the catalogue in the store", registry=registry
        )
        self.exported = Gauge(
            "tvrec_catalogue_exported_timestamp_seconds",
            "When the catalogue was last compared with its source; at first: the start",
            registry=registry,
        )
        self.exported.set_to_current_time()

    def counted(self, export: Callable[[], Mapping[str, Any]]) -> Callable[[], object]:
        """Return ``export`` with its outcomes counted.

        Parameters
        ----------
        export
            Returns the fields of an :class:`~mlproject.pipelines.export_shows.ExportResult`.
        """

        def counting() -> object:
            try:
                result = export()
            except Cancelled:
                raise
            except Exception:
                self.exports.labels("failed").inc()
                raise
            self.exports.labels("written" if result["written"] else "unchanged").inc()
            self.shows.set(result["shows"])
            self.exported.set(time.time())
            return result

        return counting
