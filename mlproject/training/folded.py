"""From vectors of users and shows to a model without users."""

import numpy as np
from scipy import sparse

from mlproject.core.interactions import Split
from mlproject.core.preferences import history_weights, positive_weights
from mlproject.models.factors import Factors
from mlproject.training.cold_shows import alike_by_metadata, with_cold_vectors
from mlproject.training.fold_in import fit_fold_in
from mlproject.training.lightfm_fit import FittedVectors


def folded(split: Split, metadata: sparse.csr_array, fitted: FittedVectors, seed: int) -> Factors:
    """Learn the map from histories to tastes.

    Shows that too few have rated get the vectors of those most like them by metadata.
    The vectors of the users serve to learn the map and are left behind.

    Parameters
    ----------
    split
        Its training part has the histories of the users.
    metadata
        As in :class:`~mlproject.training.trainer.Trainer`.
    fitted
        The vectors of these users, and of the shows.
    seed
        Of what is drawn from the histories.

    Raises
    ------
    NotEnoughDataError, TrainingError
        As :func:`~mlproject.training.fold_in.fit_fold_in` raises them.
    """
    data = split.interactions
    training = ~split.held_out
    positive = (positive_weights(data.ratings) > 0) & training
    raters = np.bincount(data.show_rows[positive], minlength=len(data.shows))
    alike = alike_by_metadata(metadata, raters, fitted.took_part)
    fitted = with_cold_vectors(fitted, raters, alike)
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
        seed,
    )
    return Factors(show_vectors, fitted.show_biases, fold_in.matrix)
