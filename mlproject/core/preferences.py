"""What a rating says: like, dislike, how much."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

LIKED: Final = 8.0
UNRATED_WEIGHT: Final = 0.3

_INDIFFERENT: Final = 4.0
_BEST: Final = 10.0

Floats = NDArray[np.float32]


def positive_weights(ratings: Floats) -> Floats:
    """Weigh ratings as positives for an implicit-feedback loss.

    A rating of 4 or less is no positive (weight 0): its show is seen, not liked. Above
    that the weight grows to 1 at 10. Watched but not rated is a weak positive.

    Parameters
    ----------
    ratings
        float32, any shape, 1 to 10 or NaN.

    Examples
    --------
    >>> positive_weights(np.array([1, 4, 7, 10, np.nan], dtype=np.float32))
    array([0. , 0. , 0.5, 1. , 0.3], dtype=float32)
    """
    weights = np.clip((ratings - _INDIFFERENT) / (_BEST - _INDIFFERENT), 0, 1)
    return np.where(np.isnan(ratings), UNRATED_WEIGHT, weights).astype(np.float32)


def history_weights() -> Floats:
    """Return :func:`positive_weights` as a table, float32, shape ``(11,)``.

    Place 1 to 10 is that rating; place 0 is watched, not rated.
    """
    return positive_weights(np.array([np.nan, *range(1, 11)], dtype=np.float32))


def is_liked(ratings: Floats) -> NDArray[np.bool_]:
    """Tell which ratings make a good recommendation in hindsight: 8 and above."""
    liked: NDArray[np.bool_] = ratings >= LIKED
    return liked


def is_relevant(ratings: Floats) -> NDArray[np.bool_]:
    """Tell which of the ratings are what a recommender should have found.

    Those that are liked; where nothing is rated at all (implicit feedback alone), whatever
    was watched.

    Examples
    --------
    >>> is_relevant(np.array([7, 9, np.nan], dtype=np.float32)).tolist()
    [False, True, False]
    >>> is_relevant(np.array([np.nan, np.nan], dtype=np.float32)).tolist()
    [True, True]
    """
    return np.isnan(ratings) if np.isnan(ratings).all() else is_liked(ratings)
