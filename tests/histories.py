"""Histories for the checks of a version: what of a block of users the checks look at."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SeenHistories:
    """Which shows each user has seen, bool, shape ``(users, shows)``."""

    seen: NDArray[np.bool_]

    @property
    def indptr(self) -> NDArray[np.int64]:
        return np.concatenate(([0], np.cumsum(self.seen.sum(axis=1))))

    @property
    def show_rows(self) -> NDArray[np.int32]:
        return np.nonzero(self.seen)[1].astype(np.int32)

    def __len__(self) -> int:
        return len(self.seen)

    def __getitem__(self, users: slice) -> "SeenHistories":
        return SeenHistories(self.seen[users])
