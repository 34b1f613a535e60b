"""Whether a version may be served, asked as the service would ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mlproject.core.histories import Histories
from mlproject.core.ids import UNKNOWN_ROW
from mlproject.core.model import TrainedModel
from mlproject.core.rating_columns import RatingColumns
from mlproject.registry.checks import Bounds, check_version
from mlproject.serving.recommender import Recommender

if TYPE_CHECKING:
    # It needs scipy, which a promotion by hand does without.
    from mlproject.core.interactions import Split

_CHECKED_USERS: Final = 200


def findings(model: TrainedModel, split: Split, k: int) -> tuple[str, ...]:
    """Look for what must not be served, with the training part of some histories.

    Parameters
    ----------
    model
        As it was read back from its files.
    split
        What it was made from.
    k
        Length of the lists.

    Returns
    -------
    tuple of str
        As :func:`~mlproject.registry.checks.check_version` says it.
    """
    return _asked(model, split.interactions.histories(~split.held_out, model.history_weights), k)


def findings_today(model: TrainedModel, ratings: RatingColumns, k: int) -> tuple[str, ...]:
    """Look for what must not be served to the users of today, whatever the model was made from.

    Parameters
    ----------
    model
        As it was read back from its files.
    ratings
        The latest of each user and show, sorted by user, then show; may be none.
    k
        Length of the lists.
    """
    rows = model.shows.rows(ratings.show_id)
    known = rows != UNKNOWN_ROW
    users = ratings.user_id[known]
    starts = np.flatnonzero(np.diff(users, prepend=-1))
    histories = Histories(
        np.append(starts, len(users)).astype(np.int64),
        rows[known].astype(np.int32),
        model.history_weights[ratings.rating[known]],
    )
    return _asked(model, histories, k)


def _asked(model: TrainedModel, histories: Histories, k: int) -> tuple[str, ...]:
    telling = np.flatnonzero(histories.has_taste())
    chosen = telling[:: -(-len(telling) // _CHECKED_USERS) or 1]
    recommender = Recommender(0, model)
    return check_version(
        {
            **model.model.arrays(),
            "popularity": model.popularity,
            "history_weights": model.history_weights,
        },
        model.scores,
        lambda history, length: recommender.rank(history, length)[0],
        histories.take(chosen),
        Bounds(k=k),
    )
