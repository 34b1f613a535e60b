"""LightFM: vectors of shows by WARP, and the map that folds histories in."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final

import numpy as np
from scipy import sparse

from mlproject.core.cpus import usable_cpus
from mlproject.core.errors import NotEnoughDataError
from mlproject.core.interactions import Split
from mlproject.core.model import Floats
from mlproject.core.preferences import positive_weights
from mlproject.models.factors import Factors
from mlproject.models.popularity import Popularity
from mlproject.training.budget import Budget
from mlproject.training.folded import folded
from mlproject.training.lightfm_fit import FitParams, FittedVectors, Measure, fit_vectors
from mlproject.training.popular_bias import choose_popular_share, with_popularity
from mlproject.training.popularity import popular_now
from mlproject.training.start import Start, learned_by
from mlproject.training.trainer import Fitted
from mlproject.training.validation import Rows, Validation, cut_validation
from mlproject.training.warm import begun_from

_FIRST_SHARE: Final = 0.5
"""Of the seconds, for the first of two fits: it has more epochs, and is the longer one."""
WARM_EPOCHS: Final = 3
WARM_STEP: Final = 1 / 3
"""How many epochs a fit that goes on has, at most, and its share of the learning rate."""
WARM_EPOCHS_BY_TIME: Final = 1
"""So many where no slice says when to stop; with two, sets that drift fast lost more."""


@dataclass(frozen=True)
class LightFMTrainer:
    """Fits LightFM by WARP on the positives of the training part.

    Parameters
    ----------
    dimensions, epochs, learning_rate, max_sampled, fewest_raters, patience, threads, seed
        See :class:`~mlproject.training.lightfm_fit.FitParams`.
    l2
        Penalty on the vectors of shows and of users.
    seconds
        No epoch is begun that would spend more, see :class:`~mlproject.training.budget.Budget`.
    """

    name: ClassVar[str] = "lightfm"

    dimensions: int
    epochs: int
    learning_rate: float
    max_sampled: int
    l2: float
    fewest_raters: int
    patience: int
    seconds: float
    threads: int
    seed: int

    def fit(
        self,
        split: Split,
        metadata: sparse.csr_array,
        half_life_days: float,
        on_epoch: Callable[[int], None],
    ) -> Fitted:
        """Learn vectors of users and shows, then the map from a history to its user's vector.

        A slice of the training part, cut like the holdout, tells when to stop and how much
        of what is popular now to add. Cut by time it is all of the newest, and the vectors
        are fitted again on the whole training part.

        Raises
        ------
        NotEnoughDataError
            If too little in the training part is a positive.
        TrainingError
            If the fit does not end in finite numbers.
        """
        return self._fitted(None, split, metadata, half_life_days, on_epoch)

    def go_on(
        self,
        start: Start,
        split: Split,
        metadata: sparse.csr_array,
        half_life_days: float,
        on_epoch: Callable[[int], None],
    ) -> Fitted:
        """Go on from earlier vectors of shows, in few and small steps.

        Users begin with the tastes that the earlier map reads from their histories of now.
        Cut by time, nothing is left to choose by: what the start has learned reaches up to its
        holdout, and what has come since is little. So what the last fit from nothing has
        found is taken.

        Raises
        ------
        NotEnoughDataError, TrainingError
            As in :meth:`fit`.
        """
        if not split.by_time:
            return self._fitted(start, split, metadata, half_life_days, on_epoch)
        vectors = self._vectors(
            split,
            self._short(WARM_EPOCHS_BY_TIME),
            self._budget(),
            on_epoch,
            start=begun_from(start, split, metadata),
        )
        model = folded(split, metadata, vectors, self.seed)
        leaves = replace(
            start,
            shows=split.interactions.shows,
            model=model,
            took_part=vectors.took_part,
            learned=learned_by(split, start),
            fits=start.fits + 1,
        )
        share = start.popular_share
        model = with_popularity(model, popular_now(split, half_life_days), share)
        found = {"epochs": float(start.epochs), "popular_share": share}
        return Fitted(model, found, kept=vectors.epochs, leaves=leaves)

    def _fitted(
        self,
        start: Start | None,
        split: Split,
        metadata: sparse.csr_array,
        half_life_days: float,
        on_epoch: Callable[[int], None],
    ) -> Fitted:
        """Fit, measured by a slice, from nothing or from a start."""
        data, budget = split.interactions, self._budget()
        learned = None if start is None else start.has_learned(data)
        validation = cut_validation(split, self.seed, learned)
        if not validation.tells:
            found = {"epochs": float(self.epochs), "popular_share": 0.0}
            return Fitted(self.refit(split, metadata, half_life_days, found, on_epoch), found)
        inner = validation.split
        fitted = self._vectors(
            inner,
            self._params(self.epochs) if start is None else self._short(WARM_EPOCHS),
            budget.part(_FIRST_SHARE if split.by_time else 1),
            on_epoch,
            measure=lambda vectors: _precision(vectors, validation),
            start=None if start is None else begun_from(start, inner, metadata),
        )
        model = folded(inner, metadata, fitted, self.seed)
        popularity = popular_now(inner, half_life_days)
        share = choose_popular_share(model, popularity, validation)
        popular = validation.precision(Popularity(popularity))
        trained, took_part = inner, fitted.took_part
        if split.by_time:
            params = self._params(fitted.epochs)
            again = self._vectors(split, params, budget, lambda _: on_epoch(self.epochs))
            model = folded(split, metadata, again, self.seed)
            trained, took_part = split, again.took_part
        leaves = Start(
            data.shows,
            model,
            took_part,
            learned_by(trained, start),
            epochs=fitted.epochs,
            popular_share=share,
            lead=fitted.measures[fitted.epochs - 1] / popular if popular else 1.0,
        ).after(start)
        found = {"epochs": float(leaves.epochs), "popular_share": share}
        model = with_popularity(model, popular_now(split, half_life_days), share)
        return Fitted(model, found, fitted.measures, fitted.epochs, leaves)

    def refit(
        self,
        split: Split,
        metadata: sparse.csr_array,
        half_life_days: float,
        found: Mapping[str, float],
        on_epoch: Callable[[int], None],
    ) -> Factors:
        """Fit with the epochs and the share of popularity that were found.

        Raises
        ------
        NotEnoughDataError, TrainingError
            As in :meth:`fit`.
        """
        fitted = self._vectors(split, self._params(int(found["epochs"])), self._budget(), on_epoch)
        model = folded(split, metadata, fitted, self.seed)
        return with_popularity(model, popular_now(split, half_life_days), found["popular_share"])

    def _budget(self) -> Budget:
        return Budget(self.seconds, self.threads or usable_cpus())

    def _short(self, epochs: int) -> FitParams:
        """Return the parameters of a warm fit: few epochs, small steps."""
        params = self._params(min(self.epochs, epochs))
        return replace(params, learning_rate=WARM_STEP * self.learning_rate)

    def _params(self, epochs: int) -> FitParams:
        return FitParams(
            dimensions=self.dimensions,
            epochs=epochs,
            learning_rate=self.learning_rate,
            max_sampled=self.max_sampled,
            show_l2=self.l2,
            user_l2=self.l2,
            fewest_raters=self.fewest_raters,
            patience=self.patience,
            threads=self.threads,
            seed=self.seed,
        )

    def _vectors(
        self,
        split: Split,
        params: FitParams,
        budget: Budget,
        on_epoch: Callable[[int], None],
        *,
        measure: Measure | None = None,
        start: FittedVectors | None = None,
    ) -> FittedVectors:
        """Fit the positives of the training part."""
        data = split.interactions
        weights = positive_weights(data.ratings)
        positive = (weights > 0) & ~split.held_out
        if not positive.any():
            raise NotEnoughDataError(
                f"none of {len(data)} ratings is a positive to train on; rate something above 4"
            )
        return fit_vectors(
            data.matrix(weights, positive),
            params,
            measure=measure,
            start=start,
            budget=budget,
            on_epoch=on_epoch,
        )


def _precision(fitted: FittedVectors, validation: Validation) -> float:
    """Measure the lists of trained users; shows that took no part are in none."""
    vectors = np.ascontiguousarray(fitted.show_vectors.T)
    biases = np.where(fitted.took_part, fitted.show_biases, np.float32(-np.inf))

    def candidates(rows: Rows) -> Iterable[Floats]:
        yield fitted.user_vectors[rows] @ vectors + biases

    return validation.precisions(candidates)[0]
