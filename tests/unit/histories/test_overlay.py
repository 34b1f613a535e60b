"""Ratings in memory over a copy: the winners of both, whatever comes first."""

from struct import pack

import numpy as np
from hypothesis import given

from mlproject.core.forgotten import NOBODY
from mlproject.core.rating_order import Rated, order_of
from mlproject.histories.overlay import Overlay
from mlproject.snapshot.by_user import RatingsByUser
from mlproject.snapshot.latest import latest
from tests.rating_rows import ROWS, Row, columns, rows, standing, winners


def rated(row: Row) -> Rated:
    return Rated(row[0], row[1], order_of(row[3], pack(">QQ", row[4], row[5]), row[2]))


def copy_of(given_rows: list[Row]) -> RatingsByUser:
    return RatingsByUser.of(latest(columns(given_rows)))


def over(copy: list[Row], live: list[Row]) -> Overlay:
    made = Overlay(copy_of(copy), NOBODY)
    made.take(made.winners(map(rated, live)))
    return made


@given(ROWS, ROWS)
def test_a_history_is_the_winners_in_the_order_of_shows(copy: list[Row], live: list[Row]) -> None:
    overlay = over(copy, live)
    for user in range(6):
        found = overlay.of(user)
        mine = [row for row in standing(copy + live) if row[0] == user]
        assert found.show_ids.tolist() == [row[1] for row in mine]
        assert found.ratings.tolist() == [row[2] for row in mine]
        assert (found.show_ids.dtype, found.ratings.dtype) == (np.int64, np.int8)


@given(ROWS, ROWS)
def test_only_what_wins_over_the_copy_is_in_memory(copy: list[Row], live: list[Row]) -> None:
    before = {row[:2]: row for row in winners(copy)}
    expected = [row for row in winners(copy + live) if before.get(row[:2]) != row]
    overlay = over(copy, live)
    assert rows(overlay.ratings().columns()) == expected
    assert len(overlay) == len(expected)


@given(ROWS, ROWS, ROWS)
def test_over_another_copy_only_what_wins_over_that_stays(
    first: list[Row], live: list[Row], second: list[Row]
) -> None:
    moved = over(first, live).over(copy_of(second), NOBODY)
    expected = over(second, rows_of(over(first, live)))
    assert rows_of(moved) == rows_of(expected)
    assert len(moved) == len(expected)


def rows_of(overlay: Overlay) -> list[Row]:
    return rows(overlay.ratings().columns())


def test_a_show_id_that_fits_no_int32_is_told_from_others() -> None:
    overlay = over([(1, 2, 3, 4, 5, 6)], [(1, 2**40, 9, 0, 0, 0)])
    assert overlay.of(1).show_ids.tolist() == [2, 2**40]
    assert overlay.held(1, 2**41) is None


def test_ratings_of_the_caller_count_too() -> None:
    overlay = over([(1, 2, 3, 4, 5, 6)], [(1, 7, 3, 4, 5, 6)])
    more = {2: rated((1, 2, 9, 9, 0, 0)).order, 5: rated((1, 5, 1, 0, 0, 0)).order}
    found = overlay.of(1, more)
    assert found.show_ids.tolist() == [2, 5, 7]
    assert found.ratings.tolist() == [9, 1, 3]
    assert overlay.of(1).show_ids.tolist() == [2, 7]
