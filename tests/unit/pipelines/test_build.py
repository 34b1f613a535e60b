"""The builder: a training whenever there is something new."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlproject.batches.sink import BatchSink
from mlproject.core.aliases import CHALLENGER, PRODUCTION
from mlproject.core.cancel import Cancelled
from mlproject.core.catalogue import Catalogue
from mlproject.core.errors import CatalogueError, TrackingUnavailableError
from mlproject.events.simulator import Simulator
from mlproject.models.cache import ModelCache
from mlproject.pipelines.build import BUILDER, Builder
from mlproject.pipelines.cycle import Cycle
from mlproject.pipelines.dataset import load_dataset
from mlproject.pipelines.decide import put_into_production
from mlproject.pipelines.train import TrainParams, TrainResult
from mlproject.registry.gate import Rules
from mlproject.testing import MemoryRegistry, MemoryStore
from mlproject.tracing import Tracing
from mlproject.training.lightfm import LightFMTrainer
from mlproject.training.linear import LinearTrainer
from mlproject.training.trainer import Trainer
from tests.builders import PYARROW_AND_PANDAS, put_catalogue, shows
from tests.collector import attributes, collecting
from tests.logged import messages, records

pytestmark = PYARROW_AND_PANDAS

TRAINER = LightFMTrainer(
    dimensions=2,
    epochs=2,
    learning_rate=0.05,
    max_sampled=10,
    l2=0.0,
    fewest_raters=1,
    patience=2,
    seconds=60,
    threads=1,
    seed=1,
)
PARAMS = TrainParams(
    seed=1,
    half_life_days=90,
    holdout=0.2,
    split="auto",
    k=5,
    rules=Rules(),
)


@dataclass
class Place:
    """A builder, and the store from which it trains."""

    store: MemoryStore
    registry: MemoryRegistry
    builder: Builder
    catalogue: Catalogue
    epochs: list[int] = field(default_factory=list)
    stop: bool = False

    def rate(self, ratings: int) -> None:
        """Bring the store to that many ratings."""
        source = Simulator(
            self.catalogue,
            users=60,
            ratings=5000,
            seed=1,
            now=lambda: datetime(2025, 1, 1, tzinfo=UTC),
        )
        sink = BatchSink(self.store)
        sink.append(source.read(sink.position, ratings - sink.position))
        sink.flush()

    def statuses(self) -> list[str]:
        return [run.status for run in self.registry.kept_runs]


@pytest.fixture
def place(tmp_path: Path, store: MemoryStore) -> Place:
    registry = MemoryRegistry(tmp_path / "registry")
    builder = Builder(
        store,
        registry,
        ModelCache(tmp_path / "cache", registry.download),
        {PRODUCTION: [TRAINER]},
        PARAMS,
        tags={"noted": "by the test"},
    )
    made = Place(store, registry, builder, shows(50))

    @contextmanager
    def show_progress(_: Trainer) -> Iterator[object]:
        yield made.epochs.append

    builder.show_progress = show_progress
    builder.should_stop = lambda: made.stop
    put_catalogue(store, made.catalogue)
    made.rate(1500)
    return made


def test_it_trains_once_on_the_same_data(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    (first,) = place.builder.build()
    assert first.run_id in {run.run_id for run in place.registry.runs(9)}
    assert place.builder.build() == []
    assert place.statuses() == ["FINISHED"]
    assert messages(caplog)[-1].endswith("; nothing new to train on")


def test_a_cycle_and_its_stages_are_told_as_spans(place: Place) -> None:
    with collecting() as collector:
        tracing = Tracing.to(collector.address, "model-builder")
        place.builder.span = tracing.span
        (result,) = place.builder.build()
        tracing.close()
    cycle, *stages = sorted(collector.spans, key=lambda span: span.start_time_unix_nano)
    assert [stage.name for stage in stages] == ["load", "drift", "foresee", "train"]
    assert {stage.parent_span_id for stage in stages} == {cycle.span_id}
    (run,) = place.registry.kept_runs
    assert attributes(cycle) == {
        f"tvrec.{name}": run.tags[name] for name in ("cycle", "snapshot", "offsets")
    }
    assert attributes(stages[-1]) == {
        "tvrec.trainer": "lightfm",
        "tvrec.run_id": run.run_id,
        "tvrec.outcome": result.verdict.outcome.value,
    }


def test_it_trains_again_on_new_ratings(place: Place) -> None:
    place.builder.build()
    place.rate(1600)
    (again,) = place.builder.build()
    assert again.metrics["ratings"] > place.registry.kept_runs[0].metrics["ratings"]


def test_it_goes_on_from_its_last_fit_and_every_so_often_from_nothing(place: Place) -> None:
    """Of the chain, each run names the one before; others begin anew."""
    other = Builder(
        place.store,
        place.registry,
        place.builder.cache,
        {PRODUCTION: [TRAINER]},
        replace(PARAMS, split="random"),  # whose slice has users enough to tell
        cold_every=3,
    )
    for ratings in (1500, 1600, 1700, 1800):
        place.rate(ratings)
        other.build()
    runs = place.registry.kept_runs
    how = [run.tags["start"].partition(":")[0] for run in runs]
    assert how == ["cold", "warm", "warm", "cold"]
    assert [f" lightfm {one} +" in run.name for one, run in zip(how, runs, strict=True)] == [
        True
    ] * 4
    assert [run.tags["start_run"] for run in runs] == ["", runs[0].run_id, runs[1].run_id, ""]
    assert runs[3].tags["start"] == "cold: one of 3 is"


def promote_the_last(place: Place) -> None:
    run = place.registry.kept_runs[-1]
    version = place.registry.register(run.run_id)
    put_into_production(place.registry, version.number, by="hand", reason="to see")


def built_and_promoted(place: Place) -> TrainResult:
    (result,) = place.builder.build()
    if not result.version:
        promote_the_last(place)
    return result


def test_what_has_arrived_measures_production_before_anybody_learns(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    first = built_and_promoted(place)
    assert not [name for name in first.metrics if name.startswith("online_")]
    place.rate(2000)
    (second,) = place.builder.build()
    new = second.metrics["ratings"] - first.metrics["ratings"]
    assert second.metrics["online_ratings"] == new > 100
    assert 0 < second.metrics["online_precision_at_5"] < 1
    assert second.metrics["online_unknown_shows_share"] == 0
    line = next(line for line in caplog.messages if "before anybody learns" in line)
    assert line.startswith(f"{new:,.0f} new ratings")
    assert f"version 1 {second.metrics['online_precision_at_5']:.4f}" in line


def test_a_builder_that_begins_anew_asks_the_snapshot_what_is_new(place: Place) -> None:
    first = built_and_promoted(place)
    place.rate(2000)
    other = Builder(
        place.store, place.registry, place.builder.cache, {PRODUCTION: [TRAINER]}, PARAMS
    )
    (second,) = other.build()
    new = second.metrics["ratings"] - first.metrics["ratings"]
    assert second.metrics["online_ratings"] == new > 100


def test_what_somebody_else_may_have_trained_on_measures_nothing(place: Place) -> None:
    place.builder.build()
    place.rate(2000)
    other = Builder(
        place.store, place.registry, place.builder.cache, {PRODUCTION: [TRAINER]}, PARAMS
    )
    other.build()
    promote_the_last(place)
    (ours,) = place.builder.build()
    assert "online_ratings" not in ours.metrics


def test_it_trains_again_on_new_shows(place: Place) -> None:
    place.builder.build()
    put_catalogue(place.store, shows(51))
    assert len(place.builder.build()) == 1


def test_each_trainer_of_a_cycle_competes_for_its_alias(place: Place) -> None:
    linear = LinearTrainer(neighbours=10, ridge=3, dropout=0.2, prior=1, fewest_raters=2, seed=1)
    place.builder.competitors = {PRODUCTION: [TRAINER], CHALLENGER: [linear]}
    ours, theirs = place.builder.build()
    assert (ours.alias, theirs.alias) == (PRODUCTION, CHALLENGER)
    trainers = [run.params["trainer"] for run in place.registry.kept_runs]
    assert trainers == ["lightfm", "linear"]
    held_out = {run.metrics["ratings_held_out"] for run in place.registry.kept_runs}
    assert len(held_out) == 1, "both on the same holdout"
    assert theirs.version is None or "production" not in theirs.version.aliases


def test_a_dataset_from_elsewhere_is_left_at_the_end_of_the_cycle(place: Place) -> None:
    open_now: list[str] = []

    @contextmanager
    def load() -> Iterator[object]:
        open_now.append("session")
        yield load_dataset(place.store), {PRODUCTION: [TRAINER]}
        assert [run.status for run in place.registry.kept_runs] == ["FINISHED"]
        open_now.pop()

    place.builder.competitors = {}
    place.builder.load = load
    assert len(place.builder.build()) == 1
    assert open_now == []
    assert place.builder.build() == []


def test_its_runs_say_who_trained(place: Place) -> None:
    place.builder.build()
    (run,) = place.registry.runs(9)
    assert (run.tags["trained_by"], run.tags["noted"]) == (BUILDER, "by the test")


def test_progress_is_shown_for_a_training_and_for_nothing_else(place: Place) -> None:
    place.builder.build()
    assert place.epochs == [1, 2, 2], "the fit on the whole training part ends at full length"
    place.builder.build()
    assert place.epochs == [1, 2, 2], "the fit on the whole training part ends at full length"


def test_one_line_tells_the_story_of_a_cycle(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (result,) = place.builder.build()
    became = "version 1 is in production" if result.version else "kept"
    (line,) = messages(caplog)
    assert "1,500 new events make " in line
    assert line.endswith(f": {became} ({result.verdict.reason})")


def test_the_line_of_a_cycle_leads_to_its_runs(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (result,) = place.builder.build()
    (record,) = map(vars, records(caplog))
    (run,) = record["runs"]
    assert run["run_id"] == result.run_id
    assert place.registry.kept_runs[0].tags["cycle"] == record["cycle"]
    json.dumps({name: record[name] for name in ("cycle", "runs", "seconds", "production")})


def test_a_run_says_how_far_the_stream_was_read(place: Place) -> None:
    """So an event, whose partition and offset its sender was told, is found in its runs."""
    place.builder.build()
    place.rate(1600)
    place.builder.build()
    told = [run.tags for run in place.registry.kept_runs]
    assert [json.loads(tags["offsets"]) for tags in told] == [{"0": 1500}, {"0": 1600}]
    assert [tags["snapshot"] for tags in told] == ["1", "2"]


def test_each_cycle_is_handed_on(place: Place) -> None:
    cycles: list[Cycle] = []
    place.builder.on_cycle = cycles.append
    place.builder.build()
    place.builder.build()
    first, second = cycles
    assert len(first.trained) == 1
    assert first.drift
    assert (len(second.trained), second.dataset.ingested.read.events) == (0, 0)
    assert first.cycle_id != second.cycle_id


def test_runs_that_a_killed_builder_left_open_are_ended(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.builder.build()
    left = replace(place.registry.kept_runs[0], run_id="left", status="RUNNING")
    place.registry.kept_runs.append(left)
    assert place.builder.build() == []
    assert place.statuses() == ["FINISHED", "KILLED"]
    assert "ended 1 runs that were left open" in caplog.messages


def test_while_mlflow_is_away_nothing_is_trained(place: Place) -> None:
    place.registry.failure = TrackingUnavailableError("MLflow does not answer")
    with pytest.raises(TrackingUnavailableError):
        place.builder.build()
    assert place.epochs == []
    place.registry.failure = None
    assert len(place.builder.build()) == 1


def test_a_build_in_which_mlflow_goes_away_is_made_again(place: Place) -> None:
    @contextmanager
    def goes_away(_: Trainer) -> Iterator[object]:
        def down(_: int) -> None:
            place.registry.failure = TrackingUnavailableError("MLflow does not answer")

        yield down

    shown, place.builder.show_progress = place.builder.show_progress, goes_away
    with pytest.raises(TrackingUnavailableError):
        place.builder.build()
    place.registry.failure, place.builder.show_progress = None, shown
    assert place.statuses() == ["RUNNING"]
    assert len(place.builder.build()) == 1
    assert place.statuses() == ["KILLED", "FINISHED"]


def test_a_build_that_is_cancelled_ends_its_run_and_is_made_again(place: Place) -> None:
    place.stop = True
    with pytest.raises(Cancelled):
        place.builder.build()
    assert place.epochs == [1]
    assert place.statuses() == ["KILLED"]
    place.stop = False
    assert len(place.builder.build()) == 1


def test_without_data_it_says_so_and_opens_no_run(place: Place) -> None:
    place.store.objects.clear()
    with pytest.raises(CatalogueError, match="`tvrec export-shows` puts one there"):
        place.builder.build()
    assert place.statuses() == []
