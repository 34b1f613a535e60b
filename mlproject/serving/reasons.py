"""Why a show is recommended: the shows in the history that contribute most to its score."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlproject.core import columns as c
from mlproject.core.histories import Histories
from mlproject.core.model import TrainedModel
from mlproject.core.user_ratings import UserRatings

_MOST: Final = 2
# A second show is named only if it says at least so much of what the first one does.
_SHARE: Final = 0.5


def reasons(
    model: TrainedModel, rated: UserRatings, history: Histories, rows: NDArray[np.int64]
) -> list[dict[str, Any] | None]:
    """Say for each of some shows which liked shows speak for it.

    Parameters
    ----------
    model
        The version.
    rated, history
        One user's ratings, and the same in the model's rows.
    rows
        The shows, shape ``(n,)``.

    Returns
    -------
    list
        For each show ``{"text", "show_ids", "titles"}``; None where nothing in the history
        speaks for it, as for what is merely popular.
    """
    liked = history.weights > 0
    speakers = history.show_rows[liked]
    if not len(speakers):
        return [None] * len(rows)
    support = model.model.support(speakers, history.weights[liked], rows)
    unrated = set(rated.show_ids[rated.ratings == 0].tolist())
    return [_reason(model, speakers, said, unrated) for said in support]


def _reason(
    model: TrainedModel,
    speakers: NDArray[np.int32],
    said: NDArray[np.float32],
    unrated: set[int],
) -> dict[str, Any] | None:
    best = np.argsort(-said, kind="stable")[:_MOST]
    kept = [place for place in best if said[place] > 0 and said[place] >= _SHARE * said[best[0]]]
    if not kept:
        return None
    cards = [model.cards[int(speakers[place])] for place in kept]
    show_ids = [card[c.SHOW_ID] for card in cards]
    titles = [str(card[c.TITLE]) for card in cards]
    verb = "watched" if unrated.issuperset(show_ids) else "rated"
    return {
        "text": f"because you {verb} {_listed(titles)}",
        "show_ids": show_ids,
        "titles": titles,
    }


def _listed(titles: Sequence[str]) -> str:
    return " and ".join(titles)
