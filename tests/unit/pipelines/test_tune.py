"""A search never sees the holdout, keeps its trials, and ends in time."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from mlproject.batches.sink import BatchSink
from mlproject.core.cancel import Cancelled
from mlproject.core.errors import NotEnoughDataError, TrainingError
from mlproject.dataset.split import SplitKind, hold_out
from mlproject.events.simulator import Simulator
from mlproject.pipelines.dataset import Dataset, load_dataset
from mlproject.pipelines.tune import METRIC, Budget, Tuned, tune
from mlproject.testing import MemoryRegistry, MemoryStore
from mlproject.training.linear import LinearTrainer
from mlproject.training.trainer import Fitted
from tests.builders import put_catalogue, shows

TRAINER = LinearTrainer(neighbours=10, ridge=3, dropout=0.2, prior=None, fewest_raters=2, seed=1)

Search = Callable[..., Tuned]


def stored(ratings: int) -> Dataset:
    store = MemoryStore()
    put_catalogue(store, shows(50))
    now = datetime(2025, 1, 1, tzinfo=UTC)
    source = Simulator(shows(50), users=300, ratings=ratings, seed=2, now=lambda: now)
    sink = BatchSink(store)
    sink.append(source.read(0, ratings))
    sink.flush()
    return load_dataset(store)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return stored(5000)


@pytest.fixture
def registry(tmp_path: Path) -> MemoryRegistry:
    return MemoryRegistry(tmp_path / "registry")


@pytest.fixture
def search(registry: MemoryRegistry, tmp_path: Path, dataset: Dataset) -> Search:
    def run(data: Dataset = dataset, *, trials: int = 2, **options: object) -> Tuned:
        given = {"seconds": 600.0, "seed": 1, "split": "auto", **options}
        return tune(
            data,
            registry,
            TRAINER,
            tmp_path / "tuning",
            Budget(trials, given.pop("seconds")),
            holdout=0.2,
            by="a test",
            tags={"more": "to note"},
            **given,
        )

    return run


def test_each_trial_is_a_run_below_the_searchs(search: Search, registry: MemoryRegistry) -> None:
    found = search()
    parent, *trials = registry.kept_runs
    assert (parent.name, [run.name for run in trials]) == (
        "tune linear",
        ["linear trial 0", "linear trial 1"],
    )
    assert {run.parent for run in trials} == {parent.run_id}
    assert {run.status for run in registry.kept_runs} == {"FINISHED"}
    assert parent.metrics[METRIC] == max(run.metrics[METRIC] for run in trials)
    assert found.tried[0].precision == parent.metrics[METRIC]
    assert trials[0].params["neighbours"] == "10", "the settings of now are the first"
    assert parent.tags["best_ridge"] == str(found.tried[0].settings["ridge"])
    assert found.popularity == parent.metrics["validation_popularity_precision_at_10"] > 0


def test_the_next_call_goes_on(search: Search) -> None:
    search()
    found = search(trials=1)
    assert (len(found.tried), found.now) == (3, 1)


@pytest.mark.parametrize("kind", ["time", "random"])
def test_what_is_held_out_changes_nothing(
    search: Search, dataset: Dataset, kind: SplitKind
) -> None:
    """With every rating of the holdout turned round, the figures are the same to the bit."""
    split, _ = hold_out(dataset.interactions, share=0.2, seed=1, kind=kind)
    turned = np.where(split.held_out, 11 - split.interactions.ratings, split.interactions.ratings)
    other = replace(
        dataset,
        interactions=replace(split.interactions, ratings=turned.astype(np.float32)),
        digest="of other ratings",
    )
    one, two = (search(data, trials=2, split=kind) for data in (dataset, other))
    assert [each.precision for each in one.tried] == [each.precision for each in two.tried]
    assert one.popularity == two.popularity


def test_no_trial_is_begun_after_the_time(search: Search) -> None:
    found = search(trials=5, seconds=0.0)
    assert (found.tried, found.now) == ([], 0)


def test_a_fit_that_fails_is_a_trial_without_a_figure(
    search: Search, registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = LinearTrainer.fit

    def sometimes(self: LinearTrainer, *args: object) -> Fitted:
        if self == TRAINER:
            raise TrainingError("the weights are not finite")
        return fit(self, *args)

    monkeypatch.setattr(LinearTrainer, "fit", sometimes)
    found = search()
    assert [each.number for each in found.tried] == [1]
    assert registry.kept_runs[1].tags["reason"] == "the weights are not finite"


def test_it_can_be_stopped_and_keeps_what_it_has(search: Search, registry: MemoryRegistry) -> None:
    done: list[int] = []
    with pytest.raises(Cancelled):
        search(trials=3, on_trial=done.append, should_stop=lambda: bool(done))
    assert [run.status for run in registry.kept_runs] == ["KILLED", "FINISHED", "KILLED"]
    assert len(search(trials=1).tried) == 2


def test_too_few_users_are_said(search: Search) -> None:
    with pytest.raises(NotEnoughDataError, match="more ratings are needed"):
        search(stored(150))
