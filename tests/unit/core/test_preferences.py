"""A like weighs by its rating, a dislike nothing, and watching a little."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.preferences import UNRATED_WEIGHT, is_liked, positive_weights


def weights(*ratings: float) -> list[float]:
    found = positive_weights(np.array(ratings, dtype=np.float32))
    assert found.dtype == np.float32
    return found.tolist()


def test_up_to_4_is_no_positive() -> None:
    assert weights(1, 2, 3, 4) == [0, 0, 0, 0]


def test_above_4_the_weight_grows_to_1() -> None:
    assert weights(5, 7, 10) == pytest.approx([1 / 6, 1 / 2, 1])


def test_watched_but_not_rated_is_a_weak_positive() -> None:
    assert weights(np.nan) == pytest.approx([UNRATED_WEIGHT])
    assert weights(5)[0] < UNRATED_WEIGHT < weights(6)[0]


@given(st.lists(st.floats(1, 10, width=32)))
def test_a_better_rating_never_weighs_less(ratings: list[float]) -> None:
    found = weights(*sorted(ratings))
    assert found == sorted(found)
    assert all(0 <= weight <= 1 for weight in found)


def test_8_and_more_is_liked_and_unrated_is_not() -> None:
    ratings = np.array([1, 7, 8, 10, np.nan], dtype=np.float32)
    assert is_liked(ratings).tolist() == [False, False, True, True, False]


def test_the_shape_is_kept() -> None:
    ratings = np.full((2, 3), 10, dtype=np.float32)
    assert positive_weights(ratings).shape == is_liked(ratings).shape == (2, 3)
