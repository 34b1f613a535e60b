"""The slice is cut as the holdout was, off the training part, and measures as it does."""

import numpy as np
import pytest

from mlproject.core.dates import DATED_FROM
from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions, Split
from mlproject.dataset.split import RandomDraw, SplitKind, SplitRule, hold_out
from mlproject.training import validation
from mlproject.training.evaluation import evaluate
from mlproject.training.lightfm_fit import FittedVectors
from mlproject.training.validation import Validation, cut_validation

USERS, SHOWS, EACH, K = 80, 60, 30, 5
DAY = 86_400_000


def cut(kind: SplitKind) -> tuple[Split, SplitRule, Validation]:
    random = np.random.default_rng(1)
    shows = np.sort(random.permuted(np.tile(np.arange(SHOWS), (USERS, 1)), axis=1)[:, :EACH])
    data = Interactions(
        users=IdMap(np.arange(USERS) * 10),
        shows=IdMap(np.arange(SHOWS) * 100),
        user_rows=np.repeat(np.arange(USERS), EACH).astype(np.int32),
        show_rows=shows.ravel().astype(np.int32),
        ratings=random.integers(1, 11, shows.size).astype(np.float32),
        rated_at=DATED_FROM + random.integers(0, 300, shows.size) * DAY,
    )
    split, rule = hold_out(data, share=0.2, seed=42, kind=kind)
    return split, rule, cut_validation(split, seed=42)


def fitted(took_part: np.ndarray) -> FittedVectors:
    random = np.random.default_rng(2)
    return FittedVectors(
        show_vectors=random.normal(size=(SHOWS, 4)).astype(np.float32),
        show_biases=random.normal(size=SHOWS).astype(np.float32),
        took_part=took_part,
        user_vectors=random.normal(size=(USERS, 4)).astype(np.float32),
        epochs=1,
    )


@pytest.mark.parametrize("kind", ["time", "random"])
def test_nothing_of_the_holdout_is_in_it(kind: SplitKind) -> None:
    split, _, found = cut(kind)
    assert found.held_out.any()
    assert not (found.held_out & split.held_out).any()


def test_by_time_it_is_the_newest_of_all_users() -> None:
    split, rule, found = cut("time")
    assert not isinstance(rule, RandomDraw)
    data, left = split.interactions, ~split.held_out & ~found.held_out
    assert data.rated_at[left].max() <= data.rated_at[found.held_out].min()
    assert found.held_out.sum() == pytest.approx(0.1 * (~split.held_out).sum(), rel=0.2)


def test_at_random_it_is_a_fifth_of_the_ratings_of_some_users(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(validation, "USERS", 30)
    split, _, found = cut("random")
    data = split.interactions
    assert len(found.users) == 30
    assert set(data.user_rows[found.held_out].tolist()) == set(found.users.tolist())
    of_them = ~split.held_out & np.isin(data.user_rows, found.users)
    assert found.held_out.sum() == pytest.approx(0.2 * of_them.sum(), rel=0.2)


@pytest.mark.parametrize("kind", ["time", "random"])
def test_it_measures_as_the_evaluation_does(kind: SplitKind) -> None:
    split, _, found = cut(kind)
    data, vectors = split.interactions, fitted(np.ones(SHOWS, dtype=np.bool_))
    inner = Interactions(
        data.users,
        data.shows,
        *(
            getattr(data, name)[~split.held_out]
            for name in ("user_rows", "show_rows", "ratings", "rated_at")
        ),
    )

    def score(rows: np.ndarray) -> np.ndarray:
        return vectors.user_vectors[rows] @ vectors.show_vectors.T + vectors.show_biases

    same = evaluate(score, Split(inner, found.held_out[~split.held_out]), K)
    assert found.precision(vectors, K) == pytest.approx(same.precision.mean())
    assert found.precision(vectors, K) > 0


def test_shows_that_took_no_part_are_no_hits() -> None:
    _, _, found = cut("random")
    some = np.arange(SHOWS) < 5
    assert found.precision(fitted(~some), K) > 0
    assert found.precision(fitted(some), K) < found.precision(fitted(~some), K)
