"""A slice of the training part that tells when to stop."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mlproject.core.interactions import Interactions, Split
from mlproject.core.preferences import is_relevant
from mlproject.core.ranking import top_k
from mlproject.dataset.split import hold_out
from mlproject.training.lightfm_fit import FittedVectors

USERS: Final = 1000
"""So many users are measured, at most; it is done after each epoch."""
SHARE: Final = 0.2
TIME_SHARE: Final = 0.1
"""Of the training part: by time it is that of all users."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What a fit must not see, and what is measured by it.

    Parameters
    ----------
    held_out
        bool, shape ``(n,)``, of the interactions; none of it in the holdout itself.
    users
        Rows of the users that are measured, int64, shape ``(m,)``.
    seen, liked
        Of each of them, what stays for the fit and what was liked in the slice; shape
        ``(m, shows)``.
    """

    held_out: NDArray[np.bool_]
    users: NDArray[np.int64]
    seen: sparse.csr_array
    liked: sparse.csr_array

    def precision(self, fitted: FittedVectors, k: int = 10) -> float:
        """Return the precision of the lists of trained users, as the evaluation has it.

        Shows that took no part are left out.
        """
        chosen = np.flatnonzero(fitted.took_part)
        tastes = fitted.user_vectors[self.users]
        scores = tastes @ fitted.show_vectors[chosen].T + fitted.show_biases[chosen]
        seen = self.seen[:, chosen]
        scores[np.repeat(np.arange(len(scores)), np.diff(seen.indptr)), seen.indices] = -np.inf
        hits = np.take_along_axis(self.liked[:, chosen].toarray(), top_k(scores, k), axis=1)
        return float(hits.sum() / (k * max(1, len(scores))))


def cut_validation(split: Split, seed: int) -> Validation:
    """Cut a slice off the training part in the way that the holdout was cut.

    By time it is the newest of everyone's; at random it is a fifth of the ratings of at
    most :data:`USERS` users, so that the fit loses little.
    """
    data = split.interactions
    training = np.flatnonzero(~split.held_out)
    part = Interactions(
        users=data.users,
        shows=data.shows,
        user_rows=data.user_rows[training],
        show_rows=data.show_rows[training],
        ratings=data.ratings[training],
        rated_at=data.rated_at[training],
    )
    inner, _ = hold_out(
        part,
        share=TIME_SHARE if split.by_time else SHARE,
        seed=seed + 1,  # by the hash of the holdout's, all of this part is on one side
        kind="time" if split.by_time else "random",
    )
    wanted = inner.held_out & is_relevant(part.ratings)
    users = np.unique(part.user_rows[wanted]).astype(np.int64)
    if len(users) > USERS:
        users = np.sort(np.random.default_rng(seed).choice(users, USERS, replace=False))
    of_them = np.isin(part.user_rows, users)
    held = inner.held_out if split.by_time else inner.held_out & of_them
    held_out = np.zeros(len(data), dtype=np.bool_)
    held_out[training] = held
    ones = np.ones(len(part), dtype=np.float32)
    return Validation(
        held_out=held_out,
        users=users,
        seen=part.matrix(ones, ~held & of_them)[users],
        liked=part.matrix(ones, wanted & held & of_them)[users],
    )
