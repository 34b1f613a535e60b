"""What is answered is what a plain reference ranks: double precision, a full sort, no shortcuts."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mlproject.core import columns as c
from mlproject.core.ids import IdMap
from mlproject.core.model import TrainedModel
from mlproject.core.preferences import history_weights
from mlproject.models.factors import Factors
from mlproject.models.linear import Linear
from mlproject.serving.recommender import Recommender, Wish
from tests.builders import rated

SHOWS, D = 300, 8
GENRES = ("Drama", "Comedy", "Crime")
RANDOM = np.random.default_rng(1)
FACTORS = Factors(
    RANDOM.normal(size=(SHOWS, D)).astype(np.float16),
    RANDOM.normal(size=SHOWS).astype(np.float32),
    RANDOM.normal(size=(2 * (2 * D + 2), D)).astype(np.float32),
)
DENSE = np.where(RANDOM.random((SHOWS, SHOWS)) < 0.1, RANDOM.normal(size=(SHOWS, SHOWS)), 0)
LINEAR = Linear(
    indptr=np.concatenate(([0], np.cumsum((DENSE != 0).sum(axis=1)))).astype(np.int64),
    columns=np.nonzero(DENSE)[1].astype(np.int32),
    values=DENSE[DENSE != 0].astype(np.float16),
    prior=RANDOM.random(SHOWS).astype(np.float32),
)
WEIGHTS = history_weights().astype(np.float64)


def made(kind: Factors | Linear) -> Recommender:
    cards = tuple(
        {c.SHOW_ID: 10 * row, c.TITLE: str(row), c.GENRES: [GENRES[row % 3]]}
        for row in range(SHOWS)
    )
    popularity = RANDOM.random(SHOWS).astype(np.float32)
    ids = IdMap.of(range(0, 10 * SHOWS, 10))
    return Recommender(1, TrainedModel(ids, kind, popularity, history_weights(), cards))


MADE = {"factors": made(FACTORS), "linear": made(LINEAR)}


def by_factors(history: NDArray[np.float64]) -> NDArray[np.float64]:
    vectors = FACTORS.show_vectors.astype(np.float64)
    total = history.sum()
    described = [
        *(history @ vectors / np.sqrt(total + 1)),
        *(history @ vectors / (total + 1)),
        np.log1p(np.count_nonzero(history)),
        1,
    ]
    long = min(np.log1p(total) / np.log1p(30), 1)
    features = np.array([long * each for each in described] + [(1 - long) * e for e in described])
    return vectors @ (features @ FACTORS.fold_in) + FACTORS.show_biases


def by_weights(history: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = DENSE.astype(np.float16).astype(np.float64)
    return history @ weights + LINEAR.prior / (1 + history.sum())


REFERENCES = {"factors": by_factors, "linear": by_weights}


@given(
    kind=st.sampled_from(sorted(MADE)),
    ratings=st.dictionaries(st.integers(0, SHOWS - 1), st.integers(0, 10), max_size=60),
    count=st.integers(1, 40),
    exclude_seen=st.booleans(),
    genres=st.sets(st.sampled_from(GENRES)),
    excluded=st.sets(st.integers(0, SHOWS + 5)),
)
def test_the_best_shows_of_a_plain_reference_are_recommended(
    *,
    kind: str,
    ratings: dict[int, int],
    count: int,
    exclude_seen: bool,
    genres: set[str],
    excluded: set[int],
) -> None:
    recommender = MADE[kind]
    wish = Wish(
        count,
        exclude_seen=exclude_seen,
        genres=tuple(genres),
        exclude_show_ids=tuple(10 * row for row in excluded),
    )
    brought = rated(*((10 * row, rating) for row, rating in ratings.items()))
    items = json.loads(recommender.answer(1, brought, wish).body)["items"]

    history = np.zeros(SHOWS)
    for row, rating in ratings.items():
        history[row] = WEIGHTS[rating]
    scores = (
        REFERENCES[kind](history)
        if history.any()
        else recommender.model.popularity.astype(np.float64)
    )
    allowed = [
        row
        for row in range(SHOWS)
        if (not exclude_seen or row not in ratings)
        and row not in excluded
        and (not genres or GENRES[row % 3] in genres)
    ]
    best = sorted((scores[row] for row in allowed), reverse=True)[:count]
    rows = [item[c.SHOW_ID] // 10 for item in items]
    assert set(rows) <= set(allowed)
    assert len(set(rows)) == len(rows) == len(best)
    # Equal to what single precision and four decimals let through.
    np.testing.assert_allclose(scores[rows], best, rtol=1e-3, atol=5e-3)
    np.testing.assert_allclose([item["score"] for item in items], best, rtol=1e-3, atol=5e-3)
