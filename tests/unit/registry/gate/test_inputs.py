"""What the gate refuses to work with: mistakes of whoever calls it."""

from datetime import timedelta

import numpy as np
import pytest

from mlproject.registry.gate import Measured, Rules, Scores

FOUR = Measured(np.full(4, 0.2), 0.1)
NOT_FINITE = Measured(np.array([0.2, np.nan, 0.2, 0.2]), 0.1)
THREE = Measured(np.full(3, 0.2), 0.1)
NOBODY = np.zeros(4, dtype=np.bool_)


@pytest.mark.parametrize("name", ["candidate", "popularity", "production", "reference"])
def test_all_are_measured_on_the_same_users(name: str) -> None:
    everyone = dict.fromkeys(("candidate", "popularity", "production", "reference"), FOUR)
    with pytest.raises(ValueError, match=rf"{name} has values of shape \(3,\), not \(4,\)"):
        Scores(**{**everyone, name: THREE}, cold=NOBODY)


@pytest.mark.parametrize("name", ["popularity", "production", "reference"])
def test_only_a_candidate_may_have_values_that_are_not_finite(name: str) -> None:
    everyone = dict.fromkeys(("candidate", "popularity", "production", "reference"), FOUR)
    Scores(**{**everyone, "candidate": NOT_FINITE}, cold=NOBODY)
    with pytest.raises(ValueError, match=f"{name} has values that are not finite"):
        Scores(**{**everyone, name: NOT_FINITE}, cold=NOBODY)


def test_nobody_is_no_holdout() -> None:
    empty = Measured(np.empty(0), 0.1)
    with pytest.raises(ValueError, match="nobody to measure by"):
        Scores(empty, empty, None, None, np.empty(0, dtype=np.bool_))


@pytest.mark.parametrize("name", ["level", "min_effect", "margin", "reference_margin"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_share_is_from_0_to_1(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} is {value}, and is a share"):
        Rules(**{name: value})


def test_no_gain_is_too_good_where_a_person_says_so() -> None:
    assert Rules(leak=float("inf")).leak == float("inf")


def test_an_age_is_not_negative() -> None:
    with pytest.raises(ValueError, match="max_age is negative"):
        Rules(max_age=timedelta(days=-1))
