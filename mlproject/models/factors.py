"""Vectors of shows, and a linear map from a history to the vector of its user."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from mlproject.core.errors import ArtifactError
from mlproject.core.histories import Histories
from mlproject.core.model import Arrays, Floats, Shapes

_LONGEST_BLOCK: Final = 1 << 16


@dataclass(frozen=True)
class Factors:
    """A matrix factorisation whose users are folded in from their histories.

    The score of show ``i`` for a history is ``taste @ show_vectors[i] + show_biases[i]``
    with ``taste = features(history) @ fold_in``.

    Parameters
    ----------
    show_vectors
        float16, shape ``(shows, d)``.
    show_biases
        float32, shape ``(shows,)``.
    fold_in
        float32, shape ``(2 * d + 2, d)``: see :func:`history_features`.
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
        (_, d), features = arrays["show_vectors"].shape, len(arrays["fold_in"])
        if features != 2 * d + 2:
            raise ArtifactError(
                f"the map takes {features} features, and vectors of length {d} give {2 * d + 2}"
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

    def tastes(self, histories: Histories) -> Floats:
        """Return the vector of each history's user, shape ``(m, d)``."""
        tastes: Floats = history_features(histories, self._vectors) @ self.fold_in
        return tastes

    def similar(self, show_row: int) -> Floats:
        """Score every show by the cosine of its vector and one show's, shape ``(shows,)``."""
        scores: Floats = self._directions @ self._directions[show_row]
        return scores

    @cached_property
    def _vectors(self) -> Floats:
        """The vectors in single precision, which products are faster in."""
        return self.show_vectors.astype(np.float32)

    @cached_property
    def _directions(self) -> Floats:
        lengths = np.linalg.norm(self._vectors, axis=1, keepdims=True)
        directions: Floats = self._vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
        return directions


def history_features(histories: Histories, vectors: Floats) -> Floats:
    """Describe histories by sums of the vectors of their shows.

    Parameters
    ----------
    histories
        Of ``m`` users; entries without weight say nothing.
    vectors
        float32, shape ``(shows, d)``.

    Returns
    -------
    numpy.ndarray
        float32, shape ``(m, 2 * d + 2)``: with the weights ``w`` and vectors ``v`` of a
        history, ``sum(w v) / sqrt(sum(w) + 1)``, ``sum(w v) / (sum(w) + 1)``,
        ``log(1 + entries with weight)``, and 1.
    """
    d = vectors.shape[1]
    features = np.empty((len(histories), 2 * d + 2), dtype=np.float32)
    for start in range(0, len(histories), _LONGEST_BLOCK):
        _describe(histories[start : start + _LONGEST_BLOCK], vectors, features[start:])
    return features


def _describe(histories: Histories, vectors: Floats, features: Floats) -> None:
    """Write the features of some histories into the first rows of ``features``."""
    m, d = len(histories), vectors.shape[1]
    sums = np.zeros((m, d), dtype=np.float32)
    totals, counts = np.zeros(m, dtype=np.float32), np.zeros(m, dtype=np.float32)
    for user in range(m):
        first, last = histories.indptr[user], histories.indptr[user + 1]
        weights = histories.weights[first:last]
        sums[user] = weights @ vectors[histories.show_rows[first:last]]
        totals[user] = weights.sum()
        counts[user] = np.count_nonzero(weights)
    features[:m, :d] = sums / np.sqrt(totals + 1)[:, None]
    features[:m, d : 2 * d] = sums / (totals + 1)[:, None]
    features[:m, 2 * d] = np.log1p(counts)
    features[:m, 2 * d + 1] = 1
