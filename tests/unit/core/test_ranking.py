"""The best k are those of a plain sort, ties and all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from mlproject.core.ranking import top_k

Floats = NDArray[np.float32]

# Few whole numbers make many ties; both zeros are the same score.
tied = st.sampled_from([-np.inf, -1.0, -0.0, 0.0, 1.0, 2.0, 3.0])
scores = tied | st.floats(width=32, allow_nan=False)


def naive(row: Floats, k: int) -> list[int]:
    return sorted(range(len(row)), key=lambda column: (-row[column], column))[:k]


@given(arrays(np.float32, st.integers(0, 30), elements=tied), st.integers(1, 40))
def test_one_row_is_ranked_as_a_sort_ranks_it(row: Floats, k: int) -> None:
    assert top_k(row, k).tolist() == naive(row, k)


@settings(deadline=None)
@given(
    arrays(np.float32, st.tuples(st.integers(0, 6), st.integers(0, 20)), elements=scores),
    st.integers(1, 25),
)
def test_many_rows_are_ranked_as_a_sort_ranks_each(rows: Floats, k: int) -> None:
    best = top_k(rows, k)
    assert best.shape == (len(rows), min(k, rows.shape[1]))
    assert best.tolist() == [naive(row, k) for row in rows]


@pytest.mark.parametrize("value", [0.0, 7.0, -np.inf])
def test_equal_scores_rank_by_column(value: float) -> None:
    assert top_k(np.full(1000, value, dtype=np.float32), 4).tolist() == [0, 1, 2, 3]


def test_minus_infinity_comes_last() -> None:
    row = np.array([-np.inf, -1e30, -np.inf, 5], dtype=np.float32)
    assert top_k(row, 3).tolist() == [3, 1, 0]


def test_many_shows_are_ranked_as_a_sort_ranks_them() -> None:
    """Large enough that numpy's partition leaves its short cuts; half of the rows are tied."""
    rows = np.random.default_rng(1).normal(size=(20, 5000)).astype(np.float32)
    rows[::2] = np.rint(rows[::2])
    assert top_k(rows, 50).tolist() == [naive(row, 50) for row in rows]
    for row in rows:
        for k in (1, 10, 77, 78, 79):
            assert top_k(row, k).tolist() == naive(row, k)


def test_the_scores_are_left_alone() -> None:
    rows = np.array([[3, 1, 2], [1, 1, 1]], dtype=np.float32)
    before = rows.copy()
    top_k(rows, 2)
    assert rows.tolist() == before.tolist()
