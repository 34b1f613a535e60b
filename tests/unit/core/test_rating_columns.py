"""Ratings as arrays say what the frame said."""

import numpy as np

from mlproject.core.rating_columns import RatingColumns
from mlproject.core.rating_scale import UNRATED
from mlproject.core.ratings import RatingFrame
from tests import builders
from tests.rating_rows import columns, rows


def test_a_frame_becomes_arrays() -> None:
    frame = builders.ratings(3, rating=[7, None, 1])
    found = frame.to_columns()
    assert found.user_id.tolist() == [0, 1, 2]
    assert found.show_id.tolist() == [101, 102, 103]
    assert found.rating.tolist() == [7, UNRATED, 1]
    first = builders.FIRST_INSTANT
    assert found.rated_at.tolist() == [int(first.timestamp() * 1000) + 1000 * n for n in range(3)]
    kinds = [array.dtype for array in found.arrays]
    assert kinds == [np.int64, np.int64, np.int8, np.int64, np.uint64, np.uint64]


def test_no_ratings_are_empty_arrays() -> None:
    assert len(RatingFrame.empty().to_columns()) == 0
    assert len(RatingColumns.concat([])) == 0


def test_parts_are_joined_in_order_and_rows_taken() -> None:
    one, two = [(1, 2, 3, 4, 5, 6)], [(0, 2, 3, 4, 5, 6), (9, 9, 9, 9, 9, 9)]
    joined = RatingColumns.concat([columns(one), columns(two)])
    assert rows(joined) == one + two
    assert rows(joined.take(np.array([2, 0]))) == [two[1], one[0]]
