"""Whether a version may be served, asked as the service would ask it."""

from typing import Final

import numpy as np

from mlproject.core.histories import Histories
from mlproject.core.interactions import Interactions, Split
from mlproject.core.model import TrainedModel
from mlproject.registry.checks import Bounds, check_version
from mlproject.serving.recommender import Recommender

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


def findings_today(model: TrainedModel, data: Interactions, k: int) -> tuple[str, ...]:
    """Look for what must not be served to the users of today, whatever the model was made from."""
    everything = np.ones(len(data), dtype=np.bool_)
    histories = data.histories(everything, model.history_weights)
    return _asked(model, histories.in_rows(model.shows.rows(data.shows.ids)), k)


def _asked(model: TrainedModel, histories: Histories, k: int) -> tuple[str, ...]:
    telling = np.flatnonzero(histories.has_taste())
    chosen = telling[:: -(-len(telling) // _CHECKED_USERS) or 1]
    recommender = Recommender(0, model)
    return check_version(
        {**model.model.arrays(), "popularity": model.popularity},
        model.scores,
        lambda history, length: recommender.rank(history, length)[0],
        histories.take(chosen),
        Bounds(k=k),
    )
