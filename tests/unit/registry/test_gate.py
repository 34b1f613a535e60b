"""The gate: who is promoted, and the sentence that says why."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlproject.config import Settings
from mlproject.registry.gate import LEVEL, Difference, Rival, judge

POPULAR = np.full(4, 0.1)
MARGIN = 0.05
BY_DEFAULT = Settings().margin
NOTE = ", to be added"


def values(mean: float, spread: float = 0.0, users: int = 400) -> np.ndarray:
    """Values of this mean, half of them above it and half below."""
    return mean + spread * np.resize([1.0, -1.0], users)


def verdict(rival: Rival | None, own: float = 0.3, margin: float = MARGIN) -> tuple[bool, str]:
    found = judge(
        np.full(4, own), baseline=POPULAR, rival=rival, metric="p@10", margin=margin, note=NOTE
    )
    return found.promote, found.reason


@pytest.mark.parametrize("own", [0.05, 0.1])
def test_nothing_is_promoted_that_does_not_beat_popularity(own: float) -> None:
    rival = Rival(values(0.9), values(0.01), same_data=False)
    assert verdict(rival, own) == (False, f"p@10 {own:.4f} does not beat popularity's 0.1000")


def test_without_a_rival_popularity_is_all_there_is_to_beat() -> None:
    found = judge(
        np.full(4, 0.2), baseline=POPULAR, rival=None, metric="p@10", margin=MARGIN, note="first"
    )
    assert (found.promote, found.reason) == (True, "first: p@10 0.2000 over 0.1000")


@pytest.mark.parametrize(
    ("difference", "spread", "same_data", "promoted", "why"),
    [
        (+0.02, 0.1, True, True, "better: "),
        (+0.02, 0.1, False, True, "better: "),
        (+0.005, 0.1, True, False, "not shown to be better on the same data: "),
        (+0.005, 0.1, False, True, "newer data and not worse: "),
        (0.0, 0.0, True, False, "not shown to be better on the same data: "),
        (0.0, 0.0, False, True, "newer data and not worse: "),
        (-0.005, 0.05, True, False, "not shown to be better on the same data: "),
        (-0.005, 0.05, False, True, "newer data and not worse: "),
        (-0.005, 0.1, False, True, "newer data and not shown to be worse: "),
        (-0.009, 0.1, False, False, "newer data, but may be worse by more than 0.0100: "),
        (-0.02, 0.0, False, False, "newer data, but may be worse by more than 0.0100: "),
        (-0.02, 0.9, False, False, "newer data, but may be worse by more than 0.0100: "),
        (+0.001, 0.9, False, True, "newer data and not shown to be worse: "),
    ],
    ids=[
        "shown to be better",
        "shown to be better, newer",
        "better by chance, same data",
        "better by chance, newer",
        "equal, same data",
        "equal, newer",
        "a little worse, same data",
        "a little worse, newer",
        "perhaps worse, newer, and few to tell",
        "shown to be worse, and perhaps much",
        "worse than the margin",
        "worse than the margin by chance",
        "better by chance, and few to tell",
    ],
)
def test_evidence_and_freshness_decide(
    difference: float,
    spread: float,
    same_data: bool,  # noqa: FBT001
    promoted: bool,  # noqa: FBT001
    why: str,
) -> None:
    rival = Rival(values(0.2 + difference, spread), values(0.2), same_data)
    found, reason = verdict(rival)
    assert found == promoted
    assert reason.startswith(why)
    assert reason.endswith(NOTE)


def test_the_sentence_states_difference_interval_and_users() -> None:
    _, reason = verdict(Rival(values(0.22, 0.1, 1000), values(0.2, 0.0, 1000), same_data=False))
    assert reason == (
        "better: p@10 0.2200 to production's 0.2000, "
        "+0.0200 (90 % interval +0.0148 to +0.0252) over 1,000 users, to be added"
    )


def test_the_values_are_paired() -> None:
    """What users differ in among themselves does not widen the interval."""
    among_users = np.linspace(0, 1, 400)
    rival = Rival(among_users + 0.01 + values(0, 0.001), among_users, same_data=True)
    assert verdict(rival)[0]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=40))
def test_the_bounds_are_those_of_the_paired_t_test(pairs: list[tuple[float, float]]) -> None:
    ours, theirs = np.array(pairs).T
    found = Difference.of(Rival(ours, theirs, same_data=True))
    assert found.lower <= found.mean <= found.upper
    if np.ptp(ours - theirs) > 1e-6:
        expected = stats.ttest_rel(ours, theirs).confidence_interval(2 * LEVEL - 1)
        assert (found.lower, found.upper) == pytest.approx((expected.low, expected.high))


def test_a_single_user_is_no_evidence() -> None:
    one, other = np.array([0.9]), np.array([0.1])
    assert not verdict(Rival(one, other, same_data=True))[0]
    assert not verdict(Rival(other, one, same_data=False))[0]


@pytest.mark.parametrize(("users", "of_users", "stale"), [(200, 0.06, 0.3), (2000, 0.08, 0.1)])
def test_promotions_of_one_recipe_do_not_drift(users: int, of_users: float, stale: float) -> None:
    """Two hundred fits whose quality is chance: what is in production stays as good."""
    random = np.random.default_rng(1)
    mean, of_fits = 0.13, 0.002
    production, history, kept = mean, [], 0
    for _ in range(200):
        candidate = mean + of_fits * random.normal()
        differences = candidate - production + of_users * random.normal(size=users)
        rival = Rival(production + differences, np.full(users, production), same_data=False)
        promoted, _ = verdict(rival, margin=BY_DEFAULT)
        production = candidate if promoted else production
        kept += not promoted
        history.append(production)
    assert np.mean(history[100:]) > mean - of_fits / 2
    assert kept / 200 < stale, "and it stays fresh"
