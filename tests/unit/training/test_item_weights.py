"""The weights are those of the formula, whatever the blocks they are made in."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import Ridge

from mlproject.core.errors import NotEnoughDataError, TrainingError
from mlproject.training import item_weights
from mlproject.training.item_weights import FittedWeights, LinearParams, fit_weights

PARAMS = LinearParams(neighbours=4, ridge=1.0, dropout=0.2, prior=3.0, fewest_raters=2)
HALF = {"rtol": 2e-3, "atol": 1e-5}
"""What float16 may round off."""


def histories(seed: int, users: int = 30, shows: int = 12, density: float = 0.4) -> NDArray:
    random = np.random.default_rng(seed)
    return np.where(random.random((users, shows)) < density, random.random((users, shows)), 0)


def even(x: sparse.csr_array) -> NDArray:
    """Popularity that is the same for all shows."""
    return np.ones(x.shape[1], dtype=np.float32)


def fitted(x: NDArray, params: LinearParams = PARAMS) -> FittedWeights:
    matrix = sparse.csr_array(x.astype(np.float32))
    return fit_weights(matrix, even(matrix), params)


def dense(weights: FittedWeights) -> NDArray:
    shows = len(weights.prior)
    matrix = sparse.csr_array(
        (weights.values.astype(np.float32), weights.columns, weights.indptr), shape=(shows, shows)
    )
    return matrix.toarray()


def by_formula(x: NDArray, params: LinearParams) -> NDArray:
    """One show after another, with every matrix in full."""
    gram = x.T @ x
    raters = np.count_nonzero(x, axis=0)
    chosen = np.flatnonzero(raters >= params.fewest_raters)
    weights = np.zeros_like(gram)
    for show in chosen:
        others = chosen[chosen != show]
        cosine = gram[others, show] / np.sqrt(gram[others, others] * gram[show, show])
        near = others[np.argsort(-cosine)[: params.neighbours]]
        system = gram[np.ix_(near, near)].copy()
        dropped = params.dropout / (1 - params.dropout) * np.diag(system)
        system += np.diag(params.ridge + dropped)
        weights[near, show] = np.linalg.solve(system, gram[near, show])
    return weights


@given(seed=st.integers(0, 999), neighbours=st.integers(1, 6), dropout=st.floats(0, 0.8))
@settings(deadline=None)
def test_the_weights_are_those_of_the_formula(seed: int, neighbours: int, dropout: float) -> None:
    """All shows have raters in common, so that no neighbours are equally near."""
    x = histories(seed, density=0.8)
    params = replace(PARAMS, neighbours=neighbours, dropout=dropout)
    np.testing.assert_allclose(dense(fitted(x, params)), by_formula(x, params), **HALF)


def test_with_all_neighbours_and_no_dropout_it_is_a_ridge_regression() -> None:
    x = histories(1)
    params = replace(PARAMS, neighbours=99, dropout=0)
    found = dense(fitted(x, params))
    for show in range(x.shape[1]):
        others = np.delete(np.arange(x.shape[1]), show)
        ridge = Ridge(alpha=params.ridge, fit_intercept=False).fit(x[:, others], x[:, show])
        np.testing.assert_allclose(found[others, show], ridge.coef_, **HALF)
        assert found[show, show] == 0


def test_the_blocks_it_is_made_in_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x = histories(2, users=60, shows=40, density=0.5)
    whole = fitted(x)
    monkeypatch.setattr(item_weights, "_GRAM_ENTRIES", 50)
    monkeypatch.setattr(item_weights, "_SOLVED", 3)
    parts = fitted(x, replace(PARAMS, memory=4 * 4**2 * 7))  # seven systems at a time
    assert whole.columns.tobytes() == parts.columns.tobytes()
    np.testing.assert_allclose(whole.values, parts.values, rtol=1e-3)


def test_shows_of_few_raters_neither_give_nor_get_weights() -> None:
    x = histories(3)
    x[:, 5] = 0
    x[0, 5] = 1
    found = dense(fitted(x))
    assert not found[5].any()
    assert not found[:, 5].any()
    assert found[4].any()


def test_a_show_that_shares_raters_with_few_is_fitted_on_those() -> None:
    """Shows 0 and 1 have raters of their own, so that the other neighbours say nothing."""
    x = histories(4, users=20, shows=8, density=0.9)
    x[:, :2] = 0
    x = np.vstack([x, np.zeros((4, 8))])
    x[20:, :2] = 1
    found = dense(fitted(x))
    assert found[1, 0] > 0.5
    assert not found[2:, :2].any()


def test_what_weighs_nothing_is_no_rating() -> None:
    x = sparse.csr_array(histories(5).astype(np.float32))
    zeros = x.copy()
    zeros.data[::3] = 0
    clean = zeros.copy()
    clean.eliminate_zeros()
    assert (
        fit_weights(zeros, even(zeros), PARAMS).values.tobytes()
        == fit_weights(clean, even(clean), PARAMS).values.tobytes()
    )


def test_the_histories_stay_as_they_are() -> None:
    x = sparse.csr_array(histories(6).astype(np.float32))
    x.data[::3] = 0
    before = x.data.tobytes(), x.indices.tobytes(), x.indptr.tobytes()
    fit_weights(x, even(x), PARAMS)
    assert (x.data.tobytes(), x.indices.tobytes(), x.indptr.tobytes()) == before


def test_the_prior_is_popularity_with_the_most_popular_at_its_weight() -> None:
    x = sparse.csr_array(histories(7).astype(np.float32))
    popularity = np.arange(12, dtype=np.float32)
    np.testing.assert_allclose(fit_weights(x, popularity, PARAMS).prior, 3 * popularity / 11)


def test_where_nothing_is_popular_there_is_no_prior() -> None:
    x = sparse.csr_array(histories(7).astype(np.float32))
    assert not fit_weights(x, np.zeros(12, dtype=np.float32), PARAMS).prior.any()


def test_with_a_single_show_there_is_a_prior_alone() -> None:
    found = fitted(np.ones((5, 1)))
    assert not found.values.size
    assert found.prior.tolist() == [3.0]


def test_too_few_raters_are_an_error() -> None:
    with pytest.raises(NotEnoughDataError, match="no show has 2 raters"):
        fitted(np.eye(4))


def test_without_a_ridge_shows_that_are_rated_alike_are_an_error() -> None:
    x = np.ones((10, 4))
    with pytest.raises(TrainingError, match="larger ridge"):
        fitted(x, replace(PARAMS, ridge=0, dropout=0))


def test_progress_goes_to_one_and_may_stop_the_fit() -> None:
    x = sparse.csr_array(histories(8).astype(np.float32))
    shares: list[float] = []
    fit_weights(x, even(x), PARAMS, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1

    def stop(share: float) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        fit_weights(x, even(x), PARAMS, stop)


def test_memory_is_bounded_by_what_is_asked_and_not_by_the_square_of_the_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shows, users, each = 4_000, 800, 30
    random = np.random.default_rng(9)
    rows = np.repeat(np.arange(users), each)
    x = sparse.csr_array(
        (np.ones(users * each, np.float32), (rows, random.integers(0, shows, users * each))),
        shape=(users, shows),
    )
    monkeypatch.setattr(item_weights, "_GRAM_ENTRIES", 1 << 16)
    tracemalloc.start()
    fit_weights(x, even(x), replace(PARAMS, neighbours=20, memory=1 << 21))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < shows**2 * 4 / 6
