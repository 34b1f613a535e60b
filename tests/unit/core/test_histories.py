"""Histories: a block of users' ratings, whatever is taken of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.histories import Histories
from mlproject.core.ids import UNKNOWN_ROW

USERS = st.lists(st.dictionaries(st.integers(0, 9), st.sampled_from([0.0, 0.5, 1.0])), max_size=6)


def made(users: list[dict[int, float]]) -> Histories:
    return Histories.of_each(
        [list(user) for user in users], [list(user.values()) for user in users]
    )


def users_of(histories: Histories) -> list[dict[int, float]]:
    return [
        dict(zip(one.show_rows.tolist(), one.weights.tolist(), strict=True))
        for one in (histories[user : user + 1] for user in range(len(histories)))
    ]


@given(USERS)
def test_what_went_in_is_there(users: list[dict[int, float]]) -> None:
    assert users_of(made(users)) == users
    assert made(users).users.tolist() == [row for row, user in enumerate(users) for _ in user]


@given(USERS, st.integers(0, 7), st.integers(0, 7))
def test_a_block_is_the_users_of_a_slice(
    users: list[dict[int, float]], start: int, stop: int
) -> None:
    assert users_of(made(users)[start:stop]) == users[start:stop]


@given(USERS.filter(bool), st.data())
def test_users_are_taken_in_any_order(users: list[dict[int, float]], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(users) - 1)))
    taken = made(users).take(np.array(rows, dtype=np.int64))
    assert users_of(taken) == [users[row] for row in rows]


@given(USERS)
def test_in_other_rows_only_known_shows_are_left(users: list[dict[int, float]]) -> None:
    rows = np.array([3, UNKNOWN_ROW, 0, 1, UNKNOWN_ROW, 2, 9, 8, 7, 6])
    expected = [
        {int(rows[show]): weight for show, weight in user.items() if rows[show] != UNKNOWN_ROW}
        for user in users
    ]
    assert users_of(made(users).in_rows(rows)) == expected


@given(USERS)
def test_a_taste_needs_something_with_weight(users: list[dict[int, float]]) -> None:
    assert made(users).has_taste().tolist() == [any(user.values()) for user in users]


def test_a_block_with_gaps_is_refused() -> None:
    with pytest.raises(ValueError, match="step of 1"):
        made([{}, {}])[::2]
