"""The best shows for a history without scoring them all, by an index of Faiss.

Vectors are put into lists of neighbours, and only the lists nearest to a taste are looked at
(the inverted file of Jégou, Douze and Schmid, "Product Quantization for Nearest Neighbor
Search", PAMI 2011, section IV, with whole vectors in it). What they hold is scored by the
model, so an answer may lack a show, and every score and the order are those of the model.
"""

import logging
import math
import time
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import NDArray

from mlproject.core.histories import Histories
from mlproject.core.model import Floats, TrainedModel
from mlproject.core.ranking import top_k
from mlproject.models.factors import Factors

if TYPE_CHECKING:
    import faiss

log = logging.getLogger(__name__)

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]
Found = tuple[Rows, Floats]

RECALL: Final = 0.97
"""The share of the best ten that an index must find: 0.95 with a margin."""

# Of more than so many for one answer, the index would find too small a share.
_MOST_WANTED: Final = 100

# So many, which a filter leaves, are scored about as quickly as the index answers.
_FEW: Final = 20_000

# What a filter leaves may all be far from a taste: the fewer shows, the more lists are looked at.
# With an exponent of 1 as many shows would be scored as without a filter, but to pass over all
# others takes longer than that; benchmarks/bench_candidates.py finds enough with a third.
_WIDENED: Final = 1 / 3

# The index is asked for a few more, so that shows of equal score rank as everywhere.
_SPARE: Final = 10

# No fewer are looked at, since tastes of real users may differ more than those of the samples.
_FEWEST_LISTS: Final = 32
_TRAINED_ON: Final = 50  # vectors of each list
_ROUNDS: Final = 8
_SAMPLES: Final = 100
_LENGTHS: Final = (1, 3, 10, 30)
_K: Final = 10
_SEED: Final = 1


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """Finds the best shows for a history.

    Parameters
    ----------
    model
        Scores what is found.
    lists
        The vectors, each with its bias as one more number.
    looked_at
        How many lists, for a history; more where a filter leaves fewer shows.
    recall
        The share of the best ten that sample histories got.
    """

    model: Factors
    lists: "faiss.IndexIVFFlat"
    looked_at: int
    recall: float = 0.0

    @property
    def told(self) -> dict[str, float]:
        """What ``GET /model`` says of it."""
        return {
            "lists": self.lists.nlist,
            "looked_at": self.looked_at,
            f"recall_at_{_K}": round(self.recall, 3),
        }

    @classmethod
    def of(cls, trained: TrainedModel) -> Self | None:
        """Index the shows of a version.

        As many lists are looked at as it takes to find :data:`RECALL` of the best ten for
        sample histories. Half of these have shows that are drawn by popularity.

        Returns
        -------
        VectorIndex or None
            None if the model has no vectors or some that are not finite, if half of the lists do
            not suffice, or without Faiss: then all are to be scored.
        """
        model = trained.model
        if not isinstance(model, Factors):
            log.info("every show is scored: a model of the kind %r has no vectors", model.kind)
            return None
        if find_spec("faiss") is None:
            log.warning("every show is scored: Faiss is not installed; `pip install faiss-cpu`")
            return None
        if not all(np.isfinite(a).all() for a in (*model.arrays().values(), trained.popularity)):
            log.warning("every show is scored: the version has numbers that are not finite")
            return None
        begun = time.monotonic()
        made = cls(model, _lists(model), _FEWEST_LISTS)
        samples = _samples(trained.popularity)
        wanted = [_best_of_all(model, history) for history in samples]
        while made.looked_at <= made.lists.nlist // 2:
            found = [made.best(history, history.show_rows, None, _K) for history in samples]
            recall = _recall(found, wanted)
            if recall >= RECALL:
                log.info(
                    "%d shows are in an index of %d lists, of which %d are looked at: recall@%d "
                    "%.3f; this took %.1f s",
                    len(trained.shows), made.lists.nlist, made.looked_at, _K, recall,
                    time.monotonic() - begun,
                )  # fmt: skip
                return replace(made, recall=recall)
            made = replace(made, looked_at=2 * made.looked_at)
        log.warning("every show is scored: in an index too few of the best shows are found")
        return None

    def best(
        self, history: Histories, hidden: NDArray[np.integer], allowed: Mask | None, count: int
    ) -> Found | None:
        """Return the rows of the best shows, best first, and their scores.

        Parameters
        ----------
        history
            Of one user, with a taste.
        hidden
            Rows that must not be returned.
        allowed
            Those that may be, bool, shape ``(shows,)``; None: all.
        count
            How many, at least 1.

        Returns
        -------
        tuple of numpy.ndarray or None
            int64 and float32, shape ``(n,)`` each. None if there are fewer than ``count`` in the
            lists, or if so many are wanted that scoring all shows is better.
        """
        if count > _MOST_WANTED:
            return None
        taste = self.model.tastes(history)[0]
        open_ = None
        if allowed is not None:
            open_ = allowed.copy()
            open_[hidden] = False
        if open_ is not None and np.count_nonzero(open_) <= _FEW:
            rows = np.flatnonzero(open_)
        else:
            rows = self._nearest(taste, hidden, open_, count + _SPARE)
            if len(rows) < count:
                return None
        scores = self.model.scores_of(rows, taste)
        best = top_k(scores, count)
        return rows[best], scores[best]

    def _nearest(
        self, taste: Floats, hidden: NDArray[np.integer], open_: Mask | None, count: int
    ) -> Rows:
        """Return the rows that the lists give, ascending; at most ``count``."""
        import faiss  # noqa: PLC0415 - only for catalogues that need it

        if open_ is None:
            looked_at = self.looked_at
            chosen = faiss.IDSelectorNot(faiss.IDSelectorBatch(hidden.astype(np.int64)))
        else:
            times_fewer = len(open_) / np.count_nonzero(open_)
            looked_at = int(self.looked_at * times_fewer**_WIDENED)
            chosen = faiss.IDSelectorBitmap(np.packbits(open_, bitorder="little"))
        params = faiss.SearchParametersIVF(nprobe=looked_at, sel=chosen)
        wanted = np.append(taste, np.float32(1))[None]
        rows: Rows = self.lists.search(wanted, count, params=params)[1][0]
        return np.sort(rows[rows >= 0])


def _lists(model: Factors) -> "faiss.IndexIVFFlat":
    """Put the vectors into lists: the root of their number, which takes the least time."""
    import faiss  # noqa: PLC0415

    faiss.omp_set_num_threads(1)  # requests are answered meanwhile
    vectors = np.column_stack((model.show_vectors.astype(np.float32), model.show_biases))
    shows, length = vectors.shape
    lists = math.isqrt(shows)
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(length), length, lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.spherical, index.cp.seed = _ROUNDS, True, _SEED
    some = np.random.default_rng(_SEED).permutation(shows)[: _TRAINED_ON * lists]
    index.train(vectors[some])
    index.add(vectors)
    return index


def _samples(popularity: Floats) -> list[Histories]:
    """Return histories, short and long, of popular shows and of any."""
    random = np.random.default_rng(_SEED)
    shows, weights = len(popularity), popularity.astype(np.float64)
    likely = weights / weights.sum() if weights.any() else None
    found = []
    for sample in range(_SAMPLES):
        drawn = random.choice(shows, random.choice(_LENGTHS), p=likely if sample % 2 else None)
        rows = np.unique(drawn).astype(np.int32)
        found.append(Histories.of_one(rows, np.ones(len(rows), dtype=np.float32)))
    return found


def _best_of_all(model: Factors, history: Histories) -> Rows:
    scores = model.scores(history)[0]
    scores[history.show_rows] = -np.inf
    return top_k(scores, _K)


def _recall(found: list[Found | None], wanted: list[Rows]) -> float:
    """Return the mean share of what is wanted that was found: all, where every show is scored."""
    shares = [
        1.0 if got is None else len(np.intersect1d(got[0], best)) / len(best)
        for got, best in zip(found, wanted, strict=True)
    ]
    return float(np.mean(shares))
