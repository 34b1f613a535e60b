"""What people prefer, from answers in which two versions took turns."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.exposures import Exposure
from mlproject.core.rating_scale import RETRACTED
from mlproject.exposures.preference import DAY_MS, FEWEST_USERS, preference, ratio
from tests.rating_rows import columns
from tests.unit.exposures.conftest import mixed


def found(
    shown: list[Exposure], *likes: tuple[int, int, int, int], days: float = 7
) -> tuple[float, int, int]:
    """Return share, telling answers and users, of likes by user, show, rating and time."""
    rows = [(user, show, rating, at, 0, at) for user, show, rating, at in likes]
    told = preference(shown, columns(rows), days)
    return told.share, told.telling, told.users


def test_a_like_speaks_for_the_version_that_placed_the_show() -> None:
    shown = [mixed(1, 100, "pcpc"), mixed(2, 100, "cpcp")]
    assert found(shown, (1, 2, 8, 200), (2, 1, 10, 200)) == (1.0, 2, 2)
    assert found(shown, (1, 1, 8, 200)) == (0.0, 1, 1)
    assert found(shown, (1, 1, 8, 200), (1, 2, 9, 300)) == (0.5, 1, 1), "a tie counts half"


def test_what_is_no_like_of_what_was_shown_tells_nothing() -> None:
    shown = [mixed(1, 100, "pc")]
    assert found(shown, (1, 2, 7, 200))[1] == 0, "not liked"
    assert found(shown, (1, 2, RETRACTED, 200))[1] == 0, "taken back"
    assert found(shown, (1, 9, 9, 200))[1] == 0, "not shown"
    assert found(shown, (2, 2, 9, 200))[1] == 0, "not to this user"
    assert found(shown, (1, 2, 9, 99))[1] == 0, "before"
    assert found(shown, (1, 2, 9, 101 + DAY_MS), days=1)[1] == 0, "too late"
    assert math.isnan(found(shown)[0])


def test_what_both_placed_speaks_for_neither() -> None:
    shown = [mixed(1, 100, "pbc")]
    assert found(shown, (1, 2, 9, 200))[1] == 0
    assert found(shown, (1, 2, 9, 200), (1, 3, 9, 200)) == (1.0, 1, 1)


def test_a_like_is_due_to_the_last_answer_before_it() -> None:
    shown = [mixed(1, 500, "pp"), mixed(1, 300, "cc"), mixed(1, 100, "pp")]
    assert found(shown, (1, 1, 9, 400)) == (1.0, 1, 1)
    assert found(shown, (1, 1, 9, 600)) == (0.0, 1, 1)


def test_the_verdict_needs_an_interval_beside_one_half() -> None:
    likes = [(user, 2, 9, 200) for user in range(FEWEST_USERS)]
    rows = columns([(*like, 0, 1) for like in likes])
    shown = [mixed(user, 100, "pc") for user in range(FEWEST_USERS)]
    assert preference(shown, rows, 7).verdict == "people prefer the challenger"
    swapped = [mixed(user, 100, "cp") for user in range(FEWEST_USERS)]
    assert preference(swapped, rows, 7).verdict == "people prefer production"
    halves = [mixed(user, 100, "pc" if user % 2 else "cp") for user in range(FEWEST_USERS)]
    assert preference(halves, rows, 7).verdict == "no difference that could not be chance"
    assert "too few" in preference(shown[:5], rows, 7).verdict


@given(st.permutations(range(6)))
def test_the_order_of_answers_does_not_matter(order: list[int]) -> None:
    shown = [mixed(user % 2, 100 * user, "pccp"[user % 3 :]) for user in range(6)]
    likes = columns([(user, show, 9, 700, 0, 1) for user in range(2) for show in (1, 2)])
    assert preference([shown[place] for place in order], likes, 7) == preference(shown, likes, 7)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Users differ in how much they say and in what they prefer; the truth is 0.55."""
    rng = np.random.default_rng(1)
    covered, rounds = 0, 400
    for _ in range(rounds):
        counts = rng.geometric(0.3, 200)
        likings = rng.beta(5.5, 4.5, 200)
        totals = rng.binomial(counts, likings)
        _, low, high = ratio(totals.astype(float), counts.astype(float))
        covered += low <= 0.55 <= high
    assert covered / rounds == pytest.approx(0.95, abs=0.03)


def test_one_user_tells_nothing() -> None:
    assert ratio(np.array([3.0]), np.array([3.0])) == (1.0, 0.0, 1.0)
