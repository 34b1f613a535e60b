"""The best k of many: the one ranking rule of evaluation and of serving."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_STRETCH: Final = 64


def top_k(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return the columns of the ``k`` highest scores of each row, best first.

    Equal scores rank by ascending column. ``-inf`` marks what must not be shown; it
    sorts last, and it is for the caller to cut it off.

    Parameters
    ----------
    scores
        Shape ``(n,)`` or ``(rows, n)``, without NaN.
    k
        At least 1; with fewer than ``k`` columns, all are returned.

    Returns
    -------
    numpy.ndarray
        Shape ``(min(k, n),)`` or ``(rows, min(k, n))``.

    Examples
    --------
    >>> top_k(np.array([0.1, 0.9, 0.5, 0.9], dtype=np.float32), 3)
    array([1, 3, 2])
    """
    n = scores.shape[-1]
    if scores.ndim == 1 and k < n:
        candidates = np.flatnonzero(scores >= _floor(scores, k))
        order = np.argsort(-scores[candidates], kind="stable")[:k]
        return candidates[order]
    if k < n:
        # The k-th value, not the k-th column: with ties a partition's choice among the
        # equal ones is arbitrary, and the same scores would give different answers.
        edge = np.partition(scores, n - k, axis=-1)[..., n - k : n - k + 1]
        kept = np.argpartition(scores, n - k, axis=-1)[:, n - k :]
        tied = np.count_nonzero(scores >= edge, axis=-1) > k
        kept.sort(axis=-1)
        order = np.argsort(-np.take_along_axis(scores, kept, axis=-1), axis=-1, kind="stable")
        best = np.take_along_axis(kept, order, axis=-1)
        for row in np.flatnonzero(tied):
            best[row] = top_k(scores[row], k)
        return best
    return np.argsort(-scores, axis=-1, kind="stable")


def _floor(scores: NDArray[np.float32], k: int) -> float:
    """Return a value that at least the ``k`` highest of ``n > k`` scores reach, and few others.

    The best of each stretch are themselves scores, so the ``k``-th highest of those is no
    higher than the ``k``-th of all; to find it takes a third of a partition of them all.
    """
    stretches = len(scores) // _STRETCH
    if stretches <= k:
        return float(np.partition(scores, len(scores) - k)[len(scores) - k])
    # Every so-manieth score, not neighbours: numpy compares whole rows at a time.
    best = scores[: stretches * _STRETCH].reshape(_STRETCH, stretches).max(axis=0)
    return float(np.partition(best, stretches - k)[stretches - k])
