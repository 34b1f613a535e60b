"""What one user has rated."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mlproject.core.rating_scale import RETRACTED


@dataclass(frozen=True, slots=True)
class UserRatings:
    """The latest rating of each show that a user has rated, by the ids that people send.

    Parameters
    ----------
    show_ids
        int64, shape ``(n,)``, no id twice.
    ratings
        int8, shape ``(n,)``: 1 to 10, 0 = watched, not rated.
    """

    show_ids: NDArray[np.int64]
    ratings: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.show_ids)

    @classmethod
    def standing(cls, show_ids: NDArray[np.signedinteger[Any]], ratings: NDArray[np.int8]) -> Self:
        """Take over the latest rating of each show, but for those that were taken back."""
        gone = ratings == RETRACTED
        if gone.any():
            show_ids, ratings = show_ids[~gone], ratings[~gone]
        return cls(show_ids.astype(np.int64), ratings)

    @classmethod
    def none(cls) -> Self:
        """Return the ratings of a user of whom nothing is known."""
        return cls(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int8))
