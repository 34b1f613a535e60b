"""Our measures are those of RecTools and of LightFM, to 1e-6."""

import json

import numpy as np
import pytest
from lightfm import LightFM
from lightfm.evaluation import auc_score, precision_at_k, recall_at_k, reciprocal_rank
from numpy.typing import NDArray
from scipy import sparse

from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions, Split
from mlproject.training import list_quality, metrics
from mlproject.training.evaluation import Evaluation, evaluate
from tests.unit.training.rectools_reference import FILE, SHOWS, USERS, K, case

Mask = NDArray[np.bool_]


def split_of(trained: Mask, liked: Mask) -> Split:
    """Everything is rated 9; what is liked is held out."""
    rated = trained | liked
    users, shows = np.nonzero(rated)
    data = Interactions(
        users=IdMap(np.arange(len(rated))),
        shows=IdMap(np.arange(rated.shape[1])),
        user_rows=users.astype(np.int32),
        show_rows=shows.astype(np.int32),
        ratings=np.full(len(users), 9, dtype=np.float32),
        rated_at=np.zeros(len(users), dtype=np.int64),
    )
    return Split(data, liked[users, shows])


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    made = case()
    split = split_of(made["trained"], made["liked"])
    return evaluate(lambda rows: made["scores"][rows].copy(), split, K)


@pytest.mark.parametrize("name", json.loads(FILE.read_text()))
def test_a_measure_is_that_of_rectools(name: str, evaluation: Evaluation) -> None:
    made, hits, relevant = case(), evaluation.hits, evaluation.relevant
    lists, raters = evaluation.lists, case()["trained"].sum(axis=0)
    found = {
        "precision": metrics.precision(hits).mean(),
        "recall": metrics.recall(hits, relevant).mean(),
        "ndcg": metrics.ndcg(hits, relevant).mean(),
        "average_precision": metrics.average_precision(hits, relevant).mean(),
        "reciprocal_rank": metrics.reciprocal_rank(hits).mean(),
        "hit_rate": metrics.hit_rate(hits).mean(),
        "novelty": list_quality.novelty(lists, raters, USERS).mean(),
        "mean_popularity": list_quality.mean_popularity(lists, raters).mean(),
        "diversity": list_quality.diversity(lists, made["genres"]).mean(),
        "coverage": evaluation.coverage,
    }
    assert found[name] == pytest.approx(json.loads(FILE.read_text())[name], abs=1e-6)


def test_measures_are_those_of_lightfm() -> None:
    made = case()
    trained, liked = (
        sparse.coo_matrix(made[name].astype(np.float32)) for name in ("trained", "liked")
    )
    model = LightFM(no_components=8, loss="warp", random_state=1).fit(trained, epochs=5)
    scores = (
        model.user_embeddings @ model.item_embeddings.T
        + model.item_biases
        + model.user_biases[:, None]
    )
    own = evaluate(
        lambda rows: scores[rows].copy(), split_of(made["trained"], made["liked"]), SHOWS
    )
    at_k = evaluate(lambda rows: scores[rows].copy(), split_of(made["trained"], made["liked"]), K)
    both = {"test_interactions": liked, "train_interactions": trained}
    assert at_k.precision == pytest.approx(precision_at_k(model, **both, k=K), abs=1e-6)
    assert at_k.recall == pytest.approx(recall_at_k(model, **both, k=K), abs=1e-6)
    assert metrics.reciprocal_rank(own.hits) == pytest.approx(
        reciprocal_rank(model, **both), abs=1e-6
    )
    assert own.auc == pytest.approx(auc_score(model, **both), abs=1e-6)
