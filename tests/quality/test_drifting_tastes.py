"""On ratings that are cut by time, where popularity drifts, the models are worth their place.

Six sets of raters who come, rate and go over years (seeds 11 to 16, all that were tried with
the trainers as they are; seeds 0 to 2 of such raters were looked at while they were built).
One fit of each, with one thread, so the figures are the same at every run.
"""

import numpy as np
import pytest
from scipy import sparse

from benchmarks.bench_models import first_default
from mlproject import config
from mlproject.bootstrap import App
from mlproject.core.model import TrainedModel
from mlproject.core.preferences import history_weights
from mlproject.dataset.split import hold_out
from mlproject.training.evaluation import by_model, by_popularity, evaluate
from mlproject.training.popularity import popular_now
from mlproject.training.validation import choose_half_life
from tests.drifting import long_drifting

SEEDS = range(11, 17)
K = 10


@pytest.fixture(scope="module")
def found() -> dict[str, list[float]]:
    """Return the precision of each recommender on each set."""
    app = App(config.load(threads=1))
    measured: dict[str, list[float]] = {}
    for seed in SEEDS:
        data = long_drifting(users=700, seed=seed)
        split, _ = hold_out(data, share=0.2, seed=seed)
        assert split.by_time
        half_life = choose_half_life(split, seed)
        metadata = sparse.csr_array((data.shape[1], 1), dtype=np.float32)
        popularity = popular_now(split, half_life)
        scorers = {
            "popular in 30 days": by_popularity(popular_now(split, 30)),
            "popular now": by_popularity(popularity),
            "first default": first_default(split, metadata, seed, threads=1),
        }
        for name in ("lightfm", "linear"):
            model = app.trainer(name).fit(split, metadata, half_life, lambda _: None).model
            scorers[name] = by_model(
                TrainedModel(data.shows, model, popularity, history_weights(), ()), split
            )
        for name, score in scorers.items():
            mean = evaluate(score, split, K).precision.mean()
            measured.setdefault(name, []).append(float(mean))
    return measured


def test_the_first_default_lost_to_popularity_and_both_models_win(
    found: dict[str, list[float]],
) -> None:
    means = {name: np.mean(values) for name, values in found.items()}
    assert means["first default"] < means["popular now"]
    assert means["popular now"] < means["lightfm"]
    assert means["popular now"] < means["linear"]


def test_the_half_life_that_a_slice_chooses_is_better_than_a_month(
    found: dict[str, list[float]],
) -> None:
    assert np.mean(found["popular now"]) > 1.2 * np.mean(found["popular in 30 days"])


def test_nowhere_is_a_model_much_worse_than_popularity(found: dict[str, list[float]]) -> None:
    for name in ("lightfm", "linear"):
        behind = np.array(found["popular now"]) - np.array(found[name])
        assert behind.max() < 0.02
