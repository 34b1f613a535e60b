"""Measures recommenders on the holdout, as they would be served."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mlproject.core.errors import NotEnoughDataError
from mlproject.core.ids import UNKNOWN_ROW
from mlproject.core.interactions import Split
from mlproject.core.model import TrainedModel
from mlproject.core.preferences import is_relevant
from mlproject.core.ranking import top_k
from mlproject.training import metrics

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
PerUser = NDArray[np.float64]

Scorer = Callable[[Rows], Floats]
"""Scores every show for some users: rows of shape ``(m,)`` to a new array ``(m, shows)``."""

Recommender = Callable[[Split], Scorer]
"""Gives what scores for the users of a split, by what trains of their ratings."""

EvaluateEach = Callable[[Sequence[Recommender], Split, int], list["Evaluation"]]
"""Measures recommenders by the same users, by lists of some length."""

COLD: Final = 10
"""A user or a show with so few ratings in the training part, or fewer, is cold.

The literature calls 0 to about 20 ratings cold; users split by time have at least five, so
ten is at the low end.
"""

_CELLS: Final = 1 << 24
"""Scores held at once: the users of a block times the shows."""


AUC_USERS: Final = 1000
"""AUC needs every score sorted, so it is measured on at most so many users, evenly spaced."""


@dataclass(frozen=True)
class Evaluation:
    """How good the lists of a recommender are, user by user.

    Measured is each user with something relevant in the holdout: ``u`` users, the same in
    the same order for every recommender.

    Parameters
    ----------
    k
        Length of the lists.
    users
        int64, shape ``(u,)``: the rows of the users measured.
    lists
        int32, shape ``(u, k)``: rows of shows, best first; UNKNOWN_ROW past a list's end.
    hits
        bool, shape ``(u, k)``: whether that show is relevant.
    relevant
        int64, shape ``(u,)``: how many relevant shows each user has.
    auc
        float64, of at most :data:`AUC_USERS` of the users.
    shows
        How many shows there are.
    cold_user
        Whether the user is cold, bool, shape ``(u,)``.
    cold_show_recall
        Of the users with a relevant show that is cold: the share of those shows that is in
        the list. Their precision would say little: hardly any list has room for a hit.
    """

    k: int
    users: Rows
    lists: NDArray[np.int32]
    hits: NDArray[np.bool_]
    relevant: Rows
    auc: PerUser
    shows: int
    cold_user: NDArray[np.bool_]
    cold_show_recall: PerUser

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Join the evaluations of some users and of others, at least one, by the same whole."""
        joined: dict[str, Any] = {"k": parts[0].k, "shows": parts[0].shows}
        for name in {field.name for field in fields(cls)} - joined.keys():
            joined[name] = np.concatenate([getattr(part, name) for part in parts])
        return cls(**joined)

    @cached_property
    def precision(self) -> PerUser:
        """Precision@k of each user."""
        return metrics.precision(self.hits)

    @cached_property
    def recall(self) -> PerUser:
        """Recall@k of each user."""
        return metrics.recall(self.hits, self.relevant)

    @cached_property
    def ndcg(self) -> PerUser:
        """NDCG@k of each user."""
        return metrics.ndcg(self.hits, self.relevant)

    @cached_property
    def coverage(self) -> float:
        """Share of the shows that are in anybody's list."""
        return len(np.unique(self.lists[self.lists != UNKNOWN_ROW])) / self.shows

    def means(self) -> dict[str, float]:
        """Return the averages that every recommender of a run is compared by."""
        return {
            f"precision_at_{self.k}": float(self.precision.mean()),
            f"recall_at_{self.k}": float(self.recall.mean()),
            f"ndcg_at_{self.k}": float(self.ndcg.mean()),
            f"coverage_at_{self.k}": self.coverage,
        }

    def further_means(self) -> dict[str, float]:
        """Return the averages of the other measures of the ranking."""
        return {
            f"map_at_{self.k}": float(metrics.average_precision(self.hits, self.relevant).mean()),
            f"mrr_at_{self.k}": float(metrics.reciprocal_rank(self.hits).mean()),
            f"hit_rate_at_{self.k}": float(metrics.hit_rate(self.hits).mean()),
            "auc": float(self.auc.mean()),
        }

    def cold_users(self) -> dict[str, float]:
        """Return the precision of cold users' lists, nothing if there are none."""
        if not self.cold_user.any():
            return {}
        return {f"cold_user_precision_at_{self.k}": float(self.precision[self.cold_user].mean())}

    def slices(self) -> dict[str, float]:
        """Return what holds for cold users and for cold shows, each with its count of users.

        Nothing is said of a slice that is empty.
        """
        found = self.cold_users()
        if found:
            found["cold_users"] = int(self.cold_user.sum())
        if len(self.cold_show_recall):
            found[f"cold_show_recall_at_{self.k}"] = float(self.cold_show_recall.mean())
            found["cold_show_users"] = len(self.cold_show_recall)
        return found


@dataclass(frozen=True, slots=True)
class Whole:
    """What an evaluation of some users has to know about all users.

    Parameters
    ----------
    cold_shows
        Whether the show is cold, bool, shape ``(shows,)``.
    auc_users
        Ids of the users by whom AUC is measured, int64.
    """

    cold_shows: NDArray[np.bool_]
    auc_users: NDArray[np.int64]

    @classmethod
    def of(cls, raters: NDArray[np.int64], measured: NDArray[np.int64]) -> Self:
        """Look at how many have rated each show, and at the ids of the users measured.

        Parameters
        ----------
        raters
            Of the training part, int64, shape ``(shows,)``.
        measured
            int64, shape ``(u,)``, ascending, at least one.
        """
        return cls(raters <= COLD, measured[:: -(-len(measured) // AUC_USERS)])


def measured_users(split: Split) -> NDArray[np.int64]:
    """Return the ids of the users with something relevant in the holdout, ascending."""
    data = split.interactions
    liked = data.user_rows[split.held_out & is_relevant(data.ratings)]
    return data.users.ids[np.unique(liked)]


def raters_of_shows(split: Split) -> NDArray[np.int64]:
    """Count who has rated each show in the training part, int64, shape ``(shows,)``."""
    data = split.interactions
    return np.bincount(data.show_rows[~split.held_out], minlength=len(data.shows))


def evaluate(score: Scorer, split: Split, k: int, whole: Whole | None = None) -> Evaluation:
    """Rank, for each user, what they had not rated in the training part.

    Relevant is what :func:`~mlproject.core.preferences.is_relevant` says, in the holdout;
    shows rated in the training part are masked, as serving masks them.

    Parameters
    ----------
    score
        Scores for the users of the split.
    split
        Who is measured, and by what.
    k
        Length of the lists.
    whole
        What holds of all users; None: these are all.

    Raises
    ------
    NotEnoughDataError
        If nothing in the holdout is relevant.
    """
    data = split.interactions
    ones = np.ones(len(data), dtype=np.float32)
    seen = data.matrix(ones, ~split.held_out)
    liked = data.matrix(ones, split.held_out & is_relevant(data.ratings))
    relevant = np.diff(liked.indptr).astype(np.int64)
    measured = np.flatnonzero(relevant)
    if not len(measured):
        raise NotEnoughDataError(
            f"no rating in the holdout is 8 or more, of {len(data)} ratings by "
            f"{len(data.users)} users: there is nothing to measure by"
        )
    whole = whole or Whole.of(raters_of_shows(split), data.users.ids[measured])
    in_auc = np.isin(data.users.ids[measured], whole.auc_users)
    cold_targets = (liked @ whole.cold_shows.astype(np.float32))[measured]
    lists = np.full((len(measured), min(k, len(data.shows))), UNKNOWN_ROW, dtype=np.int32)
    hits = np.zeros(lists.shape, dtype=np.bool_)
    auc = [np.empty(0)]
    block = max(1, _CELLS // len(data.shows))
    for start in range(0, len(measured), block):
        rows = measured[start : start + block]
        scores, masked, targets = score(rows), seen[rows], liked[rows]
        scores[_rows_of(masked), masked.indices] = -np.inf
        best = top_k(scores, k)
        wanted = np.zeros(scores.shape, dtype=np.bool_)
        wanted[_rows_of(targets), targets.indices] = True
        showable = np.take_along_axis(scores, best, axis=1) > -np.inf
        lists[start : start + block][showable] = best[showable]
        hits[start : start + block] = np.take_along_axis(wanted, best, axis=1) & showable
        sample = np.flatnonzero(in_auc[start : start + block])
        auc.append(
            metrics.auc(
                scores[sample],
                [targets.indices[targets.indptr[u] : targets.indptr[u + 1]] for u in sample],
            )
        )
    has_cold = cold_targets > 0
    cold_hits = (hits & whole.cold_shows[lists]).sum(axis=1)
    return Evaluation(
        k=k,
        users=measured,
        lists=lists,
        hits=hits,
        relevant=relevant[measured],
        auc=np.concatenate(auc),
        shows=len(data.shows),
        cold_user=np.diff(seen.indptr)[measured] <= COLD,
        cold_show_recall=cold_hits[has_cold] / cold_targets[has_cold],
    )


def _rows_of(matrix: sparse.csr_array) -> Rows:
    """Return the row of each stored entry."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def evaluate_each(recommenders: Sequence[Recommender], split: Split, k: int) -> list[Evaluation]:
    """Measure recommenders by the same users, as :func:`evaluate` does one."""
    return [evaluate(recommender(split), split, k) for recommender in recommenders]


def by_popularity(popularity: Floats) -> Scorer:
    """Score every show alike for everyone: the baseline."""
    return lambda rows: np.repeat(popularity[None, :], len(rows), axis=0)


def popular(popularity: Floats, _: Split) -> Scorer:
    """Score as :func:`by_popularity` for the users of any split."""
    return by_popularity(popularity)


def by_model(model: TrainedModel, split: Split) -> Scorer:
    """Score with a model, which may know other shows, as it would serve.

    The history of each user is what they had rated in the training part; shows that the
    model does not know are never recommended.
    """
    data = split.interactions
    model_rows = model.shows.rows(data.shows.ids)
    known = model_rows != UNKNOWN_ROW
    histories = data.histories(~split.held_out, model.history_weights).in_rows(model_rows)

    def score(rows: Rows) -> Floats:
        found = model.scores(histories.take(rows))
        if known.all() and len(model.shows) == len(data.shows):
            return found
        scores = np.full((len(rows), len(data.shows)), -np.inf, dtype=np.float32)
        scores[:, known] = found[:, model_rows[known]]
        return scores

    return score
