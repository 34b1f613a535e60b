"""Ratings user by user hold what the columns hold."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from mlproject.core.errors import DataError
from mlproject.snapshot.by_user import RatingsByUser
from mlproject.snapshot.latest import latest, places
from tests.rating_rows import ROWS, Row, columns, rows, winners


@given(ROWS)
def test_columns_come_back(given_rows: list[Row]) -> None:
    ratings = latest(columns(given_rows))
    made = RatingsByUser.of(ratings)
    assert rows(made.columns()) == rows(ratings)
    assert len(made) == len(ratings)


@given(ROWS)
def test_a_users_rows_are_found(given_rows: list[Row]) -> None:
    made = RatingsByUser.of(latest(columns(given_rows)))
    for user in range(-1, 7):
        begin, end = made.rows_of(user)
        shows = [row[1] for row in winners(given_rows) if row[0] == user]
        assert made.show_id[begin:end].tolist() == shows


@given(ROWS, ROWS)
def test_pairs_are_found_as_in_columns(given_rows: list[Row], wanted: list[Row]) -> None:
    ratings = latest(columns(given_rows))
    at, there = RatingsByUser.of(ratings).places(columns(wanted))
    expected, is_there = places(ratings, columns(wanted))
    assert there.tolist() == is_there.tolist()
    assert at[there].tolist() == expected[is_there].tolist()


def test_a_missing_or_short_array_is_refused(tmp_path: Path) -> None:
    arrays = RatingsByUser.of(columns([(1, 2, 3, 4, 5, 6)])).arrays
    with pytest.raises(DataError, match="not those expected"):
        RatingsByUser.named({**arrays, "rating": np.zeros(2, dtype=np.int8)})
    with pytest.raises(DataError, match="not those expected"):
        RatingsByUser.named({**arrays, "rating": np.zeros(1, dtype=np.int16)})
    with pytest.raises(DataError, match="there is no start"):
        RatingsByUser.named({name: arrays[name] for name in arrays if name != "start"})
    with pytest.raises(FileNotFoundError):
        RatingsByUser.mapped(tmp_path)
