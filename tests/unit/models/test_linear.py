"""Scores by linear weights equal the product of matrices."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from mlproject.core.errors import ArtifactError
from mlproject.core.histories import Histories
from mlproject.models.linear import Linear


def made(seed: int, shows: int, histories: int) -> tuple[Linear, sparse.csr_array]:
    random = np.random.default_rng(seed)
    matrix = sparse.random_array(
        (shows, shows), density=0.2, format="csr", rng=random, dtype=np.float32
    )
    weights = Linear(
        indptr=matrix.indptr.astype(np.int64),
        columns=matrix.indices.astype(np.int32),
        values=matrix.data - np.float32(0.3),
        prior=random.random(shows, dtype=np.float32),
    )
    taken = sparse.random_array(
        (histories, shows), density=0.3, format="csr", rng=random, dtype=np.float32
    )
    return weights, taken


def block(taken: sparse.csr_array) -> Histories:
    return Histories(taken.indptr.astype(np.int64), taken.indices, taken.data)


def product(weights: Linear, histories: sparse.csr_array) -> Any:
    shows = len(weights.prior)
    matrix = sparse.csr_array(
        (weights.values.astype(np.float32), weights.columns, weights.indptr), shape=(shows, shows)
    )
    fading = 1 + histories.sum(axis=1)
    return (histories @ matrix).toarray() + weights.prior / fading[:, None]


@given(seed=st.integers(0, 999), shows=st.integers(1, 40), histories=st.integers(0, 5))
def test_scores_are_the_product_and_a_fading_prior(seed: int, shows: int, histories: int) -> None:
    weights, taken = made(seed, shows, histories)
    found = weights.scores(block(taken))
    assert found.dtype == np.float32
    assert found.shape == (histories, shows)
    np.testing.assert_allclose(found, product(weights, taken), atol=1e-5)


def test_halves_give_what_they_hold() -> None:
    weights, taken = made(3, shows=30, histories=4)
    halves = replace(weights, values=weights.values.astype(np.float16))
    found = halves.scores(block(taken))
    np.testing.assert_allclose(found, product(halves, taken), atol=1e-5)


def test_one_history_is_scored_like_a_block() -> None:
    weights, taken = made(1, shows=30, histories=3)
    together = weights.scores(block(taken))
    for row, scores in enumerate(together):
        place = slice(taken.indptr[row], taken.indptr[row + 1])
        one = weights.scores_of_one(taken.indices[place], taken.data[place])
        assert one.tobytes() == scores.tobytes()


def test_a_show_without_weight_says_nothing() -> None:
    weights, _ = made(5, shows=30, histories=1)
    rows = np.array([3, 7, 9], dtype=np.int32)
    with_seen = weights.scores_of_one(rows, np.array([1, 0, 0.5], dtype=np.float32))
    without = weights.scores_of_one(rows[[0, 2]], np.array([1, 0.5], dtype=np.float32))
    assert with_seen.tobytes() == without.tobytes()


def test_similar_shows_are_those_a_show_speaks_for() -> None:
    weights, _ = made(6, shows=30, histories=1)
    alone = weights.scores_of_one(np.array([4], np.int32), np.ones(1, np.float32))
    assert weights.similar(4) == pytest.approx(alone - weights.prior / 2, abs=1e-6)


def test_without_a_history_the_prior_is_the_score() -> None:
    weights, _ = made(2, shows=7, histories=1)
    nothing = np.array([], dtype=np.int32)
    found = weights.scores_of_one(nothing, nothing.astype(np.float32))
    assert found.tobytes() == weights.prior.tobytes()


def test_scoring_changes_no_array_of_the_weights() -> None:
    """They may be memory-mapped, and shared by processes."""
    weights, taken = made(4, shows=20, histories=3)
    for array in (weights.indptr, weights.columns, weights.values, weights.prior):
        array.flags.writeable = False
    first = weights.scores(block(taken))
    assert weights.scores(block(taken)).tobytes() == first.tobytes()


@pytest.mark.parametrize(
    "changes",
    [
        {"indptr": np.array([0, 1])},
        {"indptr": np.array([0, 2, 1, 3])},
        {"indptr": np.array([1, 1, 2, 3])},
        {"columns": np.array([0, 1, 3], dtype=np.int32)},
        {"columns": np.array([0, -1, 2], dtype=np.int32)},
        {"values": np.ones(2, dtype=np.float32)},
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes: dict[str, Any]) -> None:
    fitting = Linear(
        indptr=np.array([0, 1, 2, 3]),
        columns=np.array([0, 1, 2], dtype=np.int32),
        values=np.ones(3, dtype=np.float32),
        prior=np.ones(3, dtype=np.float32),
    )
    with pytest.raises(ArtifactError, match="do not fit"):
        replace(fitting, **changes)


@given(seed=st.integers(0, 999), shows=st.integers(1, 20))
def test_what_a_history_says_for_a_show_adds_up_to_its_score(seed: int, shows: int) -> None:
    weights, taken = made(seed, shows, 1)
    history = block(taken)
    for_rows = np.random.default_rng(seed).permutation(shows)[: 1 + shows // 2]
    said = weights.support(history.show_rows, history.weights, for_rows)
    assert said.shape == (len(for_rows), len(history.show_rows))
    without_prior = replace(weights, prior=np.zeros_like(weights.prior))
    np.testing.assert_allclose(
        said.sum(axis=1), without_prior.scores(history)[0][for_rows], atol=1e-5
    )
