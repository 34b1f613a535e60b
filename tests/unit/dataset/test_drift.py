"""Drift: whether the newest ratings are of the kind that came before them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions
from mlproject.dataset.drift import drift, psi

COUNTS = st.lists(st.integers(0, 1000), min_size=3, max_size=3).filter(any)
USERS, SHOWS, OF_EACH = 200, 60, 20


@given(COUNTS, COUNTS)
def test_psi_is_symmetric_and_never_negative(before: list[int], after: list[int]) -> None:
    there, back = psi(np.array(before), np.array(after)), psi(np.array(after), np.array(before))
    assert there == pytest.approx(back)
    assert there >= 0


@given(COUNTS, st.integers(1, 100))
def test_psi_of_equal_shares_is_zero(counts: list[int], times: int) -> None:
    assert psi(np.array(counts), times * np.array(counts)) == pytest.approx(0)


def interactions(seed: int = 1) -> Interactions:
    """Ratings in which nothing changes."""
    generator = np.random.default_rng(seed)
    shows = np.concatenate(
        [np.sort(generator.choice(SHOWS, OF_EACH, replace=False)) for _ in range(USERS)]
    )
    return Interactions(
        users=IdMap(np.arange(USERS)),
        shows=IdMap(np.arange(SHOWS)),
        user_rows=np.repeat(np.arange(USERS, dtype=np.int32), OF_EACH),
        show_rows=shows.astype(np.int32),
        ratings=generator.integers(1, 11, USERS * OF_EACH).astype(np.float32),
        rated_at=generator.integers(0, 10**6, USERS * OF_EACH),
    )


def newest(data: Interactions) -> np.ndarray:
    return data.rated_at > np.quantile(data.rated_at, 0.8)


def test_without_a_change_all_three_are_small() -> None:
    found = drift(interactions())
    assert found
    assert max(found.ratings, found.activity, found.popularity) < 0.05


def test_other_ratings_are_seen_and_nothing_else() -> None:
    data = interactions()
    data.ratings[newest(data)] = 10
    found = drift(data)
    assert found
    assert found.ratings > 1
    assert max(found.activity, found.popularity) < 0.05


def test_other_shows_are_seen() -> None:
    data = interactions()
    data.show_rows[newest(data)] = 3
    found = drift(data)
    assert found
    assert found.popularity > 1
    assert found.ratings < 0.05


def test_watched_and_not_rated_is_a_value_of_its_own() -> None:
    data = interactions()
    data.ratings[newest(data)] = np.nan
    found = drift(data)
    assert found
    assert found.ratings > 1


@pytest.mark.parametrize("rows", [0, 1, 4000])
def test_without_times_that_tell_there_is_no_drift(rows: int) -> None:
    data = interactions()
    same = Interactions(
        users=data.users,
        shows=data.shows,
        user_rows=data.user_rows[:rows],
        show_rows=data.show_rows[:rows],
        ratings=data.ratings[:rows],
        rated_at=np.zeros(rows, dtype=np.int64),
    )
    assert drift(same) is None
