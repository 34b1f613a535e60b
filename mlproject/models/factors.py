"""Vectors of shows, and a linear map from a history to the vector of its user."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mlproject.core.errors import ArtifactError
from mlproject.core.histories import Histories
from mlproject.core.model import Arrays, Floats, Rows, Shapes
from mlproject.models.fold_in import FoldIn


@dataclass(frozen=True)
class Factors:
    """A matrix factorisation whose users are folded in from their histories.

    The score of show ``i`` for a history is ``taste @ show_vectors[i] + show_biases[i]``
    with a taste that is a map of the history.

    Parameters
    ----------
    show_vectors
        float16, shape ``(shows, d)``.
    show_biases
        float32, shape ``(shows,)``.
    fold_in
        float32, shape ``(2 * (2 * d + 2), d)``: see :class:`~mlproject.models.fold_in.FoldIn`.
    """

    kind: ClassVar[str] = "factors"
    shapes: ClassVar[Shapes] = {
        "show_vectors": ("float16", ("shows", "d")),
        "show_biases": ("float32", ("shows",)),
        "fold_in": ("float32", ("features", "d")),
    }

    show_vectors: NDArray[np.float16]
    show_biases: Floats
    fold_in: Floats

    @classmethod
    def of_arrays(cls, arrays: Arrays) -> Self:
        """Take over arrays of these :attr:`shapes`.

        Raises
        ------
        ArtifactError
            If the map takes other features than the vectors give.
        """
        (_, d), taken = arrays["show_vectors"].shape, len(arrays["fold_in"])
        given = 2 * (2 * d + 2)
        if taken != given:
            raise ArtifactError(
                f"the map takes {taken} features, and vectors of length {d} give {given}"
            )
        return cls(**arrays)

    def arrays(self) -> Arrays:
        """Return the arrays that :meth:`of_arrays` takes."""
        return {name: getattr(self, name) for name in self.shapes}

    def scores(self, histories: Histories) -> Floats:
        """Score every show for each history, shape ``(m, shows)``."""
        found: Floats = self.tastes(histories) @ self._vectors.T
        found += self.show_biases
        return found

    def scores_of(self, show_rows: Rows, taste: Floats) -> Floats:
        """Score some shows for one of the :meth:`tastes`, shape ``(n,)``."""
        found: Floats = self._vectors[show_rows] @ taste
        found += self.show_biases[show_rows]
        return found

    def tastes(self, histories: Histories) -> Floats:
        """Return the vector of each history's user, shape ``(m, d)``."""
        return FoldIn(self.fold_in).tastes(
            self._vectors, histories.indptr, histories.show_rows, histories.weights
        )

    def similar(self, show_row: int) -> Floats:
        """Score every show by the cosine of its vector and one show's, shape ``(shows,)``."""
        scores: Floats = self._directions @ self._directions[show_row]
        return scores

    def support(self, show_rows: Rows, weights: Floats, for_rows: Rows) -> Floats:
        """Weigh the cosines of each show's vector with those of a history, shape ``(m, n)``."""
        said: Floats = self._directions[for_rows] @ self._directions[show_rows].T
        said *= weights
        return said

    @cached_property
    def _vectors(self) -> Floats:
        """The vectors in single precision, which products are faster in."""
        return self.show_vectors.astype(np.float32)

    @cached_property
    def _directions(self) -> Floats:
        lengths = np.linalg.norm(self._vectors, axis=1, keepdims=True)
        directions: Floats = self._vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
        return directions
