"""Initial vectors from the last fit, in the rows of today's shows and users."""

import numpy as np
from scipy import sparse

from mlproject.core.ids import UNKNOWN_ROW
from mlproject.core.interactions import Split
from mlproject.core.preferences import history_weights, positive_weights
from mlproject.training.cold_shows import alike_by_metadata, with_cold_vectors
from mlproject.training.lightfm_fit import FittedVectors
from mlproject.training.start import Start


def begun_from(start: Start, split: Split, metadata: sparse.csr_array) -> FittedVectors:
    """Return the vectors of a start for the shows and users of today.

    Shows that it does not know get those of the known ones most like them by metadata;
    users the tastes that their histories in the training part tell.

    Parameters
    ----------
    start
        It has vectors for one of the shows, or more.
    split, metadata
        As in :class:`~mlproject.training.trainer.Trainer`.
    """
    data = split.interactions
    rows = start.shows.rows(data.shows.ids)
    known = (rows != UNKNOWN_ROW) & start.took_part[rows]
    training = ~split.held_out
    histories = data.histories(training, history_weights()).in_rows(rows)
    tastes = start.model.tastes(histories)
    tastes[~histories.has_taste()] = 0
    found = FittedVectors(
        show_vectors=np.where(known[:, None], start.model.show_vectors[rows], 0).astype("f4"),
        show_biases=np.where(known, start.model.show_biases[rows], np.float32(0)),
        took_part=known,
        user_vectors=tastes,
        epochs=0,
    )
    positive = (positive_weights(data.ratings) > 0) & training
    raters = np.bincount(data.show_rows[positive], minlength=len(data.shows))
    return with_cold_vectors(found, raters, alike_by_metadata(metadata, raters, known))
