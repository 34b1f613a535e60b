"""The latest rating of every (user, show), by an order that arrival does not change."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlproject.core.rating_columns import RatingColumns


def latest(ratings: RatingColumns) -> RatingColumns:
    """Keep the winner of every (user, show), sorted by user, then show.

    The winner has the highest ``(rated_at, event id, rating)``. That order is total, so
    neither order nor repetition of the rows changes the result. (An event id names one
    event; the rating comes last only so that even two events of one name have an order.)

    Parameters
    ----------
    ratings
        Any rows, ``n`` of them; the cost is O(n log n).
    """
    if not len(ratings):
        return ratings
    order = _by_pair(ratings.user_id, ratings.show_id)
    users, shows = ratings.user_id[order], ratings.show_id[order]
    again = (users[1:] == users[:-1]) & (shows[1:] == shows[:-1])
    if not again.any():
        return ratings.take(order)
    # Few pairs occur twice, so only their rows are sorted by all six columns.
    in_group = np.zeros(len(order), dtype=np.bool_)
    in_group[1:] |= again
    in_group[:-1] |= again
    several = order[in_group]
    rows = ratings.take(several)
    ranked = several[
        np.lexsort(
            (rows.rating, rows.id_low, rows.id_high, rows.rated_at, rows.show_id, rows.user_id)
        )
    ]
    order[in_group] = ranked
    last_of_pair = np.append(~again, True)
    return ratings.take(order[last_of_pair])


def beats(first: RatingColumns, second: RatingColumns) -> NDArray[np.bool_]:
    """Tell where a row of ``first`` wins over the same row of ``second``.

    Parameters
    ----------
    first, second
        ``n`` rows each, of the same users and shows.

    Returns
    -------
    numpy.ndarray
        bool, shape ``(n,)``.
    """
    higher: NDArray[np.bool_] = first.rating > second.rating
    for name in ("id_low", "id_high", "rated_at"):
        ours: NDArray[Any] = getattr(first, name)
        theirs: NDArray[Any] = getattr(second, name)
        higher = (ours > theirs) | ((ours == theirs) & higher)
    return higher


def places(within: RatingColumns, wanted: RatingColumns) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Find pairs in sorted rows.

    Parameters
    ----------
    within
        ``n`` rows sorted by user, then show, no pair twice.
    wanted
        ``k`` rows.

    Returns
    -------
    tuple of numpy.ndarray
        The place of each pair, or the place where it would be inserted, int64; and
        whether it is there, bool; shape ``(k,)`` each.

    Notes
    -----
    Two columns make no single number to search for, so the user's rows are found first
    and then halved, for all pairs at once: O(k log n) without a pass over ``within``.
    """
    low = np.searchsorted(within.user_id, wanted.user_id, side="left").astype(np.int64)
    end = np.searchsorted(within.user_id, wanted.user_id, side="right").astype(np.int64)
    return show_places(within.show_id, wanted.show_id, low, end)


def show_places(
    within: NDArray[np.signedinteger[Any]],
    wanted: NDArray[np.int64],
    low: NDArray[np.int64],
    end: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Find shows within the rows of their users.

    Parameters
    ----------
    within
        The show of each row, shape ``(n,)``.
    wanted
        ``k`` shows.
    low, end
        Where to look for each: rows of ascending shows, from ``low`` to before ``end``;
        shape ``(k,)``.

    Returns
    -------
    tuple of numpy.ndarray
        As :func:`places`.
    """
    last = len(within) - 1
    high = end.copy()
    while (open_ := low < high).any():
        middle = (low + high) >> 1
        before = open_ & (within[np.minimum(middle, last)] < wanted)
        low = np.where(before, middle + 1, low)
        high = np.where(open_ & ~before, middle, high)
    there = low < end
    there[there] = within[low[there]] == wanted[there]
    return low, there


def laid_out(
    old: RatingColumns,
    fresh: RatingColumns,
    at: NDArray[np.int64],
    replaces: NDArray[np.bool_],
) -> RatingColumns:
    """Write old and fresh rows into new arrays, in order.

    Parameters
    ----------
    old
        ``n`` rows.
    fresh
        ``k`` rows, sorted.
    at
        Where each fresh row belongs among the old ones, int64, shape ``(k,)``.
    replaces
        Whether it takes that row's place or goes before it, bool, shape ``(k,)``.
    """
    inserted = ~replaces
    # Every row inserted before shifts what comes after it by one.
    target = at + np.cumsum(inserted, dtype=np.int64) - inserted
    from_old = np.ones(len(old) + np.count_nonzero(inserted), dtype=np.bool_)
    from_old[target[inserted]] = False

    def column(before: NDArray[Any], come: NDArray[Any]) -> NDArray[Any]:
        made = np.empty(len(from_old), dtype=before.dtype)
        made[from_old] = before
        made[target] = come
        return made

    return RatingColumns(*map(column, old.arrays, fresh.arrays))


def _by_pair(users: NDArray[np.int64], shows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the order by user, then show."""
    width = int(shows.max()) + 1
    if (int(users.max()) + 1) * width < 2**63:
        # One sort of one number instead of two sorts.
        return np.argsort(users * width + shows)
    return np.lexsort((shows, users))
