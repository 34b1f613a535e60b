"""All that a developer writes for a trainer of a new kind; it goes the whole way to an answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pytest
from scipy import sparse

from mlproject.core.histories import Histories
from mlproject.core.interactions import Split
from mlproject.core.model import Arrays, Floats, Rows, Shapes
from mlproject.core.user_ratings import UserRatings
from mlproject.models.kinds import KINDS
from mlproject.serving.recommender import Recommender
from mlproject.training.trainer import Fitted
from tests.unit.pipelines.test_train import Dataset, Place, dataset, history, place

__all__ = ["dataset", "history", "place"]


@dataclass(frozen=True)
class Loved:
    """Scores each show by its mean rating."""

    kind: ClassVar[str] = "loved"
    shapes: ClassVar[Shapes] = {"means": ("float32", ("shows",))}

    means: Floats

    @classmethod
    def of_arrays(cls, arrays: Arrays) -> Self:
        return cls(arrays["means"])

    def arrays(self) -> Arrays:
        return {"means": self.means}

    def scores(self, histories: Histories) -> Floats:
        return np.repeat(self.means[None, :], len(histories), axis=0)

    def similar(self, show_row: int) -> Floats:
        return self.means.copy()

    def support(self, show_rows: Rows, weights: Floats, for_rows: Rows) -> Floats:
        return np.zeros((len(for_rows), len(show_rows)), dtype=np.float32) * weights


@dataclass(frozen=True)
class LovedTrainer:
    """Takes means, drawn to the mean of all by some imagined ratings."""

    name: ClassVar[str] = "loved"
    imagined: int = 10

    @property
    def epochs(self) -> int:
        return 1

    def fit(
        self,
        split: Split,
        metadata: sparse.csr_array,
        half_life_days: float,
        on_epoch: Callable[[int], None],
    ) -> Fitted:
        return Fitted(self.refit(split, metadata, half_life_days, {}, on_epoch))

    def refit(
        self,
        split: Split,
        metadata: sparse.csr_array,
        half_life_days: float,
        found: Mapping[str, float],
        on_epoch: Callable[[int], None],
    ) -> Loved:
        data, known = split.interactions, ~split.held_out
        rows, values = data.show_rows[known], np.nan_to_num(data.ratings[known])
        sums, counts = (
            np.bincount(rows, weights, len(data.shows)) for weights in (values, np.ones(len(rows)))
        )
        on_epoch(1)
        drawn = (sums + self.imagined * values.mean()) / (counts + self.imagined)
        return Loved(drawn.astype(np.float32))


def test_a_new_kind_is_trained_judged_kept_and_served(
    place: Place, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlproject.models.files.KINDS", {**KINDS, Loved.kind: Loved})
    result = place.train(dataset, LovedTrainer(imagined=7))
    assert place.last_run.params["imagined"] == "7"
    assert 0 <= result.metrics["precision_at_5"] <= 1
    assert result.verdict.reason
    version = place.registry.register(result.run_id)
    recommender = Recommender(version.number, place.cache.load(version))
    shows, means = recommender.model.shows.ids, recommender.model.model.arrays()["means"]
    rated = UserRatings(shows[:1], np.array([9], dtype=np.int8))
    (best,) = recommender.recommend(1, rated, 1)["items"]
    assert means[shows == best["show_id"]] == means[1:].max()
