"""The map tells the trained tastes of users, also of those it did not learn from."""

import numpy as np
import pytest
from scipy import sparse

from mlproject.core.errors import NotEnoughDataError
from mlproject.models.fold_in import FoldIn
from mlproject.training.fold_in import CUTS, _cut, fit_fold_in

D, USERS, SHOWS = 4, 400, 60


def world(seed: int) -> tuple[sparse.csr_array, np.ndarray, np.ndarray]:
    """Users like the shows that point their way; a taste is the mean of what is liked."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(SHOWS, D)).astype(np.float32)
    pull = random.normal(size=(USERS, D)) @ vectors.T + random.normal(size=(USERS, SHOWS))
    weights = np.where(pull > 2, random.random((USERS, SHOWS)), 0).astype(np.float32)
    tastes = weights @ vectors / np.sqrt(weights.sum(axis=1) + 1)[:, None] * 2
    return sparse.csr_array(weights), vectors, tastes.astype(np.float32)


def applied(fold_in: FoldIn, vectors: np.ndarray, taken: sparse.csr_array) -> np.ndarray:
    return fold_in.tastes(vectors, taken.indptr, taken.indices, taken.data)


def alike(first: np.ndarray, second: np.ndarray) -> float:
    """Mean cosine of the rows."""
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    known = lengths > 0
    cosines = (first * second).sum(axis=1)[known] / lengths[known]
    return float(cosines.mean())


def test_it_tells_the_taste_of_users_it_did_not_learn_from() -> None:
    taken, vectors, tastes = world(1)
    learned, others = slice(USERS // 2), slice(USERS // 2, USERS)
    fold_in = fit_fold_in(taken[learned], vectors, tastes[learned], seed=1)
    assert alike(applied(fold_in, vectors, taken[others]), tastes[others]) > 0.98


def test_a_few_likes_point_the_way_of_the_whole_history() -> None:
    taken, vectors, tastes = world(2)
    fold_in = fit_fold_in(taken, vectors, tastes, seed=1)
    some = _cut(taken, 3, np.random.default_rng(5))
    found = alike(applied(fold_in, vectors, some), tastes)
    assert found > 0.7
    assert found > alike(applied(fold_in, vectors, some), np.roll(tastes, 1, axis=0)) + 0.5


def test_who_has_rated_nothing_teaches_nothing() -> None:
    """Their vector is as it was drawn at first."""
    taken, vectors, tastes = world(3)
    silent = sparse.vstack([taken, sparse.csr_array((5, SHOWS), dtype=np.float32)], format="csr")
    noise = np.full((5, D), 99, dtype=np.float32)
    with_them = fit_fold_in(sparse.csr_array(silent), vectors, np.vstack([tastes, noise]), seed=1)
    without = fit_fold_in(taken, vectors, tastes, seed=1)
    assert with_them.matrix.tobytes() == without.matrix.tobytes()


def test_the_same_seed_gives_the_same_map() -> None:
    taken, vectors, tastes = world(4)
    first, again, other = (fit_fold_in(taken, vectors, tastes, seed) for seed in (1, 1, 2))
    assert first.matrix.tobytes() == again.matrix.tobytes() != other.matrix.tobytes()


@pytest.mark.parametrize("most", CUTS)
def test_a_cut_keeps_some_of_each_history_with_its_weights(most: int) -> None:
    taken, _, _ = world(5)
    found = _cut(taken, most, np.random.default_rng(1))
    counts, before = np.diff(found.indptr), np.diff(taken.indptr)
    assert counts.tolist() == np.minimum(before, most).tolist()
    kept = found.toarray()
    assert (kept[kept != 0] == taken.toarray()[kept != 0]).all()


def test_without_any_history_there_is_nothing_to_learn() -> None:
    with pytest.raises(NotEnoughDataError, match="nobody"):
        fit_fold_in(
            sparse.csr_array((3, SHOWS), dtype=np.float32),
            np.ones((SHOWS, D), dtype=np.float32),
            np.ones((3, D), dtype=np.float32),
            seed=1,
        )
