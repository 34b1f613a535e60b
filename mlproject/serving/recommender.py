"""Answers for one user from one version of the model."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlproject.core import columns as c
from mlproject.core.histories import Histories
from mlproject.core.ids import UNKNOWN_ROW
from mlproject.core.model import TrainedModel
from mlproject.core.ranking import top_k
from mlproject.core.sources import source_of
from mlproject.core.user_ratings import UserRatings


@dataclass(frozen=True, slots=True)
class Recommender:
    """A version of the model, ready to answer."""

    version: int
    model: TrainedModel

    def recommend(self, user_id: int, rated: UserRatings, num_items: int) -> dict[str, Any]:
        """Rank the shows that a user has not rated.

        Parameters
        ----------
        user_id
            Any id; it is only repeated in the answer.
        rated
            What the user has rated.
        num_items
            At least 1; a user who has rated nearly everything gets fewer.

        Returns
        -------
        dict
            ``user_id``, ``model_version``, ``source`` and ``items``, best first: what
            is known of each show and its ``score``. For the source see
            :func:`~mlproject.core.sources.source_of`.
        """
        history = self.model.history(rated)
        best, scores = self.rank(history, num_items)
        cards = self.model.cards
        return {
            "user_id": user_id,
            "model_version": self.version,
            "source": source_of(int(np.count_nonzero(history.weights > 0))),
            "items": [
                {**cards[show], "score": round(score, 4)}
                for show, score in zip(best.tolist(), scores.tolist(), strict=True)
            ],
        }

    def rank(
        self, history: Histories, num_items: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the rows of the best shows that are not in one history, and their scores."""
        scores = self.model.scores(history)[0]
        scores[history.show_rows] = -np.inf
        best = top_k(scores, num_items)
        ranked = scores[best]
        showable = ranked > -np.inf
        return best[showable], ranked[showable]

    def title(self, show_id: int) -> str | None:
        """Return a show's title, None if the model does not know the show."""
        row = self.model.shows.row(show_id)
        return None if row == UNKNOWN_ROW else str(self.model.cards[row][c.TITLE])

    def warm_up(self) -> None:
        """Answer once with a history and once without, to touch every array."""
        best = np.full(1, 10, dtype=np.int8)
        self.recommend(0, UserRatings(self.model.shows.ids[:1], best), 1)
        self.recommend(0, UserRatings.none(), 1)
