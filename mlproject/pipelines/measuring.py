"""Measures a candidate beside its rivals, for the gate, the run's metrics and its plots."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mlproject.core import columns as c
from mlproject.core.interactions import Split
from mlproject.core.model import TrainedModel
from mlproject.dataset.features import genre_matrix
from mlproject.models.factors import Factors
from mlproject.pipelines.dataset import Dataset
from mlproject.pipelines.incumbents import Incumbents
from mlproject.registry.gate import Measured, Scores
from mlproject.training import plots
from mlproject.training.evaluation import (
    EvaluateEach,
    Evaluation,
    by_model,
    evaluate_each,
    popular,
)
from mlproject.training.list_quality import list_quality
from mlproject.training.trainer import Fitted


@dataclass(frozen=True, slots=True)
class Measurements:
    """All models on the same part of the holdout."""

    candidate: Evaluation
    popularity: Evaluation
    production: Evaluation | None
    reference: Evaluation | None

    def scores(self) -> Scores:
        """Return what the gate compares."""

        def values(evaluation: Evaluation) -> Measured:
            return Measured(evaluation.precision, evaluation.coverage)

        return Scores(
            candidate=values(self.candidate),
            popularity=values(self.popularity),
            production=values(self.production) if self.production else None,
            reference=values(self.reference) if self.reference else None,
            cold=self.candidate.cold_user,
        )

    def means(self) -> dict[str, float]:
        """Return the averages over the users measured, by the names they are logged under."""
        return {
            **self.candidate.means(),
            **self.candidate.further_means(),
            **self.candidate.slices(),
            **_prefixed("popularity", self.popularity.means() | self.popularity.cold_users()),
            **_prefixed("production", self.production.means() if self.production else {}),
            **_prefixed("reference", self.reference.means() if self.reference else {}),
            "users_measured": len(self.candidate.users),
        }

    def metrics(self, dataset: Dataset, split: Split) -> dict[str, float]:
        """Return what is logged of the run."""
        return {
            **self.means(),
            **list_quality(self.candidate.lists, split, genre_matrix(dataset.catalogue)),
            **dataset.counts(),
            "ratings_held_out": int(split.held_out.sum()),
        }


def measure(
    model: TrainedModel,
    incumbents: Incumbents,
    k: int,
    evaluate: EvaluateEach = evaluate_each,
) -> Measurements:
    """Measure a candidate, popularity and its rivals on what is fair to all of them.

    Parameters
    ----------
    model, incumbents
        Who is measured, and by which split.
    k
        Length of the lists.
    evaluate
        Measures them: by the users of the split, or by more.

    Raises
    ------
    NotEnoughDataError
        If nothing in the holdout is relevant.
    """
    production, reference = incumbents.production, incumbents.reference
    models = [model, *(rival.model for rival in (production, reference) if rival)]
    baseline = partial(popular, model.popularity)
    recommenders = [baseline, *(partial(by_model, one) for one in models)]
    popularity, candidate, *rivals = evaluate(recommenders, incumbents.measured, k)
    return Measurements(
        candidate=candidate,
        popularity=popularity,
        production=rivals[0] if production else None,
        reference=rivals[-1] if reference else None,
    )


def draw(
    folder: Path, fitted: Fitted, model: TrainedModel, measured: Measurements, split: Split
) -> None:
    """Draw a training into a folder, which is made."""
    candidate, popularity = measured.candidate, measured.popularity
    figures = {
        "precision_by_activity": plots.precision_by_activity(candidate, popularity, split),
        "popularity": plots.popularity_of_lists(candidate, popularity, split),
    }
    if fitted.curve:
        figures["learning_curve"] = plots.learning_curve(
            f"precision@{candidate.k}",
            fitted.curve,
            fitted.kept,
            float(popularity.precision.mean()),
        )
    if measured.production:
        figures["against_production"] = plots.against_production(candidate, measured.production)
    if isinstance(model.model, Factors):
        genres = [(card[c.GENRES] or [""])[0] for card in model.cards]
        vectors = model.model.show_vectors.astype("float32")
        figures["map_of_shows"] = plots.map_of_shows(vectors, model.popularity, genres)
    folder.mkdir()
    plots.save(figures, folder)


def _prefixed(whose: str, metrics: Mapping[str, float]) -> dict[str, float]:
    return {f"{whose}_{name}": value for name, value in metrics.items()}
