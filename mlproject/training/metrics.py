"""Ranking metrics for one list a user; each is 0 (worst) to 1 (best).

``hits`` is a bool array of shape ``(users, k)``: whether the show at each rank of the
user's list is relevant. ``relevant`` is an int array of shape ``(users,)``: how many
relevant shows there are to find, at least 1.
"""

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.bool_]
Counts = NDArray[np.int64]
PerUser = NDArray[np.float64]


def precision(hits: Hits) -> PerUser:
    """Share of the list that is relevant.

    Examples
    --------
    >>> precision(np.array([[True, False, True, False]]))
    array([0.5])
    """
    share: PerUser = hits.mean(axis=1)
    return share


def recall(hits: Hits, relevant: Counts) -> PerUser:
    """Share of the relevant shows that are in the list.

    Examples
    --------
    >>> recall(np.array([[True, False, True, False]]), np.array([8]))
    array([0.25])
    """
    share: PerUser = hits.sum(axis=1) / relevant
    return share


def ndcg(hits: Hits, relevant: Counts) -> PerUser:
    """Discounted gain of the list against the best possible list.

    Notes
    -----
    Binary relevance, discount ``1 / log2(rank + 1)``: Järvelin and Kekäläinen,
    "Cumulated Gain-Based Evaluation of IR Techniques", ACM TOIS 20(4), 2002.

    Examples
    --------
    >>> ndcg(np.array([[False, True]]), np.array([1])).round(3)
    array([0.631])
    """
    k = hits.shape[1]
    discounts = 1 / np.log2(np.arange(2, k + 2))
    best = np.concatenate(([0.0], np.cumsum(discounts)))
    gain: PerUser = (hits @ discounts) / best[np.minimum(relevant, k)]
    return gain
