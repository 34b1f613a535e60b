"""The paired comparison of two models."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlproject.registry.gate.difference import SIDE, Difference

PAIRS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=40)


@given(PAIRS)
def test_bounds_and_p_value_are_those_of_the_paired_t_test(
    pairs: list[tuple[float, float]],
) -> None:
    ours, theirs = np.array(pairs).T
    found = Difference.of(ours, theirs)
    assert found.lower <= found.mean <= found.upper
    if np.ptp(ours - theirs) > 1e-6:
        test = stats.ttest_rel(ours, theirs, alternative="greater")
        interval = stats.ttest_rel(ours, theirs).confidence_interval(2 * SIDE - 1)
        assert (found.lower, found.upper) == pytest.approx((interval.low, interval.high))
        assert found.p_value == pytest.approx(max(test.pvalue, 0.5 ** len(pairs)))


@given(PAIRS)
def test_what_one_gains_the_other_loses(pairs: list[tuple[float, float]]) -> None:
    ours, theirs = np.array(pairs).T
    one, other = Difference.of(ours, theirs), Difference.of(theirs, ours)
    assert (one.mean, one.lower, one.upper) == pytest.approx(
        (-other.mean, -other.upper, -other.lower)
    )


def test_users_are_paired() -> None:
    """What users differ in among themselves does not widen the interval."""
    among_users, noise = np.linspace(0, 1, 400), np.resize([0.001, -0.001], 400)
    found = Difference.of(among_users + 0.01 + noise, among_users)
    assert found.lower == pytest.approx(0.01, abs=1e-4)


def test_a_single_user_is_no_evidence() -> None:
    found = Difference.of(np.array([0.9]), np.array([0.1]))
    assert (found.lower, found.upper, found.p_value) == (-np.inf, np.inf, 1.0)


@pytest.mark.parametrize("users", [2, 5, 20])
def test_a_few_users_who_agree_exactly_are_only_as_sure_as_their_signs(users: int) -> None:
    found = Difference.of(np.full(users, 0.3), np.full(users, 0.2))
    assert found.p_value == 0.5**users


def test_the_same_lists_are_no_gain() -> None:
    values = np.linspace(0, 1, 50)
    found = Difference.of(values, values)
    assert (found.mean, found.p_value) == (0, 1)
