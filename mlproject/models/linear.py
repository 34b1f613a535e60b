"""Sparse weights between shows: what each show in a history says of the others."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mlproject.core.errors import ArtifactError
from mlproject.core.histories import Histories
from mlproject.core.model import Arrays, Floats, Rows, Shapes

Halves = NDArray[np.float16]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Linear:
    """A linear model from item to item, in numpy alone.

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

    kind: ClassVar[str] = "linear"
    shapes: ClassVar[Shapes] = {
        "indptr": ("int64", ("ends",)),
        "columns": ("int32", ("weights",)),
        "values": ("float16", ("weights",)),
        "prior": ("float32", ("shows",)),
    }

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

    @classmethod
    def of_arrays(cls, arrays: Arrays) -> Self:
        """Take over arrays of these :attr:`shapes`.

        Raises
        ------
        ArtifactError
            If they do not fit each other.
        """
        return cls(**arrays)

    def arrays(self) -> Arrays:
        """Return the arrays that :meth:`of_arrays` takes."""
        return {name: getattr(self, name) for name in self.shapes}

    def scores(self, histories: Histories) -> Floats:
        """Score every show for each of ``m`` histories, shape ``(m, shows)``."""
        found = np.empty((len(histories), len(self.prior)), dtype=np.float32)
        ends = histories.indptr.tolist()
        for user in range(len(histories)):
            entries = slice(ends[user], ends[user + 1])
            found[user] = self.scores_of_one(
                histories.show_rows[entries], histories.weights[entries]
            )
        return found

    def similar(self, show_row: int) -> Floats:
        """Score every show by what one show says of it, shape ``(shows,)``."""
        found = np.zeros(len(self.prior), dtype=np.float32)
        entries = slice(self.indptr[show_row], self.indptr[show_row + 1])
        found[self.columns[entries]] = self.values[entries]
        return found

    def support(self, show_rows: Rows, weights: Floats, for_rows: Rows) -> Floats:
        """Return what each show of a history adds to each of some scores, shape ``(m, n)``."""
        said = np.zeros((len(for_rows), len(show_rows)), dtype=np.float32)
        order = np.argsort(for_rows, kind="stable")
        ascending = np.asarray(for_rows)[order]
        for place, row in enumerate(show_rows.tolist()):
            entries = slice(self.indptr[row], self.indptr[row + 1])
            columns = self.columns[entries]
            at = np.minimum(np.searchsorted(ascending, columns), len(ascending) - 1)
            hit = ascending[at] == columns
            said[order[at[hit]], place] = self.values[entries][hit]
        said *= weights
        return said

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
        telling = weights != 0
        if not telling.all():
            rows, weights = rows[telling], weights[telling]
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
