"""What users have rated, in the rows of a model: what a taste is computed from."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mlproject.core.ids import UNKNOWN_ROW


@dataclass(frozen=True, slots=True)
class Histories:
    """The histories of ``m`` users, as CSR; ``n`` ratings in all.

    Parameters
    ----------
    indptr
        int64, shape ``(m + 1,)``: user ``u`` has the entries ``indptr[u]`` to ``indptr[u + 1]``.
    show_rows
        int32, shape ``(n,)``: rows of the model's shows, no show twice for a user.
    weights
        float32, shape ``(n,)``: how much each rating says of the taste, 0 = seen, no more.

    Examples
    --------
    >>> both = Histories.of_each([[0, 2], [1]], [[1.0, 0.5], [0.0]])
    >>> both.users.tolist(), both[1:].show_rows.tolist(), both.has_taste().tolist()
    ([0, 0, 1], [1], [True, False])
    """

    indptr: NDArray[np.int64]
    show_rows: NDArray[np.int32]
    weights: NDArray[np.float32]

    @classmethod
    def of_one(cls, show_rows: NDArray[np.int32], weights: NDArray[np.float32]) -> Self:
        """Wrap the history of a single user."""
        return cls(np.array([0, len(show_rows)], dtype=np.int64), show_rows, weights)

    @classmethod
    def of_each(cls, show_rows: list[list[int]], weights: list[list[float]]) -> Self:
        """Lay out lists, one per user."""
        lengths = [len(rows) for rows in show_rows]
        return cls(
            np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
            np.array([row for rows in show_rows for row in rows], dtype=np.int32),
            np.array([weight for row in weights for weight in row], dtype=np.float32),
        )

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def __getitem__(self, users: slice) -> "Histories":
        """Return a block of neighbouring users; no array is copied but ``indptr``."""
        start, stop, step = users.indices(len(self))
        if step != 1:
            raise ValueError("a block of users has a step of 1")
        stop = max(start, stop)
        first, last = self.indptr[start], self.indptr[stop]
        return Histories(
            self.indptr[start : stop + 1] - first,
            self.show_rows[first:last],
            self.weights[first:last],
        )

    @property
    def users(self) -> NDArray[np.int64]:
        """The user of each entry, int64, shape ``(n,)``."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))

    def take(self, users: NDArray[np.int64]) -> "Histories":
        """Return the histories of some users, in the order given."""
        lengths = np.diff(self.indptr)[users]
        indptr = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
        entries = np.arange(indptr[-1]) + np.repeat(self.indptr[users] - indptr[:-1], lengths)
        return Histories(indptr, self.show_rows[entries], self.weights[entries])

    def in_rows(self, rows: NDArray[np.int64]) -> "Histories":
        """Return the same histories in other rows.

        Parameters
        ----------
        rows
            The new row of each old one, shape ``(shows,)``; entries whose row becomes
            :data:`~mlproject.core.ids.UNKNOWN_ROW` are left out.
        """
        moved = rows[self.show_rows]
        known = moved != UNKNOWN_ROW
        kept = np.concatenate(([0], np.cumsum(known)))
        return Histories(kept[self.indptr], moved[known].astype(np.int32), self.weights[known])

    def has_taste(self) -> NDArray[np.bool_]:
        """Tell which histories say what a user likes, bool, shape ``(m,)``."""
        if len(self) == 1:
            return np.array([(self.weights > 0).any()])
        liking = np.concatenate(([0], np.cumsum(self.weights > 0)))
        return np.asarray(liking[self.indptr[1:]] > liking[self.indptr[:-1]])
