"""The linear trainer: weights between shows, chosen on a validation slice."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import sparse

from mlproject.core.interactions import Split
from mlproject.core.preferences import history_weights
from mlproject.models.linear import Linear
from mlproject.training.cold_shows import alike_by_metadata, with_cold_weights
from mlproject.training.item_weights import LinearParams, fit_weights
from mlproject.training.popularity import popular_now
from mlproject.training.trainer import Fitted

_STEPS = 20


@dataclass(frozen=True)
class LinearTrainer:
    """Fits a ridge regression for each show on the shows most like it.

    Parameters
    ----------
    neighbours, ridge, dropout, prior, fewest_raters
        See :class:`~mlproject.training.item_weights.LinearParams`.
    half_life_days
        Of the popularity that short histories lean on; see
        :func:`~mlproject.training.popularity.popular_now`.
    """

    name: ClassVar[str] = "linear"

    neighbours: int
    ridge: float
    dropout: float
    prior: float
    fewest_raters: int
    half_life_days: float

    @property
    def epochs(self) -> int:
        """Steps of the progress bar."""
        return _STEPS

    def fit(
        self,
        split: Split,
        metadata: sparse.csr_array,
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
        data = split.interactions
        histories = data.histories(~split.held_out, history_weights())
        matrix = sparse.csr_array(
            (histories.weights, histories.show_rows, histories.indptr), shape=data.shape
        )
        params = LinearParams(
            neighbours=self.neighbours,
            ridge=self.ridge,
            dropout=self.dropout,
            prior=self.prior,
            fewest_raters=self.fewest_raters,
        )
        popularity = popular_now(split, self.half_life_days)
        fitted = fit_weights(
            matrix, popularity, params, lambda share: on_epoch(int(share * _STEPS))
        )
        raters = np.bincount(histories.show_rows[histories.weights > 0], minlength=data.shape[1])
        alike = alike_by_metadata(metadata, raters, raters >= self.fewest_raters)
        fitted = with_cold_weights(fitted, alike)
        return Fitted(Linear(fitted.indptr, fitted.columns, fitted.values, fitted.prior))
