"""Whether the newest ratings are still of the kind that came before them."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlproject.core.interactions import Interactions
from mlproject.core.rating_scale import HIGHEST

NEWEST: Final = 0.2
"""Share of the ratings that are compared with those before them."""
_PARTS: Final = 10
_FLOOR: Final = 1e-4


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the newest fifth of the ratings is from the rest, as PSI.

    Below 0.1 there is no change to speak of, above 0.25 a large one: a rule of thumb.

    Parameters
    ----------
    ratings
        Of the values, "watched, not rated" among them.
    activity
        Of who rates: tenths of all ratings, by how much their users have rated.
    popularity
        Of what is rated: tenths of all ratings, by how often their shows were rated.
    """

    ratings: float
    activity: float
    popularity: float


def drift(data: Interactions) -> Drift | None:
    """Compare the newest ratings with those before them.

    Returns
    -------
    Drift or None
        None if the times do not tell newest from oldest.
    """
    times = data.rated_at
    if len(times) == 0:
        return None
    cut = np.quantile(times, 1 - NEWEST, method="lower")
    newest = times > cut
    if not newest.any():
        return None
    values = np.nan_to_num(data.ratings).astype(np.int64)
    users, shows = data.shape

    def of(parts: NDArray[np.int64], count: int) -> float:
        return psi(
            np.bincount(parts[~newest], minlength=count),
            np.bincount(parts[newest], minlength=count),
        )

    return Drift(
        ratings=of(values, HIGHEST + 1),
        activity=of(_tenths(data.user_rows, users), _PARTS),
        popularity=of(_tenths(data.show_rows, shows), _PARTS),
    )


def psi(before: NDArray[np.int64], after: NDArray[np.int64]) -> float:
    r"""Return the population stability index of two counts over the same parts.

    .. math:: \sum_i (q_i - p_i) \ln (q_i / p_i)

    with the shares p before and q after, none taken to be below 0.0001. It is the sum of the
    Kullback-Leibler divergences both ways (Kullback and Leibler, "On information and
    sufficiency", 1951).

    Parameters
    ----------
    before, after
        int64, shape ``(parts,)``, neither all zero.

    Examples
    --------
    >>> psi(np.array([10, 10]), np.array([500, 500]))
    0.0
    >>> round(psi(np.array([50, 50]), np.array([80, 20])), 4)
    0.4159
    """
    old = np.maximum(before / before.sum(), _FLOOR)
    new = np.maximum(after / after.sum(), _FLOOR)
    return float(np.sum((new - old) * np.log(new / old)))


def _tenths(rows: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Return for each rating, in which tenth of all ratings its row is, rare rows first."""
    times_rated = np.bincount(rows, minlength=count)
    order = np.argsort(times_rated, kind="stable")
    up_to = np.empty(count, dtype=np.int64)
    # The middle of a row's own ratings says where the row is.
    up_to[order] = np.cumsum(times_rated[order]) - times_rated[order] // 2
    part = up_to * _PARTS // max(len(rows), 1)
    return np.minimum(part, _PARTS - 1)[rows]
