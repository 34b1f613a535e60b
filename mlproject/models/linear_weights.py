"""Scores shows by sparse weights between shows, in numpy alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlproject.core.errors import ArtifactError

Floats = NDArray[np.float32]
Halves = NDArray[np.float16]
Rows = NDArray[np.int32] | NDArray[np.int64]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LinearWeights:
    """What a show in a history says of every other show.

    The weights from show ``i`` of a history are ``values[indptr[i]:indptr[i + 1]]``, on
    the shows ``columns[indptr[i]:indptr[i + 1]]``: the rows of a CSR matrix of shape
    ``(shows, shows)``. A history with weights ``h`` scores ``h @ W``, and to that comes a
    popularity that fades as the history grows: ``prior / (1 + sum(h))``.

    Parameters
    ----------
    indptr
        int64, shape ``(shows + 1,)``.
    columns
        int32, shape ``(weights,)``; no column twice in a row.
    values
        float16 or float32, shape ``(weights,)``. The scores of one history take half as
        long again with float16.
    prior
        float32, shape ``(shows,)``: the scores without any history.

    Raises
    ------
    ArtifactError
        If the arrays do not fit each other, so that no score reads beyond them.
    """

    indptr: Places
    columns: NDArray[np.int32]
    values: Halves | Floats
    prior: Floats

    def __post_init__(self) -> None:
        shows = len(self.prior)
        fits = (
            self.indptr.shape == (shows + 1,)
            and self.columns.shape == self.values.shape == (int(self.indptr[-1]),)
            and self.indptr[0] == 0
            and (np.diff(self.indptr) >= 0).all()
            and (not self.columns.size or (self.columns.min() >= 0 and self.columns.max() < shows))
        )
        if not fits:
            raise ArtifactError("the arrays of the linear weights do not fit each other")

    def scores(self, indptr: Places, rows: Rows, weights: Floats) -> Floats:
        """Score every show for each of some histories.

        Parameters
        ----------
        indptr
            int, shape ``(m + 1,)``: history ``u`` is ``rows[indptr[u]:indptr[u + 1]]``.
        rows
            int, shape ``(n,)``: rows of shows, each from 0 to ``shows - 1``.
        weights
            float32, shape ``(n,)``.

        Returns
        -------
        numpy.ndarray
            float32, shape ``(m, shows)``.
        """
        found = np.empty((len(indptr) - 1, len(self.prior)), dtype=np.float32)
        for scores, start, end in zip(found, indptr[:-1], indptr[1:], strict=True):
            scores[:] = self.scores_of_one(rows[start:end], weights[start:end])
        return found

    def scores_of_one(self, rows: Rows, weights: Floats) -> Floats:
        """Score every show for one history, in time that its weights take and not the shows'.

        Parameters
        ----------
        rows
            int, shape ``(n,)``, each from 0 to ``shows - 1``.
        weights
            float32, shape ``(n,)``.

        Returns
        -------
        numpy.ndarray
            float32, shape ``(shows,)``.
        """
        starts = self.indptr[rows]
        lengths = self.indptr[1:][rows] - starts
        ends = lengths.cumsum()
        # Where the weights of all rows lie: each row's start, and one more at each place.
        places = np.repeat(starts - ends + lengths, lengths)
        places += np.arange(len(places))
        # "clip" takes without a buffer, in half the time; no place is out of bounds.
        addends = self.values.take(places, mode="clip").astype(np.float32, copy=False)
        addends *= np.repeat(weights, lengths)
        scores: Floats = self.prior / np.float32(1 + weights.sum())
        # numpy's fast path wants its own kind of index.
        np.add.at(scores, self.columns.take(places, mode="clip").astype(np.intp), addends)
        return scores
