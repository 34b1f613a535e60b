"""Learns the map from a history to the vector that a trained user got."""

from typing import Final

import numpy as np

from mlproject.core.histories import Histories
from mlproject.core.model import Floats
from mlproject.models.factors import history_features

CUTS: Final = (1, 3, 5, 10, 20)
"""Histories are also cut to so many shows with weight, so that short ones are learned too."""
_RIDGE: Final = 1.0


def learn_fold_in(
    histories: Histories, user_vectors: Floats, show_vectors: Floats, seed: int
) -> Floats:
    """Fit the map by least squares, on whole and on randomly cut histories.

    Parameters
    ----------
    histories
        What the ``m`` users were trained on.
    user_vectors
        The vectors that the trainer gave them, float32, shape ``(m, d)``.
    show_vectors
        float32, shape ``(shows, d)``, as they will be served.
    seed
        Of the cuts.

    Returns
    -------
    numpy.ndarray
        float32, shape ``(2 * d + 2, d)``: :func:`~mlproject.models.factors.history_features`
        times this is a user's vector.
    """
    taste = histories.has_taste()
    histories = histories.take(np.flatnonzero(taste))
    user_vectors = user_vectors[taste]
    random = np.random.default_rng(seed)
    width = 2 * show_vectors.shape[1] + 2
    gram = np.eye(width) * _RIDGE
    product = np.zeros((width, show_vectors.shape[1]))
    for part in (histories, *(cut(histories, length, random) for length in CUTS)):
        features = history_features(part, show_vectors).astype(np.float64)
        gram += features.T @ features
        product += features.T @ user_vectors
    found: Floats = np.linalg.solve(gram, product).astype(np.float32)
    return found


def cut(histories: Histories, length: int, random: np.random.Generator) -> Histories:
    """Keep at most ``length`` entries with weight of each history, drawn at random."""
    users = histories.users
    order = np.lexsort((random.random(len(users)), histories.weights <= 0, users))
    place = np.arange(len(users)) - np.repeat(histories.indptr[:-1], np.diff(histories.indptr))
    kept = np.zeros(len(users), dtype=np.bool_)
    kept[order[place < length]] = True
    kept &= histories.weights > 0
    ends = np.concatenate(([0], np.cumsum(kept)))
    return Histories(ends[histories.indptr], histories.show_rows[kept], histories.weights[kept])
