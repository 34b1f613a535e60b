"""Ranking metrics for one list per user.

``hits`` is a bool array of shape ``(users, k)``: whether the show at each rank of the
user's list is relevant. ``relevant`` is an int array of shape ``(users,)``: how many
relevant shows there are to find, at least 1. Each value is from 0 (worst) to 1 (best).

Tests hold them equal to RecTools' metrics of the same names, to 1e-6.
"""

from collections.abc import Sequence

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


def hit_rate(hits: Hits) -> PerUser:
    """Whether anything in the list is relevant, 0 or 1.

    Examples
    --------
    >>> hit_rate(np.array([[False, True], [False, False]]))
    array([1., 0.])
    """
    return np.asarray(hits.any(axis=1), dtype=np.float64)


def reciprocal_rank(hits: Hits) -> PerUser:
    """One over the rank of the first relevant show, 0 if there is none; its mean is MRR.

    Examples
    --------
    >>> reciprocal_rank(np.array([[False, True], [False, False]]))
    array([0.5, 0. ])
    """
    return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1.0), 0.0)


def average_precision(hits: Hits, relevant: Counts) -> PerUser:
    """Mean over the relevant shows of the precision at their rank; its mean is MAP.

    A relevant show that is not in the list counts 0.

    Examples
    --------
    >>> average_precision(np.array([[True, False, True]]), np.array([2])).round(4)
    array([0.8333])
    """
    at_rank = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    mean: PerUser = (at_rank * hits).sum(axis=1) / relevant
    return mean


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


def auc(scores: NDArray[np.float32], liked_rows: Sequence[NDArray[np.integer]]) -> PerUser:
    """Chance that a relevant show scores higher than one that is not, ties as half.

    Parameters
    ----------
    scores
        float32, shape ``(users, shows)``; ``-inf`` = not to be shown, and left out.
    liked_rows
        The relevant shows of each user, at least one.

    Notes
    -----
    The Mann-Whitney statistic, by one sort per user: Hanley and McNeil, "The meaning and
    use of the area under a receiver operating characteristic (ROC) curve", 1982. A user
    whose every show is relevant has an AUC of 0.5.

    Examples
    --------
    >>> auc(np.array([[3, 2, 1, -np.inf]], dtype=np.float32), [np.array([1])])
    array([0.5])
    """
    found = np.full(len(scores), 0.5)
    for user, liked in enumerate(liked_rows):
        others = np.delete(scores[user], liked)
        others = np.sort(others[others > -np.inf])
        if len(others):
            own = scores[user, liked]
            below = np.searchsorted(others, own, side="left")
            not_above = np.searchsorted(others, own, side="right")
            found[user] = (below + not_above).mean() / (2 * len(others))
    return found
