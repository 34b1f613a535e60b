"""The same list for everyone: what is popular now."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from mlproject.core.histories import Histories
from mlproject.core.model import Arrays, Floats, Rows, Shapes


@dataclass(frozen=True)
class Popularity:
    """Scores each show by its popularity, whatever the history.

    Parameters
    ----------
    popularity
        float32, shape ``(shows,)``.
    """

    kind: ClassVar[str] = "popularity"
    shapes: ClassVar[Shapes] = {"popular_now": ("float32", ("shows",))}

    popularity: Floats

    @classmethod
    def of_arrays(cls, arrays: Arrays) -> Self:
        """Take over arrays of these :attr:`shapes`."""
        return cls(arrays["popular_now"])

    def arrays(self) -> Arrays:
        """Return the arrays that :meth:`of_arrays` takes."""
        return {"popular_now": self.popularity}

    def scores(self, histories: Histories) -> Floats:
        """Score every show alike for each history, shape ``(m, shows)``."""
        return np.repeat(self.popularity[None, :], len(histories), axis=0)

    def similar(self, show_row: int) -> Floats:  # noqa: ARG002 - it knows no likeness
        """Score every show by its popularity, shape ``(shows,)``."""
        return self.popularity.copy()

    def support(self, show_rows: Rows, weights: Floats, for_rows: Rows) -> Floats:
        """Return zeros, shape ``(m, n)``: no history says anything here."""
        return np.zeros((len(for_rows), len(show_rows)), dtype=np.float32) * weights
