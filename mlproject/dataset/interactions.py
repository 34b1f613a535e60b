"""From rating events to one rating a (user, show)."""

from dataclasses import dataclass

import numpy as np

from mlproject.core import columns as c
from mlproject.core.catalogue import Catalogue
from mlproject.core.ids import UNKNOWN_ROW, IdMap
from mlproject.core.interactions import Interactions
from mlproject.core.ratings import RatingFrame


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What became of the events.

    Parameters
    ----------
    events
        Events read.
    repeats
        Events that came twice, by event id.
    unknown_show
        Events about shows that the catalogue does not know; they count once it does.
    replaced
        Events that a later rating of the same user and show replaced.
    """

    events: int
    repeats: int
    unknown_show: int
    replaced: int


def merge(ratings: RatingFrame, catalogue: Catalogue) -> tuple[Interactions, MergeReport]:
    """Keep the latest rating of every (user, show).

    Parameters
    ----------
    ratings
        Events in the order of partitions and offsets; of two with the same time, the
        later in this order wins.
    catalogue
        Every show gets a row, rated or not.
    """
    frame = ratings.frame
    # Repeats are named alike; pandas hashes strings faster than it sorts them.
    first = ~frame[c.EVENT_ID].duplicated().to_numpy()
    shows = IdMap(catalogue.frame[c.SHOW_ID].to_numpy())
    show_rows = shows.rows(frame[c.SHOW_ID].to_numpy())
    known = show_rows != UNKNOWN_ROW
    kept = np.flatnonzero(first & known)

    users, user_rows = np.unique(frame[c.USER_ID].to_numpy()[kept], return_inverse=True)
    times = frame[c.RATED_AT].to_numpy()[kept]
    by_time = np.argsort(times, kind="stable")
    pairs = user_rows.astype(np.int64) * max(len(shows), 1) + show_rows[kept]
    # Reversed, the first of each pair is its latest; unique returns first occurrences.
    latest_first = by_time[::-1]
    _, latest = np.unique(pairs[latest_first], return_index=True)
    chosen = latest_first[latest]

    interactions = Interactions(
        users=IdMap(users),
        shows=shows,
        user_rows=user_rows[chosen].astype(np.int32),
        show_rows=show_rows[kept][chosen].astype(np.int32),
        ratings=frame[c.RATING].to_numpy(dtype=np.float32, na_value=np.nan)[kept][chosen],
    )
    report = MergeReport(
        events=len(frame),
        repeats=int((~first).sum()),
        unknown_show=int((first & ~known).sum()),
        replaced=len(kept) - len(chosen),
    )
    return interactions, report
