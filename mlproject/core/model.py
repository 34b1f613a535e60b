"""A trained model as plain arrays: what training makes and serving reads."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlproject.core.ids import UNKNOWN_ROW, IdMap


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """Factors, what everyone has seen, and what there is to show.

    The score of show ``i`` for user ``u`` is
    ``user_factors[u] @ show_factors[i] + show_biases[i]``.

    Parameters
    ----------
    users, shows
        Id maps of the rows below.
    user_factors
        float32, shape ``(users, d)``; a row of zeros is a user of whom nothing is
        known that could be liked (only dislikes, say): they get popular shows.
    show_factors
        float32, shape ``(shows, d)``, item features folded in.
    show_biases
        float32, shape ``(shows,)``.
    popularity
        float32, shape ``(shows,)``: the number of positive interactions.
    seen_indptr, seen_rows
        The shows each user has rated, as CSR: int64 ``(users + 1,)`` and int32.
    cards
        What is known of each show, in row order: ``show_id``, ``title``, ``genres``, …
    """

    users: IdMap
    shows: IdMap
    user_factors: NDArray[np.float32]
    show_factors: NDArray[np.float32]
    show_biases: NDArray[np.float32]
    popularity: NDArray[np.float32]
    seen_indptr: NDArray[np.int64]
    seen_rows: NDArray[np.int32]
    cards: tuple[dict[str, Any], ...]

    def seen(self, user_row: int) -> NDArray[np.int32]:
        """Return the rows of the shows that a user has rated; none for an unknown user."""
        if user_row == UNKNOWN_ROW:
            return self.seen_rows[:0]
        return self.seen_rows[self.seen_indptr[user_row] : self.seen_indptr[user_row + 1]]

    def knows_taste(self, user_row: int) -> bool:
        """Tell whether the user's scores mean anything."""
        return user_row != UNKNOWN_ROW and bool(self.user_factors[user_row].any())

    def scores(self, user_row: int) -> NDArray[np.float32]:
        """Return the user's score of every show, shape ``(shows,)``."""
        scores: NDArray[np.float32] = self.show_factors @ self.user_factors[user_row]
        return scores + self.show_biases
