"""Who has rated what: one row per (user, show), ready for matrices."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mlproject.core.histories import Histories
from mlproject.core.ids import IdMap


@dataclass(frozen=True, slots=True)
class Interactions:
    """The latest rating of every (user, show), as parallel arrays.

    Parameters
    ----------
    users, shows
        Id maps; every show of the catalogue has a row, rated or not.
    user_rows, show_rows
        int32, shape ``(n,)``, sorted by user, then show; no pair occurs twice.
    ratings
        float32, shape ``(n,)``, 1 to 10; NaN = watched, not rated.
    rated_at
        int64, shape ``(n,)``, milliseconds since 1970, UTC; see
        :mod:`~mlproject.core.dates` for those that are made up.
    """

    users: IdMap
    shows: IdMap
    user_rows: NDArray[np.int32]
    show_rows: NDArray[np.int32]
    ratings: NDArray[np.float32]
    rated_at: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.user_rows)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of users, number of shows."""
        return len(self.users), len(self.shows)

    def matrix(self, values: NDArray[np.float32], chosen: NDArray[np.bool_]) -> sparse.csr_array:
        """Lay out ``values`` of the chosen rows as a users by shows matrix.

        Parameters
        ----------
        values
            float32, shape ``(n,)``.
        chosen
            Which rows to lay out, shape ``(n,)``.

        Returns
        -------
        scipy.sparse.csr_array
            float32, shape ``(users, shows)``, with sorted indices.
        """
        counts = np.bincount(self.user_rows[chosen], minlength=len(self.users))
        indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
        # Rows are sorted by (user, show) already, so the CSR arrays are slices of ours.
        return sparse.csr_array((values[chosen], self.show_rows[chosen], indptr), shape=self.shape)

    def histories(
        self, chosen: NDArray[np.bool_], history_weights: NDArray[np.float32]
    ) -> Histories:
        """Return what each user has rated, as far as it is chosen.

        Parameters
        ----------
        chosen
            Which rows, shape ``(n,)``.
        history_weights
            See :class:`~mlproject.core.model.TrainedModel`.

        Returns
        -------
        Histories
            One history per user, in row order.
        """
        counts = np.bincount(self.user_rows[chosen], minlength=len(self.users))
        indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        ratings = np.nan_to_num(self.ratings[chosen], nan=0).astype(np.int8)
        return Histories(indptr, self.show_rows[chosen], history_weights[ratings])


class HoldoutRule(Protocol):
    """Chooses the ratings that measure; of a user's ratings, by looking at no other user."""

    def held_out(self, interactions: Interactions) -> NDArray[np.bool_]:
        """Tell which ratings are held out, bool, shape ``(n,)``."""
        ...


@dataclass(frozen=True, slots=True)
class Split:
    """Interactions in two parts.

    Parameters
    ----------
    interactions
        All of them.
    held_out
        bool, shape ``(n,)``: True = measures, False = trains.
    by_time
        Whether what is held out is the newest.
    rule
        What chose them, which can be asked of other users too. None for a split that was not
        made of a whole data set.
    """

    interactions: Interactions
    held_out: NDArray[np.bool_]
    by_time: bool = False
    rule: HoldoutRule | None = None
