"""LightFM: vectors of shows by WARP, and the map that folds histories in."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from scipy import sparse

from mlproject.core.errors import NotEnoughDataError
from mlproject.core.interactions import Split
from mlproject.core.model import Floats
from mlproject.core.preferences import positive_weights
from mlproject.models.factors import Factors
from mlproject.training.folded import folded
from mlproject.training.lightfm_fit import FitParams, FittedVectors, Measure, fit_vectors
from mlproject.training.popular_bias import choose_popular_share, with_popularity
from mlproject.training.popularity import popular_now
from mlproject.training.trainer import Fitted
from mlproject.training.validation import Rows, Validation, cut_validation

_FIRST_SHARE: Final = 0.5
"""Of the seconds, for the first of two fits: it has more epochs, and is the longer one."""


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
        No epoch is begun that would outlast this.
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
        begun = time.monotonic()
        validation = cut_validation(split, self.seed)
        if not validation.tells:
            found = {"epochs": float(self.epochs), "popular_share": 0.0}
            return Fitted(self.refit(split, metadata, half_life_days, found, on_epoch), found)
        inner = validation.split
        fitted = self._vectors(
            inner,
            self.epochs,
            begun + self.seconds * (_FIRST_SHARE if split.by_time else 1),
            on_epoch,
            lambda vectors: _precision(vectors, validation),
        )
        model = folded(inner, metadata, fitted, self.seed)
        share = choose_popular_share(model, popular_now(inner, half_life_days), validation)
        found = {"epochs": float(fitted.epochs), "popular_share": share}
        if split.by_time:
            deadline = begun + self.seconds
            again = self._vectors(split, fitted.epochs, deadline, lambda _: on_epoch(self.epochs))
            model = folded(split, metadata, again, self.seed)
        model = with_popularity(model, popular_now(split, half_life_days), share)
        return Fitted(model, found, fitted.measures, fitted.epochs)

    def refit(
        self,
        split: Split,
        metadata: sparse.csr_array,
        half_life_days: float,
        found: Mapping[str, float],
        on_epoch: Callable[[int], None],
    ) -> Factors:
        """Fit for the epochs, and with the share of what is popular now, that were found.

        Raises
        ------
        NotEnoughDataError, TrainingError
            As in :meth:`fit`.
        """
        deadline = time.monotonic() + self.seconds
        fitted = self._vectors(split, int(found["epochs"]), deadline, on_epoch)
        model = folded(split, metadata, fitted, self.seed)
        return with_popularity(model, popular_now(split, half_life_days), found["popular_share"])

    def _vectors(
        self,
        split: Split,
        epochs: int,
        deadline: float,
        on_epoch: Callable[[int], None],
        measure: Measure | None = None,
    ) -> FittedVectors:
        """Fit the positives of the training part."""
        data = split.interactions
        weights = positive_weights(data.ratings)
        positive = (weights > 0) & ~split.held_out
        if not positive.any():
            raise NotEnoughDataError(
                f"none of {len(data)} ratings is a positive to train on; rate something above 4"
            )
        params = FitParams(
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
        return fit_vectors(
            data.matrix(weights, positive),
            params,
            measure=measure,
            deadline=deadline,
            on_epoch=on_epoch,
        )


def _precision(fitted: FittedVectors, validation: Validation) -> float:
    """Measure the lists of trained users; shows that took no part are in none."""
    vectors = np.ascontiguousarray(fitted.show_vectors.T)
    biases = np.where(fitted.took_part, fitted.show_biases, np.float32(-np.inf))

    def candidates(rows: Rows) -> Iterable[Floats]:
        yield fitted.user_vectors[rows] @ vectors + biases

    return validation.precisions(candidates)[0]
