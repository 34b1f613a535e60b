"""Answers for one user from one version of the model."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mlproject.core import columns as c
from mlproject.core.ids import UNKNOWN_ROW
from mlproject.core.model import TrainedModel
from mlproject.core.ranking import top_k

Source = Literal["personalized", "popular"]


@dataclass(frozen=True, slots=True)
class Recommender:
    """A version of the model, ready to answer."""

    version: int
    model: TrainedModel

    def recommend(self, user_id: int, num_items: int, rated: Iterable[int] = ()) -> dict[str, Any]:
        """Rank the shows that a user has not rated.

        A user whose taste the model does not know gets the shows that most people
        like, and ``source`` says so.

        Parameters
        ----------
        user_id
            Any id.
        num_items
            At least 1; a user who has rated nearly everything gets fewer.
        rated
            Ids of shows that the user has rated since the model was trained.

        Returns
        -------
        dict
            ``user_id``, ``model_version``, ``source`` and ``items``, best first: what
            is known of each show and its ``score``.
        """
        model = self.model
        row = model.users.row(user_id)
        source: Source
        if model.knows_taste(row):
            source, scores = "personalized", model.scores(row)
        else:
            source, scores = "popular", np.array(model.popularity)
        scores[model.seen(row)] = -np.inf
        for show_id in rated:
            if (show_row := model.shows.row(show_id)) != UNKNOWN_ROW:
                scores[show_row] = -np.inf
        best = top_k(scores, num_items)
        return {
            "user_id": user_id,
            "model_version": self.version,
            "source": source,
            "items": [
                {**model.cards[show], "score": round(float(scores[show]), 4)}
                for show in best.tolist()
                if scores[show] > -np.inf
            ],
        }

    def title(self, show_id: int) -> str | None:
        """Return a show's title, None if the model does not know the show."""
        row = self.model.shows.row(show_id)
        return None if row == UNKNOWN_ROW else str(self.model.cards[row][c.TITLE])

    def warm_up(self) -> None:
        """Answer once for a known and once for an unknown user, to touch every array."""
        if len(self.model.users):
            self.recommend(int(self.model.users.ids[0]), 1)
        self.recommend(UNKNOWN_ROW, 1)
