"""The map from histories to vectors is found again where there is one."""

import numpy as np
import pytest

from mlproject.core.histories import Histories
from mlproject.models.factors import history_features
from mlproject.training.fold_in import cut, learn_fold_in


def some_histories(users: int = 300, shows: int = 60) -> Histories:
    random = np.random.default_rng(4)
    rows = [random.permutation(shows)[: random.integers(1, 30)].tolist() for _ in range(users)]
    return Histories.of_each(rows, [random.choice([0, 0.5, 1], len(row)).tolist() for row in rows])


def test_a_linear_map_is_found_again() -> None:
    random = np.random.default_rng(2)
    vectors = random.normal(size=(60, 3)).astype(np.float32)
    histories = some_histories()
    truth = random.normal(size=(8, 3)).astype(np.float32)
    given = history_features(histories, vectors) @ truth
    found = learn_fold_in(histories, given, vectors, seed=1)
    assert found.shape == (8, 3)
    error = history_features(histories, vectors) @ found - given
    assert np.abs(error).mean() < 0.4 * np.abs(given).mean()


def test_two_maps_are_equal_to_the_bit() -> None:
    vectors = np.random.default_rng(2).normal(size=(60, 3)).astype(np.float32)
    given = np.ones((300, 3), dtype=np.float32)
    one, other = (learn_fold_in(some_histories(), given, vectors, seed=1) for _ in range(2))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("length", [1, 3, 100])
def test_a_cut_keeps_at_most_so_many_entries_with_weight(length: int) -> None:
    whole = some_histories()
    short = cut(whole, length, np.random.default_rng(1))
    assert len(short) == len(whole)
    assert (short.weights > 0).all()
    for user in range(len(whole)):
        before, after = whole[user : user + 1], short[user : user + 1]
        telling = before.show_rows[before.weights > 0]
        assert len(after.show_rows) == min(length, len(telling))
        assert set(after.show_rows.tolist()) <= set(telling.tolist())
