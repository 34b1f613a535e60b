"""What lists are like beside right."""

import numpy as np
import pytest

from mlproject.core.ids import UNKNOWN_ROW, IdMap
from mlproject.core.interactions import Interactions, Split
from mlproject.training.list_quality import (
    diversity,
    list_quality,
    mean_popularity,
    miscalibration,
    novelty,
)

END = UNKNOWN_ROW
GENRES = np.array([[True, False], [True, False], [False, True], [False, False]])


def lists(*rows: list[int]) -> np.ndarray:
    return np.array(rows, dtype=np.int32)


def test_only_shows_that_are_in_a_list_count() -> None:
    raters = np.array([8, 2, 1, 1])
    assert mean_popularity(lists([0, 1], [0, END]), raters).tolist() == [5, 8]
    assert novelty(lists([0, 1], [0, END]), raters, users=8).tolist() == [1, 0]


def test_a_list_of_one_genre_has_no_diversity_and_one_of_two_has_all() -> None:
    assert diversity(lists([0, 1], [0, 2], [0, END]), GENRES).tolist() == [0, 1, 0]


def test_shows_without_genres_are_as_far_apart_as_can_be() -> None:
    nothing = np.zeros((4, 0), dtype=np.bool_)
    assert diversity(lists([0, 1]), nothing).tolist() == [1]


def test_lists_in_the_proportion_of_likes_are_calibrated() -> None:
    liked = np.array([0.5, 0.5])
    assert miscalibration(lists([0, 2], [2, 1]), liked, GENRES) == pytest.approx(0)
    assert miscalibration(lists([0, 1], [0, 1]), liked, GENRES) > 2


def test_without_genres_nothing_is_miscalibrated() -> None:
    nothing = np.zeros((4, 0), dtype=np.bool_)
    assert miscalibration(lists([0, 1]), np.zeros(0), nothing) == 0


def test_the_measures_are_named_by_the_length_of_the_lists() -> None:
    data = Interactions(
        users=IdMap(np.arange(2)),
        shows=IdMap(np.arange(4)),
        user_rows=np.array([0, 0, 1], dtype=np.int32),
        show_rows=np.array([0, 2, 0], dtype=np.int32),
        ratings=np.array([9, 9, 2], dtype=np.float32),
        rated_at=np.zeros(3, dtype=np.int64),
    )
    split = Split(data, np.array([False, True, False]))
    found = list_quality(lists([1, 2]), split, GENRES)
    assert found == {
        "novelty_at_2": 1.0,  # nobody's training part has either show
        "popularity_bias_at_2": 0.0,
        "diversity_at_2": 1.0,
        "genre_miscalibration_at_2": pytest.approx(-np.log2(0.99 * 0.5 + 0.01)),
    }
