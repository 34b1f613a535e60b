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
        # Row by row: a partition of all of them at once takes many times as long.
        best = np.empty((len(scores), k), dtype=np.int64)
        for row, values in enumerate(scores):
            best[row] = top_k(values, k)
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
