"""A trained model: scores as a function of what a user has rated.

A version holds no users. Whoever asks brings a history, so a new rating counts at once, a
new user needs no new version, and no person's data is in an old one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from mlproject.core.histories import Histories
from mlproject.core.ids import UNKNOWN_ROW, IdMap
from mlproject.core.user_ratings import UserRatings

Floats = NDArray[np.float32]
Rows = NDArray[np.int32] | NDArray[np.int64]
Arrays = Mapping[str, NDArray[Any]]

Shapes = Mapping[str, tuple[str, tuple[str | int, ...]]]
"""By name: dtype and shape, in which a text is a length that is equal wherever it occurs."""


class Model(Protocol):
    """What a trainer makes: one class for each kind, in :mod:`mlproject.models`."""

    kind: ClassVar[str]
    """Names the class in a version's files."""
    shapes: ClassVar[Shapes]
    """The arrays that hold the model; the length ``shows`` is the number of shows."""

    @classmethod
    def of_arrays(cls, arrays: Arrays) -> Self:
        """Take over arrays of these :attr:`shapes`."""
        ...

    def arrays(self) -> Arrays:
        """Return the arrays that :meth:`of_arrays` takes."""
        ...

    def scores(self, histories: Histories) -> Floats:
        """Score every show for each of ``m`` histories, shape ``(m, shows)``."""
        ...

    def similar(self, show_row: int) -> Floats:
        """Score every show by its likeness to one, shape ``(shows,)``."""
        ...

    def support(self, show_rows: Rows, weights: Floats, for_rows: Rows) -> Floats:
        """Return what each show of a history says for each of some shows.

        Parameters
        ----------
        show_rows, weights
            The history, shape ``(n,)`` each.
        for_rows
            The shows, shape ``(m,)``.

        Returns
        -------
        numpy.ndarray
            float32, shape ``(m, n)``: the higher, the more; what is not above 0 says nothing.
        """
        ...


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model and what is known of its shows: the content of a version.

    Parameters
    ----------
    shows
        Id map of the rows below.
    model
        Scores the shows for histories.
    popularity
        float32, shape ``(shows,)``, at least 0: how popular each show is now.
    history_weights
        float32, shape ``(11,)``: what a rating of 1 to 10 says of the taste, and in place
        0 a show that was watched and not rated.
    cards
        What is known of each show, in row order: ``show_id``, ``title``, ``genres``, …
    """

    shows: IdMap
    model: Model
    popularity: Floats
    history_weights: Floats
    cards: tuple[dict[str, Any], ...]

    def history(self, rated: UserRatings) -> Histories:
        """Return one user's history in the rows of this model, without shows it does not know."""
        rows = self.shows.rows(rated.show_ids)
        known = rows != UNKNOWN_ROW
        weights = self.history_weights[rated.ratings[known]]
        return Histories.of_one(rows[known].astype(np.int32), weights)

    def scores(self, histories: Histories) -> Floats:
        """Score every show for ``m`` histories, shape ``(m, shows)``, higher is better.

        Whoever has liked nothing yet gets the shows that are popular now. What has been
        seen is scored like the rest; ranking leaves it out.
        """
        taste = histories.has_taste()
        if taste.all():
            return self.model.scores(histories)
        scores = np.repeat(self.popularity[None, :], len(histories), axis=0)
        if taste.any():
            rows = np.flatnonzero(taste)
            scores[rows] = self.model.scores(histories.take(rows))
        return scores
