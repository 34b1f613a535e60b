"""The gate: who is promoted, kept or held, and the sentence that says why."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.registry.gate import (
    Cause,
    Measured,
    Occasion,
    Outcome,
    Rules,
    Scores,
    Verdict,
    judge,
)

USERS, COVERAGE, COLD = 400, 0.1, 40
NEW_SHOWS = Occasion(new_shows=12)
SURE, UNSURE = 0.02, 0.2
"""How far users spread around a difference: an interval of 0.0016 and of 0.0165 each way."""


def measured(mean: float, spread: float = 0.0, coverage: float = COVERAGE) -> Measured:
    """Return values of this mean, half of them above it and half below."""
    return Measured(mean + spread * np.resize([1.0, -1.0], USERS), coverage)


def scores(
    candidate: Measured | float,
    production: Measured | float | None = 0.2,
    reference: Measured | float | None = None,
    popularity: Measured | float = 0.1,
) -> Scores:
    def as_measured(one: Measured | float) -> Measured:
        return one if isinstance(one, Measured) else measured(one)

    return Scores(
        candidate=as_measured(candidate),
        popularity=as_measured(popularity),
        production=None if production is None else as_measured(production),
        reference=None if reference is None else as_measured(reference),
        cold=np.arange(USERS) < COLD,
    )


def verdict(given: Scores, occasion: Occasion = Occasion(), **rules: Any) -> Verdict:  # noqa: B008
    return judge(given, occasion, Rules(**rules), metric="p@10")


# Fit to serve


def test_nothing_is_promoted_in_whose_files_something_was_found() -> None:
    found = judge(scores(0.3, None), Occasion(), Rules(), findings=["one is NaN", "all alike"])
    assert found == Verdict(
        Outcome.KEEP, "not fit to serve: one is NaN; all alike", cause=Cause.UNFIT
    )


def test_a_metric_that_is_no_number_is_no_metric() -> None:
    broken = measured(0.3)
    broken.values[:12] = np.nan
    assert verdict(scores(broken)) == Verdict(
        Outcome.KEEP,
        "not fit to serve: p@10 of 12 users is not a finite number",
        cause=Cause.UNFIT,
    )


@pytest.mark.parametrize("own", [0.05, 0.1])
@pytest.mark.parametrize("production", [None, 0.01])
def test_nothing_is_promoted_that_does_not_beat_what_is_popular_now(
    own: float, production: float | None
) -> None:
    assert verdict(scores(own, production), NEW_SHOWS) == Verdict(
        Outcome.KEEP,
        f"p@10 {own:.4f} does not beat the 0.1000 of what is popular now",
        cause=Cause.UNFIT,
    )


def test_cold_users_are_not_worse_off_than_with_what_is_popular() -> None:
    candidate = measured(0.25, SURE)
    candidate.values[:COLD] -= 0.2
    found = verdict(scores(candidate))
    assert found.outcome is Outcome.KEEP
    assert found.reason == (
        "cold users are served worse than by what is popular now: p@10 0.0500 to 0.1000, "
        "-0.0500 (90 % interval -0.0554 to -0.0446) over 40 users"
    )


def test_cold_users_do_not_pay_for_the_gain_of_others() -> None:
    candidate = measured(0.25, SURE)
    candidate.values[:COLD] -= 0.1
    found = verdict(scores(candidate))
    assert found.outcome is Outcome.KEEP
    assert found.reason == (
        "cold users lose more than the 5 % allowed: p@10 0.1500 to production's 0.2000, "
        "-0.0500 (90 % interval -0.0554 to -0.0446) over 40 users"
    )


def test_bad_luck_of_a_few_cold_users_does_not_count() -> None:
    candidate = measured(0.21, SURE)
    candidate.values[:COLD] = 0.09 + 0.5 * np.resize([1.0, -1.0], COLD)
    assert verdict(scores(candidate)).reason.startswith("worse by 0.0020")


def test_a_holdout_without_cold_users_has_no_floor_for_them() -> None:
    given = scores(0.3, None)
    nobody = Scores(given.candidate, given.popularity, None, None, given.cold & False)
    assert verdict(nobody).promote


@pytest.mark.parametrize("best", [{"production": 0.2}, {"production": 0.2, "reference": 0.2}])
def test_coverage_does_not_collapse(best: dict[str, float]) -> None:
    found = verdict(scores(measured(0.21, SURE, coverage=0.0499), **best))
    assert found == Verdict(
        Outcome.KEEP,
        "coverage collapses: 4.99 % of the shows are in anybody's list, "
        "10.00 % of the shows with production or the reference",
        cause=Cause.UNFIT,
    )
    assert verdict(scores(measured(0.21, SURE, coverage=0.05), **best)).promote


def test_coverage_does_not_wear_down_by_halves() -> None:
    halved = measured(0.2, coverage=COVERAGE / 2)
    quartered = measured(0.21, SURE, coverage=COVERAGE / 4)
    assert verdict(scores(quartered, halved)).promote
    assert not verdict(scores(quartered, halved, reference=0.2)).promote


# The first


def test_without_production_the_first_that_is_fit_is_promoted_and_is_the_reference() -> None:
    assert verdict(scores(0.2, None)) == Verdict(
        Outcome.PROMOTE,
        "first to beat what is popular now: p@10 0.2000 to 0.1000 of what is popular now",
        becomes_reference=True,
        cause=Cause.FIRST,
    )


def test_if_production_cannot_be_measured_the_reference_still_can() -> None:
    note = "version 3 in production cannot be read"
    low, good = (
        judge(scores(measured(own, SURE), None, 0.2), Occasion(), Rules(), note=note)
        for own in (0.18, 0.2)
    )
    assert low.outcome is Outcome.KEEP
    assert low.reason.startswith(
        f"{note}, but is more than the 5 % allowed below the reference: worse by 0.0200 (10.0 %) "
    )
    assert good.promote
    assert good.reason.startswith(f"{note}: precision@10 0.2000 to 0.1000")
    assert not good.becomes_reference


# Better


def test_one_that_is_better_is_promoted_and_is_the_reference() -> None:
    assert verdict(scores(measured(0.21, SURE))) == Verdict(
        Outcome.PROMOTE,
        "better by 0.0100 (5.0 %): p@10 0.2100 to production's 0.2000, "
        "+0.0100 (90 % interval +0.0083 to +0.0117) over 400 users",
        becomes_reference=True,
        cause=Cause.BETTER,
    )


def test_one_that_may_be_better_by_chance_is_not_promoted() -> None:
    found = verdict(scores(measured(0.21, UNSURE)))
    assert found.outcome is Outcome.KEEP
    assert found.reason.startswith(
        "better by 0.0100 (5.0 %), which may be chance: p is 0.16, and look 1 of this recipe "
        "asks for 0.03: p@10 0.2100"
    )


def test_each_look_has_to_be_surer_than_the_one_before() -> None:
    given = scores(measured(0.21, 0.07))  # p is 0.0023
    outcomes = [verdict(given, Occasion(looks=looks)).outcome for looks in (0, 2, 3, 4)]
    assert outcomes == ["promote", "promote", "keep", "keep"]
    assert "look 4 of this recipe asks for 0.0019" in verdict(given, Occasion(looks=3)).reason


def test_a_gain_that_is_sure_and_tiny_is_not_worth_a_change() -> None:
    given = scores(measured(0.2015, 0.001))
    found = verdict(given)
    assert found.outcome is Outcome.KEEP
    assert found.reason.startswith(
        "better by 0.0015 (0.8 %), less than the 1 % that a change has to gain: "
    )
    assert verdict(given, min_effect=0.005).promote


def test_one_that_is_worse_is_said_to_be_worse() -> None:
    found = verdict(scores(measured(0.195, SURE)))
    assert found == Verdict(
        Outcome.KEEP,
        "worse by 0.0050 (2.5 %): p@10 0.1950 to production's 0.2000, "
        "-0.0050 (90 % interval -0.0067 to -0.0033) over 400 users",
        cause=Cause.NOT_BETTER,
    )


def test_the_same_lists_are_equal() -> None:
    assert verdict(scores(0.2)).reason.startswith("equal: p@10 0.2000 to production's 0.2000, ")


def test_better_than_a_weak_production_is_not_better_than_the_reference() -> None:
    found = verdict(scores(measured(0.21, SURE), 0.2, 0.215))
    assert found.promote
    assert not found.becomes_reference


# Due


@pytest.mark.parametrize(
    ("occasion", "why"),
    [
        (Occasion(new_shows=1), "1 new show"),
        (Occasion(new_shows=1234), "1,234 new shows"),
        (Occasion(age=timedelta(days=7)), "production is 7.0 days old"),
        (
            Occasion(new_shows=12, age=timedelta(days=7.25)),
            "12 new shows, production is 7.2 days old",
        ),
    ],
)
def test_a_change_that_is_due_may_cost_a_little(occasion: Occasion, why: str) -> None:
    assert verdict(scores(measured(0.1985, 0.001)), occasion) == Verdict(
        Outcome.PROMOTE,
        f"due ({why}) and worse by 0.0015 (0.8 %), within the 1 % allowed: "
        "p@10 0.1985 to production's 0.2000, "
        "-0.0015 (90 % interval -0.0016 to -0.0014) over 400 users",
        cause=Cause.DUE,
    )


@pytest.mark.parametrize("occasion", [Occasion(), Occasion(age=timedelta(days=6.9))])
def test_without_a_reason_there_is_no_change(occasion: Occasion) -> None:
    assert verdict(scores(measured(0.2, SURE)), occasion).outcome is Outcome.KEEP


def test_on_the_same_data_nothing_is_due() -> None:
    occasion = Occasion(new_shows=12, age=timedelta(days=70), same_data=True)
    assert verdict(scores(measured(0.2, SURE)), occasion).outcome is Outcome.KEEP


def test_a_change_that_is_due_does_not_cost_more_than_the_margin() -> None:
    given = scores(measured(0.195, SURE))
    found = verdict(given, NEW_SHOWS)
    assert (found.outcome, found.cause) == (Outcome.KEEP, Cause.TOO_COSTLY)
    assert found.reason.startswith(
        "due (12 new shows), but worse by 0.0050 (2.5 %), more than the 1 % allowed: "
    )
    assert verdict(given, NEW_SHOWS, margin=0.03).promote


@pytest.mark.parametrize(
    ("spread", "surely", "worst"),
    [(SURE, "is", "-0.0151"), (UNSURE, "may be", "-0.0431")],
    ids=["shown", "not ruled out"],
)
def test_small_losses_do_not_add_up_below_the_reference(
    spread: float, surely: str, worst: str
) -> None:
    found = verdict(scores(measured(0.189, spread), 0.19, 0.201), NEW_SHOWS)
    assert found.outcome is Outcome.KEEP
    assert found.reason.startswith(
        f"due (12 new shows), but {surely} more than the 5 % allowed below the reference: worse by "
        f"0.0120 (6.0 %) than its 0.2010, at worst {worst}: p@10 0.1890 to production's 0.1900, "
    )


def test_what_is_due_is_not_the_reference_unless_it_is_better() -> None:
    found = verdict(scores(measured(0.1999, SURE), 0.2, 0.2), NEW_SHOWS)
    assert found.promote
    assert not found.becomes_reference


# Held


@pytest.mark.parametrize("occasion", [Occasion(), NEW_SHOWS])
def test_what_is_too_good_to_be_true_waits_for_a_person(occasion: Occasion) -> None:
    found = verdict(scores(measured(0.24, SURE)), occasion)
    assert found == Verdict(
        Outcome.HOLD,
        "held until a person has looked at it: a gain of more than 10 % is too good to be true, "
        "has it trained on what it is measured by? better by 0.0400 (20.0 %): p@10 0.2400 to "
        "production's 0.2000, +0.0400 (90 % interval +0.0383 to +0.0417) over 400 users",
        cause=Cause.TOO_GOOD,
    )
    assert verdict(scores(measured(0.24, SURE)), leak=0.25).promote


def test_what_comes_back_to_the_reference_is_not_too_good() -> None:
    assert verdict(scores(measured(0.24, SURE), 0.2, 0.24)).promote


def test_luck_of_a_few_users_is_not_too_good() -> None:
    assert verdict(scores(measured(0.23, 0.15))).promote


# Whatever comes

SHARES = st.floats(0.0, 1.0)


@given(SHARES, SHARES, SHARES, st.floats(0, 0.3), st.integers(0, 10_000), st.integers(0, 1))
def test_what_is_promoted_has_its_reason(
    own: float, theirs: float, best: float, spread: float, looks: int, due: int
) -> None:
    occasion = Occasion(looks=looks, new_shows=due)
    found = verdict(scores(measured(own, spread), theirs, best), occasion)
    if found.promote:
        assert own > 0.1, "popularity"
        assert own >= (0.99 * theirs if due else 1.01 * theirs) - 1e-9
        assert own > 0.95 * best - 1e-9 or own >= 1.01 * theirs - 1e-9
    else:
        assert not found.becomes_reference


@given(SHARES, SHARES, st.floats(0.0, 0.3), st.integers(0, 1))
def test_no_sentence_says_better_of_what_is_worse(
    own: float, theirs: float, spread: float, due: int
) -> None:
    candidate = measured(own, spread)
    reason = verdict(scores(candidate, theirs), Occasion(new_shows=due)).reason
    gain = candidate.mean - measured(theirs).mean
    assert ("better by" in reason) <= (gain > 0)
    assert ("worse by" in reason) <= (gain < 0)
    assert "not worse" not in reason
