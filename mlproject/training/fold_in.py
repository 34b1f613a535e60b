"""Learns the map from a history to a taste, from users whose taste was trained."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mlproject.core.errors import NotEnoughDataError, TrainingError
from mlproject.models.fold_in import FoldIn, features

Floats = NDArray[np.float32]

CUTS: Final = (1, 3, 5, 10, 20)
"""So many shows are drawn from each history, to learn what a short one tells."""
_FULL: Final = 3.0
"""How much a full history counts against one of its cuts."""
_RIDGE: Final = 1e-4
"""Against the mean of the diagonal."""


def fit_fold_in(
    histories: sparse.csr_array, show_vectors: Floats, user_vectors: Floats, seed: int
) -> FoldIn:
    """Learn to predict trained user vectors from histories, by least squares.

    Each user is in it with all of their history, and with some shows of it drawn at random.

    Parameters
    ----------
    histories
        float32, shape ``(users, shows)``: weights of at least 0; a user without any is
        left out.
    show_vectors, user_vectors
        float32, of shapes ``(shows, d)`` and ``(users, d)``, trained on these histories.
    seed
        Of what is drawn.

    Raises
    ------
    NotEnoughDataError
        If there is no history.
    TrainingError
        If the map is not finite.

    Notes
    -----
    The textbook's fold-in, a ridge regression of the history's weights on the show vectors,
    gives worse lists: WARP does not fit such a regression, and vectors of active users are
    longer than it makes them.
    """
    taken = histories.astype(np.float32)
    taken.eliminate_zeros()
    known = np.diff(taken.indptr) > 0
    if not known.any():
        raise NotEnoughDataError("nobody has rated anything; there is no taste to learn from")
    taken, wanted = sparse.csr_array(taken[known]), user_vectors[known].astype(np.float64)
    random = np.random.default_rng(seed)
    size = 2 * (2 * show_vectors.shape[1] + 2)
    squares, products = np.zeros((size, size)), np.zeros((size, show_vectors.shape[1]))
    for share, some in [(_FULL, taken), *((1.0, _cut(taken, most, random)) for most in CUTS)]:
        described = _described(some, show_vectors).astype(np.float64)
        squares += share * described.T @ described
        products += share * described.T @ wanted
    squares += np.eye(size) * (_RIDGE * np.trace(squares) / size)
    matrix = np.linalg.solve(squares, products).astype(np.float32)
    if not np.isfinite(matrix).all():
        raise TrainingError("the map from histories to tastes is not finite")
    return FoldIn(matrix)


def _described(histories: sparse.csr_array, show_vectors: Floats) -> Floats:
    totals = np.asarray(histories.sum(axis=1), dtype=np.float32)
    counts = np.diff(histories.indptr).astype(np.float32)
    return features(np.asarray(histories @ show_vectors), totals, counts)


def _cut(histories: sparse.csr_array, most: int, random: np.random.Generator) -> sparse.csr_array:
    """Keep ``most`` shows of each history, drawn at random."""
    counts = np.diff(histories.indptr)
    users = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((random.random(histories.nnz), users))
    place = np.arange(histories.nnz) - np.repeat(histories.indptr[:-1], counts)
    kept = order[place < most]
    left = np.concatenate(([0], np.minimum(counts, most).cumsum()))
    return sparse.csr_array(
        (histories.data[kept], histories.indices[kept], left), shape=histories.shape
    )
