"""The taste of a user, from what they have rated, by a map that was learned."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Vectors = NDArray[np.float32] | NDArray[np.float16]
Rows = NDArray[np.int32] | NDArray[np.int64]

LONG: Final = 30.0
"""Weights of a history that add up to so much, or more, make it a long one."""


def features(sums: Floats, totals: Floats, counts: Floats) -> Floats:
    """Describe histories for the map.

    Of a history with show vectors ``v`` and weights ``w`` of which ``n`` are positive, they
    are ``sum(w * v) / sqrt(sum(w) + 1)``, ``sum(w * v) / (sum(w) + 1)``, ``log(1 + n)``
    and 1, twice: times the share to which the history is long, and times the rest. So the
    map of short histories blends into that of long ones.

    Parameters
    ----------
    sums
        ``sum(w * v)``, float32, shape ``(m, d)``.
    totals, counts
        ``sum(w)`` and ``n``, float32, shape ``(m,)``.

    Returns
    -------
    numpy.ndarray
        float32, shape ``(m, 2 * (2 * d + 2))``.
    """
    d = sums.shape[1]
    half = 2 * d + 2
    found = np.empty((len(sums), 2 * half), dtype=np.float32)
    long = np.minimum(np.log1p(totals) / np.float32(np.log1p(LONG)), 1)[:, None]
    described = found[:, half:]
    described[:, :d] = sums / np.sqrt(totals + 1)[:, None]
    described[:, d:-2] = sums / (totals + 1)[:, None]
    described[:, -2] = np.log1p(counts)
    described[:, -1] = 1
    np.multiply(described, long, out=found[:, :half])
    described *= 1 - long
    return found


@dataclass(frozen=True, slots=True)
class FoldIn:
    """Turns histories into tastes: vectors that multiply with those of shows.

    Parameters
    ----------
    matrix
        float32, shape ``(2 * (2 * d + 2), d)``: times the :func:`features` of a history it
        gives its taste.
    """

    matrix: Floats

    def tastes(
        self, vectors: Vectors, indptr: NDArray[np.int64], rows: Rows, weights: Floats
    ) -> Floats:
        """Return the taste of each of some histories.

        Parameters
        ----------
        vectors
            Of the shows, shape ``(shows, d)``.
        indptr
            int, shape ``(m + 1,)``: history ``u`` is ``rows[indptr[u]:indptr[u + 1]]``.
        rows
            int, shape ``(n,)``: rows of shows, each from 0 to ``shows - 1``.
        weights
            float32, shape ``(n,)``, at least 0; what is 0 says nothing.

        Returns
        -------
        numpy.ndarray
            float32, shape ``(m, d)``.
        """
        m = len(indptr) - 1
        sums = np.empty((m, vectors.shape[1]), dtype=np.float32)
        totals, counts = np.empty(m, dtype=np.float32), np.empty(m, dtype=np.float32)
        for place in range(m):
            history = slice(indptr[place], indptr[place + 1])
            weighed = weights[history]
            taken = vectors[rows[history]].astype(np.float32, copy=False)
            np.matmul(weighed, taken, out=sums[place])
            totals[place] = weighed.sum()
            counts[place] = np.count_nonzero(weighed)
        tastes: Floats = features(sums, totals, counts) @ self.matrix
        return tastes
