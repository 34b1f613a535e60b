"""The latest rating of a pair wins by an order that arrival does not change."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlproject.snapshot.latest import beats, latest, places
from tests.rating_rows import ROWS, Row, columns, rows, winners


@given(ROWS)
def test_winners_are_those_of_the_plain_rule(given_rows: list[Row]) -> None:
    assert rows(latest(columns(given_rows))) == winners(given_rows)


def test_ids_too_large_for_one_number_are_sorted_too() -> None:
    given_rows = [(2**62, 5, 1, 0, 0, 1), (2**62, 2**62, 2, 0, 0, 1), (1, 2**62, 3, 0, 0, 1)]
    assert rows(latest(columns([*given_rows, (2**62, 5, 9, 1, 0, 0)]))) == [
        (1, 2**62, 3, 0, 0, 1),
        (2**62, 5, 9, 1, 0, 0),
        (2**62, 2**62, 2, 0, 0, 1),
    ]


def test_time_comes_before_id_and_id_before_rating() -> None:
    first = columns(
        [(0, 0, 1, 2, 0, 0), (0, 0, 1, 1, 1, 0), (0, 0, 5, 1, 1, 1), (0, 0, 5, 1, 1, 1)]
    )
    other = columns(
        [(0, 0, 9, 1, 9, 9), (0, 0, 9, 1, 0, 9), (0, 0, 4, 1, 1, 1), (0, 0, 5, 1, 1, 1)]
    )
    assert beats(first, other).tolist() == [True, True, True, False]
    assert beats(other, first).tolist() == [False, False, False, False]


@given(ROWS, ROWS)
def test_places_keep_the_rows_sorted(within: list[Row], wanted: list[Row]) -> None:
    there = [row[:2] for row in winners(within)]
    asked = [row[:2] for row in wanted]
    at, found = places(latest(columns(within)), columns(wanted))
    assert found.tolist() == [pair in there for pair in asked]
    assert at.tolist() == [sum(pair < one for pair in there) for one in asked]


@given(st.lists(st.integers(0, 1000), unique=True, min_size=1))
def test_one_user_with_many_shows_is_searched_right(shows: list[int]) -> None:
    within = latest(columns([(7, show, 1, 0, 0, 0) for show in shows]))
    at, found = places(within, columns([(7, show, 1, 0, 0, 0) for show in range(1001)]))
    assert np.flatnonzero(found).tolist() == sorted(shows)
    assert at[found].tolist() == list(range(len(shows)))
