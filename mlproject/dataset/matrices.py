"""From the latest ratings and the catalogue to interactions, by array operations."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlproject.core import columns as c
from mlproject.core.catalogue import Catalogue
from mlproject.core.ids import UNKNOWN_ROW, IdMap
from mlproject.core.interactions import Interactions
from mlproject.core.rating_columns import RatingColumns
from mlproject.core.rating_scale import UNRATED

# Up to this highest show id, a table of rows (4 bytes an id) replaces a search.
_TABLE: Final = 1 << 24


def interactions(ratings: RatingColumns, catalogue: Catalogue) -> tuple[Interactions, int]:
    """Lay out the ratings of known shows.

    Parameters
    ----------
    ratings
        The latest of every (user, show), sorted by user, then show; what was taken back is
        left out.
    catalogue
        Every show gets a row, rated or not.

    Returns
    -------
    tuple
        The interactions, and how many ratings wait for the catalogue to know their show.
    """
    return of_shows(ratings, IdMap(catalogue.frame[c.SHOW_ID].to_numpy()))


def of_shows(ratings: RatingColumns, shows: IdMap) -> tuple[Interactions, int]:
    """Lay out the ratings of some shows, as :func:`interactions` does those of a catalogue."""
    ratings = ratings.standing()
    show_rows = _rows(shows, ratings.show_id)
    users, values, times = ratings.user_id, ratings.rating, ratings.rated_at
    known = show_rows != UNKNOWN_ROW
    waiting = len(known) - int(np.count_nonzero(known))
    if waiting:
        show_rows, users = show_rows[known], users[known]
        values, times = values[known], times[known]

    # The rows are sorted by user: where the user changes, the next row begins.
    starts = np.empty(len(users), dtype=np.bool_)
    starts[:1] = True
    np.not_equal(users[1:], users[:-1], out=starts[1:])
    user_rows = np.cumsum(starts, dtype=np.int32)
    user_rows -= 1
    found = Interactions(
        users=IdMap(users[starts]),
        shows=shows,
        user_rows=user_rows,
        show_rows=show_rows,
        ratings=_VALUES[values],
        rated_at=times,
    )
    return found, waiting


def _rows(shows: IdMap, wanted: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the row of each rating's show, int32, shape ``(n,)``."""
    highest = int(wanted.max(initial=-1))
    if highest >= _TABLE:
        return shows.rows(wanted).astype(np.int32)
    table = np.full(highest + 1, UNKNOWN_ROW, dtype=np.int32)
    known = shows.ids[shows.ids <= highest]
    table[known] = np.arange(len(known), dtype=np.int32)
    return table[wanted]


# A rating's value by its int8: NaN where there is none.
_VALUES: Final = np.arange(128, dtype=np.float32)
_VALUES[UNRATED] = np.nan
