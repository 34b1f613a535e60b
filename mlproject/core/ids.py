"""External ids, which users send, and internal rows, which index arrays."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

UNKNOWN_ROW = -1


@dataclass(frozen=True, slots=True)
class IdMap:
    """A two-way map between external ids and rows ``0 .. n-1``.

    Parameters
    ----------
    ids
        External ids, int64, shape ``(n,)``, strictly ascending; row ``i`` is ``ids[i]``.

    Examples
    --------
    >>> shows = IdMap.of([30, 10, 20, 10])
    >>> shows.rows([20, 99])
    array([ 1, -1])
    """

    ids: NDArray[np.int64]

    @classmethod
    def of(cls, ids: ArrayLike) -> Self:
        """Map the distinct values of ``ids``, in ascending order."""
        return cls(np.unique(np.asarray(ids, dtype=np.int64)))

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, ids: ArrayLike) -> NDArray[np.int64]:
        """Return the row of each id, :data:`UNKNOWN_ROW` where there is none."""
        wanted = np.asarray(ids, dtype=np.int64)
        if not len(self.ids):
            return np.full(wanted.shape, UNKNOWN_ROW, dtype=np.int64)
        found = np.searchsorted(self.ids, wanted)
        found = np.where(found == len(self.ids), 0, found)
        return np.where(self.ids[found] == wanted, found, UNKNOWN_ROW)

    def row(self, external_id: int) -> int:
        """Return the row of one id, or :data:`UNKNOWN_ROW`."""
        found = int(np.searchsorted(self.ids, external_id))
        if found < len(self.ids) and self.ids[found] == external_id:
            return found
        return UNKNOWN_ROW
