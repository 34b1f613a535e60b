"""A validation slice of the training part, which chooses what a fit cannot determine itself."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

from mlproject.core.hashing import mix64
from mlproject.core.histories import Histories
from mlproject.core.interactions import Interactions, Split
from mlproject.core.model import Model
from mlproject.core.preferences import history_weights, is_relevant
from mlproject.core.ranking import top_k
from mlproject.dataset.split import hold_out
from mlproject.training.popularity import popular_now

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

USERS: Final = 1000
"""So many users are measured, at most; it is done after each epoch."""
FEWEST_USERS: Final = 30
"""What fewer users say of a slice is chance."""
SHARE: Final = 0.2
TIME_SHARE: Final = 0.2
"""Of the training part: by time it is that of all users."""

HALF_LIVES: Final = (36_500.0, 3000.0, 1000.0, 300.0, 100.0, 30.0)
"""Days from which the half-life of popularity is chosen: from that of all time to a month's."""

_CELLS: Final = 1 << 23
"""Scores held at once."""

Candidates = Callable[[Rows], Iterable[Floats]]
"""Takes rows of users, shape ``(m,)``; gives each candidate's new ``(m, shows)`` of scores."""


@dataclass(frozen=True, slots=True)
class Validation:
    """A slice, and what a fit may see while it is measured by the slice.

    Parameters
    ----------
    split
        What is left to train with; held out are the slice, the holdout, and what else
        would tell a fit of the time after the slice.
    users
        Rows of the users that are measured, int64, shape ``(u,)``.
    seen, liked
        Of each of them, what stays for the fit and what was liked in the slice; shape
        ``(u, shows)``.
    """

    split: Split
    users: Rows
    seen: sparse.csr_array
    liked: sparse.csr_array

    @property
    def tells(self) -> bool:
        """Whether there are users enough to go by."""
        return len(self.users) >= FEWEST_USERS

    def histories(self) -> Histories:
        """Return what everyone had rated before the slice."""
        return self.split.interactions.histories(~self.split.held_out, history_weights())

    def precision(self, model: Model) -> float:
        """Return the mean precision@10 of a model that was fitted without the slice."""
        histories = self.histories()
        return self.precisions(lambda rows: [model.scores(histories.take(rows))])[0]

    def precisions(self, candidates: Candidates, k: int = 10) -> list[float]:
        """Return the mean precision@k of each candidate, as the evaluation has it."""
        hits: Counter[int] = Counter()
        block = max(1, _CELLS // self.liked.shape[1])
        for start in range(0, len(self.users), block):
            seen, liked = (matrix[start : start + block] for matrix in (self.seen, self.liked))
            wanted = liked.toarray() > 0
            masked = np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr)), seen.indices
            # Beside LightFM's threads, more of them only spin.
            with threadpool_limits(1):
                for place, scores in enumerate(candidates(self.users[start : start + block])):
                    scores[masked] = -np.inf
                    best = top_k(scores, k)
                    shown = np.take_along_axis(scores, best, axis=1) > -np.inf
                    found = np.take_along_axis(wanted, best, axis=1) & shown
                    hits[place] += int(found.sum())
        return [hits[place] / (k * len(self.users)) for place in sorted(hits)]


def cut_validation(split: Split, seed: int, learned: NDArray[np.bool_] | None = None) -> Validation:
    """Cut a slice off the training part in the way that the holdout was cut.

    At random it is a fifth of the ratings of at most :data:`USERS` users, so that the fit
    loses little. By time it is the newest of everyone's before the holdout begins, and the
    fit sees nothing of what came later either: the first ratings of later users, which are
    in the training part, would tell it what became popular next. The loss is of the newest,
    so what was found should serve for a second fit, on the whole training part.

    Parameters
    ----------
    split
        Whose training part is cut.
    seed
        Of what is drawn. The same users are measured while others come.
    learned
        What trains in any case, since the fit goes on from one that has learned it; bool,
        shape ``(n,)``.
    """
    data = split.interactions
    training = ~split.held_out
    if split.by_time and split.held_out.any():
        training &= data.rated_at < data.rated_at[split.held_out].min()
    chosen = np.flatnonzero(training)
    part = Interactions(
        users=data.users,
        shows=data.shows,
        user_rows=data.user_rows[chosen],
        show_rows=data.show_rows[chosen],
        ratings=data.ratings[chosen],
        rated_at=data.rated_at[chosen],
    )
    inner, _ = hold_out(
        part,
        share=TIME_SHARE if split.by_time else SHARE,
        seed=seed + 1,  # by the hash of the holdout's, all of this part is on one side
        kind="time" if split.by_time else "random",
    )
    held = inner.held_out if learned is None else inner.held_out & ~learned[chosen]
    wanted = held & is_relevant(part.ratings)
    users = np.unique(part.user_rows[wanted]).astype(np.int64)
    if len(users) > USERS:
        drawn = np.argsort(mix64(data.users.ids[users], seed), kind="stable")[:USERS]
        users = np.sort(users[drawn])
    of_them = np.isin(part.user_rows, users)
    held = held if split.by_time else held & of_them
    held_out = ~training
    held_out[chosen] = held
    ones = np.ones(len(part), dtype=np.float32)
    return Validation(
        split=Split(data, held_out, split.by_time),
        users=users,
        seen=part.matrix(ones, ~held & of_them)[users],
        liked=part.matrix(ones, wanted & held & of_them)[users],
    )


def choose_half_life(split: Split, seed: int) -> float:
    """Return by which of :data:`HALF_LIVES` the popular shows are liked most on a slice.

    Where few rate, or for long, what is popular is known from years; where tastes turn
    with the season, from weeks. With too few users to tell, popularity does not fade.
    """
    validation = cut_validation(split, seed)
    if not validation.tells:
        return HALF_LIVES[0]
    found = [popular_now(validation.split, half_life) for half_life in HALF_LIVES]
    return best_of(HALF_LIVES, validation.precisions(lambda rows: alike_for_all(found, rows)))


def alike_for_all(scores: Iterable[Floats], rows: Rows) -> Iterable[Floats]:
    """Score every show alike for all users."""
    return (np.repeat(one[None, :], len(rows), axis=0) for one in scores)


def best_of(values: Sequence[float], measures: Sequence[float]) -> float:
    """Return the value that measures best, the first of equally good ones."""
    return values[int(np.argmax(measures))]
