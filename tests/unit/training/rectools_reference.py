"""A small case, and what RecTools 0.19.0 says of it.

RecTools wants older numpy and pandas than this project, so its figures are kept in
``rectools_reference.json``. To make them again, in an environment of its own::

    uv run --no-project --with rectools==0.19.0 python tests/unit/training/rectools_reference.py
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_suffix(".json")
USERS, SHOWS, GENRES, K = 30, 60, 7, 10


def case() -> dict[str, Any]:
    """Return scores, who has rated what in both parts, and genres; the same everywhere."""
    random = np.random.RandomState(7)
    popularity = random.rand(SHOWS) ** 2
    trained = random.rand(USERS, SHOWS) < 0.05 + 0.3 * popularity
    liked = (random.rand(USERS, SHOWS) < 0.08) & ~trained
    liked[np.arange(USERS), random.randint(0, SHOWS, USERS)] = True
    liked &= ~trained
    liked[~liked.any(axis=1), 0] = True
    trained &= ~liked
    scores = (random.rand(USERS, SHOWS) + 0.4 * liked).astype(np.float32)
    genres = random.rand(SHOWS, GENRES) < 0.3
    genres[np.arange(SHOWS), random.randint(0, GENRES, SHOWS)] = True
    return {"scores": scores, "trained": trained, "liked": liked, "genres": genres}


def by_rectools() -> dict[str, float]:
    """Measure the case."""
    import pandas as pd  # noqa: PLC0415
    from rectools import Columns, metrics  # noqa: PLC0415
    from rectools.metrics.distances import PairwiseDistanceCalculator  # noqa: PLC0415

    made = case()
    scores, trained, liked, genres = (
        made[name] for name in ("scores", "trained", "liked", "genres")
    )
    masked = np.where(trained, -np.inf, scores)
    lists = np.argsort(-masked, axis=1, kind="stable")[:, :K]

    def frame(mask: Any) -> Any:
        users, shows = np.nonzero(mask)
        return pd.DataFrame({Columns.User: users, Columns.Item: shows})

    recommended = pd.DataFrame(
        {
            Columns.User: np.repeat(np.arange(USERS), K),
            Columns.Item: lists.ravel(),
            Columns.Rank: np.tile(np.arange(1, K + 1), USERS),
        }
    )

    class Jaccard(PairwiseDistanceCalculator):
        def _get_distances_for_item_pairs(self, first: Any, second: Any) -> Any:
            both, either = genres[first] & genres[second], genres[first] | genres[second]
            return 1 - both.sum(axis=1) / either.sum(axis=1)

    simple = {
        "precision": metrics.Precision(K),
        "recall": metrics.Recall(K),
        "ndcg": metrics.NDCG(K, divide_by_achievable=True),
        "average_precision": metrics.MAP(K),
        "reciprocal_rank": metrics.MRR(K),
        "hit_rate": metrics.HitRate(K),
    }
    previous = frame(trained)
    return {
        **{name: metric.calc(recommended, frame(liked)) for name, metric in simple.items()},
        "novelty": metrics.MeanInvUserFreq(K).calc(recommended, previous),
        "mean_popularity": metrics.AvgRecPopularity(K).calc(recommended, previous),
        "diversity": metrics.IntraListDiversity(K, Jaccard()).calc(recommended),
        "coverage": metrics.CatalogCoverage(K, normalize=True).calc(recommended, range(SHOWS)),
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(by_rectools(), indent=1) + "\n")
