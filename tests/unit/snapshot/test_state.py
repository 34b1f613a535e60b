"""Any order, repetition and split of ratings into merges gives one and the same state."""

import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.errors import DataError
from mlproject.snapshot.digest import RatingsDigest
from mlproject.snapshot.state import RatingsState
from tests.rating_rows import ROWS, Row, columns, rows, standing, winners


def assert_sound(state: RatingsState) -> None:
    """What is counted on the way is what one would count afresh."""
    fresh = RatingsState.of(state.ratings)
    assert rows(state.ratings) == rows(fresh.ratings)
    assert (state.users, state.digest) == (fresh.users, fresh.digest)
    assert state.show_ids.tolist() == fresh.show_ids.tolist()


@given(ROWS, st.integers(0, 2**32), st.lists(st.integers(0, 80)))
def test_order_repetition_and_split_do_not_matter(
    given_rows: list[Row], seed: int, cuts: list[int]
) -> None:
    rng = random.Random(seed)
    stream = given_rows + rng.choices(given_rows, k=len(given_rows)) if given_rows else []
    rng.shuffle(stream)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    state = RatingsState.empty()
    for start, end in pairwise(edges):
        state = state.merge(columns(stream[start:end])).state
        assert_sound(state)
    assert rows(state.ratings) == winners(given_rows)
    assert state.digest == RatingsState.of(columns(given_rows)).digest


@given(ROWS, ROWS)
def test_fresh_rows_are_exactly_what_changes(old: list[Row], new: list[Row]) -> None:
    before = RatingsState.of(columns(old))
    merged = before.merge(columns(new))
    changed = [row for row in rows(merged.state.ratings) if row not in rows(before.ratings)]
    assert rows(merged.fresh) == changed
    pairs = {row[:2] for row in old}
    assert merged.replaced == sum(row[:2] in pairs for row in changed)
    assert len(merged.state) == len(before) + len(changed) - merged.replaced
    assert merged.state.merge(merged.fresh).state is merged.state, "a repeat costs no pass"


@given(ROWS)
def test_sorted_rows_are_taken_over(given_rows: list[Row]) -> None:
    state = RatingsState.of_sorted(columns(winners(given_rows)))
    assert_sound(state)


@pytest.mark.parametrize(
    "wrong",
    [
        [(2, 1, 1, 0, 0, 0), (1, 1, 1, 0, 0, 0)],
        [(1, 2, 1, 0, 0, 0), (1, 1, 1, 0, 0, 0)],
        [(1, 1, 1, 0, 0, 0), (1, 1, 1, 1, 0, 0)],
    ],
)
def test_rows_that_are_not_sorted_are_refused(wrong: list[Row]) -> None:
    with pytest.raises(DataError, match="not sorted"):
        RatingsState.of_sorted(columns(wrong))


def test_a_merge_leaves_the_old_state_alone() -> None:
    before = RatingsState.of(columns([(1, 1, 5, 0, 0, 0), (3, 1, 5, 0, 0, 0)]))
    kept = [array.copy() for array in before.ratings.arrays]
    before.merge(columns([(1, 1, 9, 1, 0, 0), (2, 2, 1, 0, 0, 0)]))
    for array, copy in zip(before.ratings.arrays, kept, strict=True):
        np.testing.assert_array_equal(array, copy)


@given(ROWS)
def test_what_was_taken_back_is_in_no_history_and_keeps_older_ratings_out(
    given_rows: list[Row],
) -> None:
    state = RatingsState.of(columns(given_rows))
    for user in range(5):
        mine = [row for row in standing(given_rows) if row[0] == user]
        found = state.of_user(user)
        assert found.show_ids.tolist() == [row[1] for row in mine]
        assert found.ratings.tolist() == [row[2] for row in mine]
    pairs = {row[:2] for row in given_rows}
    late = columns([(*pair, 9, -3, 0, 0) for pair in sorted(pairs)])
    assert state.merge(late).state is state


def test_nothing_is_a_state_too() -> None:
    empty = RatingsState.empty()
    assert (len(empty), empty.users, len(empty.show_ids)) == (0, 0, 0)
    assert empty.digest == RatingsDigest()
    assert empty.merge(columns([])).state is empty
