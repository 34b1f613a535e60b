"""Qualities of lists besides precision: novelty, diversity, popularity bias, calibration.

``lists`` is an int32 array of shape ``(users, k)`` of show rows, best first, UNKNOWN_ROW
past a list's end.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlproject.core.ids import UNKNOWN_ROW
from mlproject.core.interactions import Split
from mlproject.core.preferences import positive_weights

Lists = NDArray[np.int32]
Genres = NDArray[np.bool_]
PerUser = NDArray[np.float64]

_SMOOTHING: Final = 0.01


def list_quality(lists: Lists, split: Split, genres: Genres) -> dict[str, float]:
    """Return the averages of the measures below, by the names they are logged under.

    Parameters
    ----------
    lists
        Of the users with something relevant in the holdout, see
        :class:`~mlproject.training.evaluation.Evaluation`.
    split
        The training part tells how popular shows are.
    genres
        bool, shape ``(shows, genres)``.
    """
    data = split.interactions
    raters = np.bincount(data.show_rows[~split.held_out], minlength=len(data.shows))
    k = lists.shape[1]
    return {
        f"novelty_at_{k}": float(novelty(lists, raters, len(data.users)).mean()),
        f"popularity_bias_at_{k}": float(mean_popularity(lists, raters).mean()),
        f"diversity_at_{k}": float(diversity(lists, genres).mean()),
        f"genre_miscalibration_at_{k}": miscalibration(lists, _liked_genres(split, genres), genres),
    }


def novelty(lists: Lists, raters: NDArray[np.int64], users: int) -> PerUser:
    """Mean over the list of ``-log2(raters / users)``, in bits: how little known shows are.

    Shows without a rater count as if they had one.

    Notes
    -----
    Mean inverse user frequency: Castells, Hurley and Vargas, "Novelty and Diversity in
    Recommender Systems", Recommender Systems Handbook, 2015.

    Examples
    --------
    >>> novelty(np.array([[0, 1]], dtype=np.int32), np.array([4, 1]), users=4)
    array([1.])
    """
    bits = -np.log2(np.maximum(raters, 1) / users)
    return _mean_over_lists(lists, bits)


def mean_popularity(lists: Lists, raters: NDArray[np.int64]) -> PerUser:
    """Mean number of raters of the shows in the list.

    Notes
    -----
    Average recommendation popularity: Yin, Cui, Li, Yao and Chen, "Challenging the Long
    Tail Recommendation", VLDB 2012.

    Examples
    --------
    >>> mean_popularity(np.array([[0, 1]], dtype=np.int32), np.array([4, 1]))
    array([2.5])
    """
    return _mean_over_lists(lists, raters.astype(np.float64))


def diversity(lists: Lists, genres: Genres) -> PerUser:
    """Mean distance of two shows of the list, by the genres they do not share.

    The distance is Jaccard's, 1 - shared / all; 1 for two shows without any genre.

    Notes
    -----
    Intra-list diversity: Ziegler, McNee, Konstan and Lausen, "Improving Recommendation Lists
    Through Topic Diversification", WWW 2005. A list of one show has none: 0.

    Examples
    --------
    >>> genres = np.array([[True, False], [True, True], [False, True]])
    >>> diversity(np.array([[0, 1, 2]], dtype=np.int32), genres).round(4)
    array([0.6667])
    """
    there = lists != UNKNOWN_ROW
    of_show = genres.astype(np.float32)[lists] * there[:, :, None]
    shared = of_show @ of_show.transpose(0, 2, 1)
    counts = of_show.sum(axis=2)
    together = counts[:, :, None] + counts[:, None, :] - shared
    distance = 1 - np.divide(shared, together, out=np.zeros_like(shared), where=together > 0)
    pairs = there[:, :, None] & there[:, None, :] & ~np.eye(lists.shape[1], dtype=np.bool_)
    number = np.maximum(pairs.sum(axis=(1, 2)), 1)
    return np.asarray((distance * pairs).sum(axis=(1, 2)) / number, dtype=np.float64)


def miscalibration(lists: Lists, liked: NDArray[np.float64], genres: Genres) -> float:
    """How far the genres of all lists together are from the genres that users like.

    Parameters
    ----------
    lists, genres
        As above.
    liked
        Share of each genre in what users like, shape ``(genres,)``, adding up to 1; or
        zeros if there are no genres.

    Returns
    -------
    float
        Kullback-Leibler divergence in bits, 0 = the same shares.

    Notes
    -----
    Steck, "Calibrated Recommendations", RecSys 2018, over all users at once, with his
    smoothing of the lists' shares by 1 %.
    """
    shares = _genre_shares(lists[lists != UNKNOWN_ROW], np.ones(lists.size), genres)
    smoothed = (1 - _SMOOTHING) * shares + _SMOOTHING * liked
    there = liked > 0
    return float((liked[there] * np.log2(liked[there] / smoothed[there])).sum())


def _liked_genres(split: Split, genres: Genres) -> NDArray[np.float64]:
    data = split.interactions
    weights = positive_weights(data.ratings)
    train = ~split.held_out
    return _genre_shares(data.show_rows[train], weights[train], genres)


def _genre_shares(
    rows: NDArray[np.int32], weights: NDArray[np.floating], genres: Genres
) -> NDArray[np.float64]:
    """Return the share of each genre, a show's weight being divided among its genres."""
    per_show = np.bincount(rows, weights=weights[: len(rows)], minlength=len(genres))
    per_genre = (per_show / np.maximum(genres.sum(axis=1), 1)) @ genres
    return np.asarray(per_genre / max(float(per_genre.sum()), np.finfo(np.float64).tiny))


def _mean_over_lists(lists: Lists, values: NDArray[np.float64]) -> PerUser:
    there = lists != UNKNOWN_ROW
    sums = (values[lists] * there).sum(axis=1)
    return np.asarray(sums / np.maximum(there.sum(axis=1), 1), dtype=np.float64)
