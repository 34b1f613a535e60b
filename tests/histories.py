"""Histories from a matrix of who has seen what, and back."""

import numpy as np
from numpy.typing import NDArray

from mlproject.core.histories import Histories


def histories_of(seen: NDArray[np.bool_]) -> Histories:
    """Lay out who has seen what, shape ``(users, shows)``, as histories of likes."""
    users, shows = np.nonzero(seen)
    indptr = np.concatenate(([0], np.cumsum(seen.sum(axis=1)))).astype(np.int64)
    return Histories(indptr, shows.astype(np.int32), np.ones(len(users), dtype=np.float32))


def seen_in(histories: Histories, shows: int) -> NDArray[np.bool_]:
    """Return who has seen what, shape ``(users, shows)``."""
    seen = np.zeros((len(histories), shows), dtype=np.bool_)
    seen[histories.users, histories.show_rows] = True
    return seen
