"""A taste is what the formula says, in blocks as alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from mlproject.models.fold_in import LONG, FoldIn, features

D = 3


def made(
    seed: int, histories: int = 4, shows: int = 20
) -> tuple[FoldIn, np.ndarray, sparse.csr_array]:
    random = np.random.default_rng(seed)
    size = 2 * (2 * D + 2)
    fold_in = FoldIn(random.normal(size=(size, D)).astype(np.float32))
    vectors = random.normal(size=(shows, D)).astype(np.float32)
    taken = sparse.random_array(
        (histories, shows), density=0.4, format="csr", rng=random, dtype=np.float32
    )
    return fold_in, vectors, taken


def by_formula(fold_in: FoldIn, vectors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    total, summed = weights.sum(), weights @ vectors
    plain = np.concatenate(
        (
            summed / np.sqrt(total + 1),
            summed / (total + 1),
            [np.log(1 + np.count_nonzero(weights)), 1],
        )
    )
    long = min(1, np.log(1 + total) / np.log(1 + LONG))
    return np.concatenate((plain * long, plain * (1 - long))) @ fold_in.matrix


@given(seed=st.integers(0, 999), histories=st.integers(0, 5))
def test_tastes_are_those_of_the_formula(seed: int, histories: int) -> None:
    fold_in, vectors, taken = made(seed, histories)
    found = fold_in.tastes(vectors, taken.indptr, taken.indices, taken.data)
    assert found.shape == (histories, D)
    assert found.dtype == np.float32
    for taste, weights in zip(found, taken.toarray(), strict=True):
        np.testing.assert_allclose(taste, by_formula(fold_in, vectors, weights), atol=1e-4)


def test_what_weighs_nothing_changes_nothing() -> None:
    """A show that was watched and disliked is in the history, and no like."""
    fold_in, vectors, _ = made(1)
    rows, weights = np.array([3, 5]), np.array([0.5, 0.8], dtype=np.float32)
    more = np.array([3, 5, 7]), np.array([0.5, 0.8, 0], dtype=np.float32)
    alone = fold_in.tastes(vectors, np.array([0, 2]), rows, weights)
    np.testing.assert_allclose(fold_in.tastes(vectors, np.array([0, 3]), *more), alone, rtol=1e-6)


def test_vectors_may_be_halves() -> None:
    fold_in, vectors, taken = made(2)
    halves = vectors.astype(np.float16)
    place = taken.indptr, taken.indices, taken.data
    widened = fold_in.tastes(halves.astype(np.float32), *place)
    assert fold_in.tastes(halves, *place).tobytes() == widened.tobytes()


@pytest.mark.parametrize(("total", "share"), [(0, 0), (LONG, 1), (10 * LONG, 1)])
def test_the_map_of_short_histories_blends_into_that_of_long_ones(
    total: float, share: float
) -> None:
    one = np.ones(1, dtype=np.float32)
    found = features(np.ones((1, D), dtype=np.float32), one * np.float32(total), one)[0]
    half = len(found) // 2
    assert found[half - 1] == pytest.approx(share, abs=1e-6)
    assert found[-1] == pytest.approx(1 - share, abs=1e-6)
