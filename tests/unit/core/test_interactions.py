"""The matrix of interactions holds each value at its user and show."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions

USERS, SHOWS = 4, 5

pairs = st.tuples(st.integers(0, USERS - 1), st.integers(0, SHOWS - 1))


def interactions(places: list[tuple[int, int]]) -> Interactions:
    """Ratings 1, 2, ... at the places, in their order."""
    users, shows = np.array(sorted(places), dtype=np.int32).reshape(-1, 2).T
    return Interactions(
        users=IdMap(np.arange(USERS) * 10),
        shows=IdMap(np.arange(SHOWS) * 100),
        user_rows=users,
        show_rows=shows,
        ratings=np.arange(1, len(places) + 1, dtype=np.float32),
        rated_at=np.zeros(len(places), dtype=np.int64),
    )


@given(st.dictionaries(pairs, st.booleans()))
def test_the_matrix_has_the_chosen_values_and_no_others(
    places: dict[tuple[int, int], bool],
) -> None:
    data = interactions(list(places))
    chosen = np.array([places[place] for place in sorted(places)], dtype=np.bool_)
    expected = np.zeros((USERS, SHOWS), dtype=np.float32)
    for row, (user, show) in enumerate(sorted(places)):
        expected[user, show] = data.ratings[row] if chosen[row] else 0
    matrix = data.matrix(data.ratings, chosen)
    assert matrix.toarray().tolist() == expected.tolist()
    assert matrix.nnz == chosen.sum()
    assert matrix.has_sorted_indices
    assert matrix.dtype == np.float32


def test_a_chosen_zero_is_stored() -> None:
    """LightFM wants weights at the very places of the interactions."""
    data = interactions([(0, 1), (3, 2)])
    assert data.matrix(np.zeros(2, dtype=np.float32), np.array([True, True])).nnz == 2


def test_the_size_is_told() -> None:
    data = interactions([(0, 1), (3, 2)])
    assert len(data) == 2
    assert data.shape == (USERS, SHOWS)
