"""Measures recommenders on the holdout, as they would serve."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlproject.core.errors import NotEnoughDataError
from mlproject.core.ids import UNKNOWN_ROW
from mlproject.core.interactions import Split
from mlproject.core.model import TrainedModel
from mlproject.core.preferences import is_liked
from mlproject.core.ranking import top_k
from mlproject.training import metrics

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
PerUser = NDArray[np.float64]

Scorer = Callable[[Rows], Floats]
"""Scores every show for some users: rows of shape ``(m,)`` to a new array ``(m, shows)``."""

COLD: Final = 10
"""A user or a show with so few ratings in the training part, or fewer, is cold.

The literature calls 0 to about 20 ratings cold; users split by time have at least five, so
ten is at the low end.
"""

_CELLS: Final = 1 << 24
"""Scores held at once: the users of a block times the shows."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How good the lists of a recommender are, user by user.

    Parameters
    ----------
    k
        Length of the lists.
    precision, recall, ndcg
        float64, shape ``(users,)``: one value for each user with something liked in
        the holdout; the same users in the same order for every recommender.
    coverage
        Share of the shows that are in anybody's list.
    cold_user
        Whether the user is cold, bool, shape ``(users,)``.
    cold_show_recall
        Of the users with something liked in the holdout that is a cold show: the share
        of those shows that is in the list. Their precision would say little: hardly any
        list has room for a hit.
    """

    k: int
    precision: PerUser
    recall: PerUser
    ndcg: PerUser
    coverage: float
    cold_user: NDArray[np.bool_]
    cold_show_recall: PerUser

    def means(self) -> dict[str, float]:
        """Return the averages, named as they are logged: ``precision_at_10``, ..."""
        return {
            f"precision_at_{self.k}": float(self.precision.mean()),
            f"recall_at_{self.k}": float(self.recall.mean()),
            f"ndcg_at_{self.k}": float(self.ndcg.mean()),
            f"coverage_at_{self.k}": self.coverage,
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


def evaluate(score: Scorer, split: Split, k: int) -> Evaluation:
    """Rank, for each user, what they had not rated in the training part.

    Relevant is what the user rated 8 or more in the holdout; shows rated in the
    training part are masked, as serving masks them.

    Raises
    ------
    NotEnoughDataError
        If nobody likes anything in the holdout.
    """
    data = split.interactions
    seen = data.matrix(np.ones(len(data), dtype=np.float32), ~split.held_out)
    liked = data.matrix(
        np.ones(len(data), dtype=np.float32), split.held_out & is_liked(data.ratings)
    )
    relevant = np.diff(liked.indptr).astype(np.int64)
    measured = np.flatnonzero(relevant)
    if not len(measured):
        raise NotEnoughDataError(
            f"no rating in the holdout is 8 or more, of {len(data)} ratings by "
            f"{len(data.users)} users: there is nothing to measure by"
        )
    cold_show = np.bincount(seen.indices, minlength=len(data.shows)) <= COLD
    cold_targets = (liked @ cold_show.astype(np.float32))[measured]
    cold_hits = np.zeros(len(measured))
    hits = np.zeros((len(measured), min(k, len(data.shows))), dtype=np.bool_)
    shown = np.zeros(len(data.shows), dtype=np.bool_)
    block = max(1, _CELLS // len(data.shows))
    for start in range(0, len(measured), block):
        rows = measured[start : start + block]
        scores = score(rows)
        masked = seen[rows]
        scores[np.repeat(np.arange(len(rows)), np.diff(masked.indptr)), masked.indices] = -np.inf
        best = top_k(scores, k)
        wanted = np.zeros(scores.shape, dtype=np.bool_)
        targets = liked[rows]
        wanted[np.repeat(np.arange(len(rows)), np.diff(targets.indptr)), targets.indices] = True
        showable = np.take_along_axis(scores, best, axis=1) > -np.inf
        shown[best[showable]] = True
        found = np.take_along_axis(wanted, best, axis=1) & showable
        hits[start : start + block] = found
        cold_hits[start : start + block] = (found & cold_show[best]).sum(axis=1)
    has_cold = cold_targets > 0
    return Evaluation(
        k=k,
        precision=metrics.precision(hits),
        recall=metrics.recall(hits, relevant[measured]),
        ndcg=metrics.ndcg(hits, relevant[measured]),
        coverage=float(shown.mean()),
        cold_user=np.diff(seen.indptr)[measured] <= COLD,
        cold_show_recall=cold_hits[has_cold] / cold_targets[has_cold],
    )


def by_popularity(popularity: Floats) -> Scorer:
    """Score every show alike for everyone: the baseline."""
    return lambda rows: np.repeat(popularity[None, :], len(rows), axis=0)


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
