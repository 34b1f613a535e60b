"""One answer interleaved from two versions."""

from typing import Any

import numpy as np

from mlproject.core.ids import UNKNOWN_ROW
from mlproject.core.user_ratings import UserRatings
from mlproject.serving.interleaving import seed_of, team_draft
from mlproject.serving.recommender import Answer, Recommender, Wish


def interleaved(
    versions: tuple[Recommender, Recommender],
    user_id: int,
    rated: UserRatings,
    wish: Wish,
    position: dict[str, Any],
) -> Answer:
    """Rank shows for a user by production and challenger in turn.

    Parameters
    ----------
    versions
        Production and challenger.
    user_id, rated, wish, position
        As :meth:`~mlproject.serving.recommender.Recommender.answer` takes them.

    Returns
    -------
    Answer
        As production gives it, with ``challenger_version``. Shows that production does not
        know are left out, and scores are production's, so they do not descend.

    Raises
    ------
    RequestError
        If one of the versions has no show of a genre or type that was asked for.
    """
    production, challenger = versions
    history = production.model.history(rated)
    ours, _ = production.ranked(history, wish)
    found, _ = challenger.ranked(challenger.model.history(rated), wish)
    theirs = production.model.shows.rows(challenger.model.shows.ids[found])
    chosen, teams = team_draft(
        ours.tolist(),
        theirs[theirs != UNKNOWN_ROW].tolist(),
        wish.num_items,
        seed_of(user_id, production.version, challenger.version),
    )
    rows = np.array(chosen, dtype=np.int64)
    scores = production.model.scores(history)[0][rows]
    more = {"challenger_version": challenger.version, "position": position, **wish.told}
    whom = user_id, rated, history
    return production.told(whom, rows, scores, more, explain=wish.explain, teams=teams)
