"""LightFM: vectors of shows by WARP, and the map that folds histories in."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from scipy import sparse

from mlproject.core.errors import NotEnoughDataError
from mlproject.core.interactions import Split
from mlproject.core.preferences import history_weights, positive_weights
from mlproject.models.factors import Factors
from mlproject.training.cold_shows import alike_by_metadata, with_cold_vectors
from mlproject.training.fold_in import fit_fold_in
from mlproject.training.lightfm_fit import FitParams, fit_vectors
from mlproject.training.trainer import Fitted
from mlproject.training.validation import cut_validation

FEWEST_USERS: Final = 30
"""With fewer users to measure by, all epochs are run."""


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
        self, split: Split, metadata: sparse.csr_array, on_epoch: Callable[[int], None]
    ) -> Fitted:
        """Learn vectors of users and shows, then the map from a history to its user's vector.

        A slice of the training part, cut like the holdout, tells when to stop. Shows that
        too few have rated get the vectors of those most like them by metadata. The vectors
        of the users serve to learn the map and are left behind.

        Raises
        ------
        NotEnoughDataError
            If too little in the training part is a positive.
        TrainingError
            If the fit does not end in finite numbers.
        """
        data = split.interactions
        training = ~split.held_out
        validation = cut_validation(split, self.seed)
        measured = len(validation.users) >= FEWEST_USERS
        if measured:
            training &= ~validation.held_out
        weights = positive_weights(data.ratings)
        positive = (weights > 0) & training
        if not positive.any():
            raise NotEnoughDataError(
                f"none of {len(data)} ratings is a positive to train on; rate something above 4"
            )
        fitted = fit_vectors(
            data.matrix(weights, positive),
            FitParams(
                dimensions=self.dimensions,
                epochs=self.epochs,
                learning_rate=self.learning_rate,
                max_sampled=self.max_sampled,
                show_l2=self.l2,
                user_l2=self.l2,
                fewest_raters=self.fewest_raters,
                patience=self.patience,
                threads=self.threads,
                seed=self.seed,
            ),
            measure=validation.precision if measured else None,
            deadline=time.monotonic() + self.seconds,
            on_epoch=on_epoch,
        )
        raters = np.bincount(data.show_rows[positive], minlength=len(data.shows))
        fitted = with_cold_vectors(
            fitted, raters, alike_by_metadata(metadata, raters, fitted.took_part)
        )
        # Halved as they are served, so that the map is learned on what it will be given.
        with np.errstate(over="ignore"):  # whoever takes the model looks for infinities
            show_vectors = fitted.show_vectors.astype(np.float16)
        histories = data.histories(training, history_weights())
        fold_in = fit_fold_in(
            sparse.csr_array(
                (histories.weights, histories.show_rows, histories.indptr), shape=data.shape
            ),
            show_vectors.astype(np.float32),
            fitted.user_vectors,
            self.seed,
        )
        model = Factors(show_vectors, fitted.show_biases, fold_in.matrix)
        return Fitted(model, fitted.measures, fitted.epochs)
