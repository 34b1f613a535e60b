"""Who is forgotten stays so up to a moment, and nobody else is."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.forgotten import NOBODY, Forgotten

USERS = st.one_of(st.integers(0, 9), st.integers(2**63 - 3, 2**63 - 1))
EVENTS = st.lists(st.tuples(USERS, st.integers(-5, 5)), max_size=30)


def of(entries: list[tuple[int, int]]) -> Forgotten:
    forgotten = NOBODY
    for user, moment in entries:
        forgotten = forgotten.adding(user, moment)
    return forgotten


@given(EVENTS, EVENTS)
def test_an_event_counts_if_it_is_later_than_the_latest_moment(
    entries: list[tuple[int, int]], events: list[tuple[int, int]]
) -> None:
    forgotten = of(entries)
    expected = [
        any(user == each and at <= moment for each, moment in entries) for user, at in events
    ]
    assert [forgotten.covers(user, at) for user, at in events] == expected
    users = np.array([user for user, _ in events], dtype=np.int64)
    times = np.array([at for _, at in events], dtype=np.int64)
    assert forgotten.rows(users, times).tolist() == expected


@given(EVENTS)
def test_the_forgotten_are_found_among_users(entries: list[tuple[int, int]]) -> None:
    users = np.arange(10, dtype=np.int64)
    latest = {user: max(at for each, at in entries if each == user) for user, _ in entries}
    known = {user: moment for user, moment in latest.items() if user < len(users)}
    assert of(entries).among(users) == known


def test_an_id_is_found_in_a_text() -> None:
    forgotten = NOBODY.adding(123, 0)
    assert forgotten.is_named_in('{"user_id": 123')
    assert not forgotten.is_named_in("1234 and 12 and 99999999999999999999123")


def test_a_mark_does_not_hold_the_id() -> None:
    forgotten = NOBODY.adding(7_350_927_146_381, 0)
    assert "7350927146381" not in repr(forgotten)
    assert f"{7_350_927_146_381:x}" not in repr(forgotten)


def test_two_lists_have_different_marks_for_a_user() -> None:
    first, second = Forgotten().adding(7, 0), Forgotten().adding(7, 0)
    assert first.until.keys().isdisjoint(second.until)
