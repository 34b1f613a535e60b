"""The linear trainer: weights between shows, and a prior that a validation slice chooses."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mlproject.core.interactions import Split
from mlproject.core.model import Floats
from mlproject.core.preferences import history_weights
from mlproject.models.linear import Linear
from mlproject.training.cold_shows import alike_by_metadata, with_cold_weights
from mlproject.training.item_weights import FittedWeights, LinearParams, fit_weights
from mlproject.training.popularity import popular_now, scaled
from mlproject.training.trainer import Fitted
from mlproject.training.validation import Rows, Validation, best_of, cut_validation

PRIORS: Final = (1.0, 0.1, 0.3, 3.0, 10.0, 100.0)
"""Scores of the most popular show without any history, from which one is chosen.

The first is taken where there is nothing to choose by. Of 100 the lists are those of
popularity.
"""
_STEPS: Final = 20


@dataclass(frozen=True)
class LinearTrainer:
    """Fits a ridge regression for each show on the shows most like it.

    Parameters
    ----------
    neighbours, ridge, dropout, fewest_raters
        See :class:`~mlproject.training.item_weights.LinearParams`.
    prior
        See there too; None: whichever of :data:`PRIORS` serves a validation slice best.
    seed
        Of the slice.
    """

    name: ClassVar[str] = "linear"

    neighbours: int
    ridge: float
    dropout: float
    prior: float | None
    fewest_raters: int
    seed: int

    @property
    def epochs(self) -> int:
        """Steps of the progress bar."""
        return _STEPS

    def fit(
        self,
        split: Split,
        metadata: sparse.csr_array,
        half_life_days: float,
        on_epoch: Callable[[int], None],
    ) -> Fitted:
        """Fit on the histories of the training part; others get weights by their metadata.

        Raises
        ------
        NotEnoughDataError
            If no show has raters enough.
        TrainingError
            If the weights are not finite.
        """
        prior = self.prior
        if prior is None:
            prior = self._chosen(split, half_life_days)
            on_epoch(0)
        found = {"prior": prior}
        return Fitted(self.refit(split, metadata, half_life_days, found, on_epoch), found)

    def refit(
        self,
        split: Split,
        metadata: sparse.csr_array,
        half_life_days: float,
        found: Mapping[str, float],
        on_epoch: Callable[[int], None],
    ) -> Linear:
        """Fit with the prior that was found.

        Raises
        ------
        NotEnoughDataError, TrainingError
            As in :meth:`fit`.
        """
        popularity, params = popular_now(split, half_life_days), self._params(found["prior"])
        fitted, raters = self._weights(split, popularity, params, on_epoch)
        alike = alike_by_metadata(metadata, raters, raters >= self.fewest_raters)
        fitted = with_cold_weights(fitted, alike)
        return Linear(fitted.indptr, fitted.columns, fitted.values, fitted.prior)

    def _weights(
        self,
        split: Split,
        popularity: Floats,
        params: LinearParams,
        on_epoch: Callable[[int], None],
    ) -> tuple[FittedWeights, NDArray[np.int64]]:
        """Fit on the training part; return the weights, and how many have rated each show."""
        matrix = _histories(split)
        fitted = fit_weights(
            matrix, popularity, params, lambda share: on_epoch(int(share * _STEPS))
        )
        return fitted, np.bincount(matrix.indices[matrix.data > 0], minlength=matrix.shape[1])

    def _chosen(self, split: Split, half_life_days: float) -> float:
        """Choose the prior that serves a slice best."""
        validation = cut_validation(split, self.seed)
        if not validation.tells:
            return PRIORS[0]
        popularity = popular_now(validation.split, half_life_days)
        fitted = fit_weights(_histories(validation.split), popularity, self._params(PRIORS[0]))
        model = Linear(fitted.indptr, fitted.columns, fitted.values, fitted.prior)
        return choose_prior(model, popularity, validation)

    def _params(self, prior: float) -> LinearParams:
        return LinearParams(
            neighbours=self.neighbours,
            ridge=self.ridge,
            dropout=self.dropout,
            prior=prior,
            fewest_raters=self.fewest_raters,
        )


def choose_prior(model: Linear, popularity: Floats, validation: Validation) -> float:
    """Return which of :data:`PRIORS` measures best, the first of equally good ones.

    Parameters
    ----------
    model
        Fitted without the slice.
    popularity
        At least 0, float32, shape ``(shows,)``; counted without the slice.
    validation
        The slice.
    """
    histories = validation.histories()
    rivals = [replace(model, prior=scaled(popularity, prior)) for prior in PRIORS]

    def candidates(rows: Rows) -> Iterable[Floats]:
        asked = histories.take(rows)
        return (rival.scores(asked) for rival in rivals)

    return best_of(PRIORS, validation.precisions(candidates))


def _histories(split: Split) -> sparse.csr_array:
    """Lay out what the training part says of each user's taste."""
    data = split.interactions
    found = data.histories(~split.held_out, history_weights())
    return sparse.csr_array((found.weights, found.show_rows, found.indptr), shape=data.shape)
