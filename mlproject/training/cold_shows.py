"""Vectors and weights of cold shows, from their metadata.

A show that hardly anybody has rated gets the mean of the few rated shows with the most similar
metadata. A ridge regression from metadata to vectors is worse: shows differ by the combination of
genres, type and length, not by a sum of their effects.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mlproject.training.item_weights import FittedWeights
from mlproject.training.lightfm_fit import FittedVectors

Floats = NDArray[np.float32]
Counts = NDArray[np.int64]

LIKE: Final = 5
"""How many rated shows stand for one that is not."""
VECTOR_SHARE: Final = 0.7
WEIGHT_SHARE: Final = 0.1
"""How much of what they have it gets: so much that lists of all shows stay as good."""

_CELLS: Final = 1 << 22


def alike_by_metadata(
    metadata: sparse.csr_array, raters: Counts, rated: NDArray[np.bool_], count: int = LIKE
) -> sparse.csr_array:
    """Find, for each show that is not rated enough, those that are and are most like it.

    Parameters
    ----------
    metadata
        Shape ``(shows, features)``; a feature is there or not, whatever its value.
    raters
        int, shape ``(shows,)``: of equally like shows, those of more raters come first.
    rated
        Which shows may stand for others, bool, shape ``(shows,)``.
    count
        How many stand for a show.

    Returns
    -------
    scipy.sparse.csr_array
        float32, shape ``(shows, shows)``: the rows of shows that are not rated have the
        shares of at most ``count`` rated ones, which add up to 1; those of shows without
        metadata, or with nothing in common with others, have none.

    Notes
    -----
    Likeness is the cosine over features, each worth the logarithm of how rare it is.
    """
    shows = metadata.shape[0]
    described = metadata.astype(np.float32)
    described.eliminate_zeros()
    described.data[:] = 1
    common = np.asarray(described.sum(axis=0))
    rarity = np.log(shows / np.maximum(common, 1)).astype(np.float32)
    described = sparse.csr_array(described @ sparse.diags_array(rarity))
    lengths = np.sqrt(np.asarray(described.multiply(described).sum(axis=1)))
    scale = np.where(lengths > 0, 1 / np.maximum(lengths, 1e-9), 0).astype(np.float32)
    described = sparse.csr_array(sparse.diags_array(scale) @ described)

    cold, warm = np.flatnonzero(~rated), np.flatnonzero(rated)
    count = min(count, len(warm))
    if not count or not len(cold):
        return sparse.csr_array(sparse.coo_array((shows, shows), dtype=np.float32))
    standing = sparse.csr_array(described[warm].T)
    first = np.float32(1e-6) * raters[warm].astype(np.float32) / max(1, raters.max())
    nearest, shares = [], []
    block = max(1, _CELLS // len(warm))
    for start in range(0, len(cold), block):
        likeness = (described[cold[start : start + block]] @ standing).toarray()
        best = np.argpartition(likeness + first, len(warm) - count, axis=1)[:, -count:]
        nearest.append(warm[best])
        shares.append(np.take_along_axis(likeness, best, axis=1))
    share = np.concatenate(shares)
    total = share.sum(axis=1, keepdims=True)
    share = np.where(total > 0, share / np.maximum(total, 1e-9), 0).astype(np.float32)
    rows = np.repeat(cold, count)
    found = sparse.csr_array(
        (share.ravel(), (rows, np.concatenate(nearest).ravel())), shape=(shows, shows)
    )
    found.eliminate_zeros()
    return found


def with_cold_vectors(
    fitted: FittedVectors, raters: Counts, alike: sparse.csr_array
) -> FittedVectors:
    """Give the shows that took no part in a fit the mean vectors of those like them.

    The bias follows that of the shows like them, and falls with the logarithm of the raters
    as it does among the shows that took part: few raters, less in the way of others.

    Parameters
    ----------
    fitted
        ``took_part`` stays as it is.
    raters
        int, shape ``(shows,)``.
    alike
        Of :func:`alike_by_metadata`, with ``fitted.took_part`` for ``rated``.
    """
    cold, warm = ~fitted.took_part, fitted.took_part
    log_raters = np.log(np.maximum(raters, 0.5))
    slope = 0.0
    if len(np.unique(raters[warm])) > 1:
        slope = float(np.polyfit(log_raters[warm], fitted.show_biases[warm], 1)[0])
    level = float((fitted.show_biases[warm] - slope * log_raters[warm]).mean())
    expected = level + slope * log_raters
    beyond = np.where(warm, fitted.show_biases - expected, 0)
    vectors, biases = fitted.show_vectors.copy(), fitted.show_biases.copy()
    vectors[cold] = VECTOR_SHARE * (alike @ fitted.show_vectors)[cold]
    biases[cold] = (expected + alike @ beyond)[cold]
    return replace(fitted, show_vectors=vectors, show_biases=biases)


def with_cold_weights(fitted: FittedWeights, alike: sparse.csr_array) -> FittedWeights:
    """Let the shows that stand for one that is not rated give it weights.

    Parameters
    ----------
    fitted
        Weights between the rated shows.
    alike
        Of :func:`alike_by_metadata`.
    """
    shape = alike.shape
    between = sparse.csr_array(
        (fitted.values.astype(np.float32), fitted.columns, fitted.indptr), shape=shape
    )
    # No column has both: what is rated has weights from its neighbours, the rest has these.
    both = sparse.csr_array(between + WEIGHT_SHARE * sparse.csr_array(alike.T))
    return replace(
        fitted,
        indptr=both.indptr.astype(np.int64),
        columns=both.indices.astype(np.int32),
        values=both.data.astype(np.float16),
    )
