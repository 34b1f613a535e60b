"""What is found in a version before it may serve."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from mlproject.core.histories import Histories
from mlproject.core.ranking import top_k
from mlproject.registry.checks import Bounds, check_version
from tests.histories import histories_of, seen_in

USERS, SHOWS, K = 300, 200, 10  # more users than a block has
RANDOM = np.random.default_rng(0)
VECTORS = RANDOM.normal(size=(SHOWS, 8)).astype(np.float32)
SEEN = RANDOM.random((USERS, SHOWS)) < 0.1
HISTORIES = histories_of(SEEN)

Scores = Callable[[Histories], np.ndarray]


def by_vectors(histories: Histories) -> np.ndarray:
    scores: np.ndarray = seen_in(histories, SHOWS).astype(np.float32) @ VECTORS @ VECTORS.T
    return scores


def recommend_by(scores: Scores) -> Callable[[Histories, int], np.ndarray]:
    """Rank as the service does."""

    def recommend(history: Histories, k: int) -> np.ndarray:
        found = np.array(scores(history)[0])
        found[history.show_rows] = -np.inf
        best = top_k(found, k)
        return best[found[best] > -np.inf]

    return recommend


def found(
    scores: Scores = by_vectors,
    recommend: Callable[[Histories, int], np.ndarray] | None = None,
    histories: Histories = HISTORIES,
    arrays: dict[str, np.ndarray] | None = None,
    **bounds: Any,
) -> tuple[str, ...]:
    return check_version(
        arrays or {"show_vectors": VECTORS, "show_ids": np.arange(SHOWS)},
        scores,
        recommend or recommend_by(scores),
        histories,
        Bounds(**bounds),
    )


def test_nothing_is_found_in_a_good_version() -> None:
    assert found() == ()


def test_an_array_that_is_not_finite_is_named() -> None:
    vectors, biases = VECTORS.copy(), np.zeros(SHOWS, dtype=np.float16)
    vectors[[3, 17], 2], biases[17] = np.nan, np.inf
    assert found(arrays={"show_vectors": vectors, "show_biases": biases}) == (
        "show_vectors is not finite in 2 places, first at [3, 2]",
        "show_biases is not finite in 1 place, first at [17]",
    )


@given(arrays_of.arrays(np.float32, (4, 3), elements=st.floats(width=32)))
def test_exactly_what_is_not_finite_is_found(array: np.ndarray) -> None:
    broken = int((~np.isfinite(array)).sum())
    findings = found(arrays={"name": array}, histories=HISTORIES[:20])
    assert len(findings) == bool(broken)
    assert all(finding.startswith(f"name is not finite in {broken} ") for finding in findings)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_scores_that_overflow_are_found_though_every_array_is_finite(value: float) -> None:
    def scores(histories: Histories) -> np.ndarray:
        result = by_vectors(histories)
        result[seen_in(histories, SHOWS)[:, 0], 5] = value
        return result

    affected = int(SEEN[:, 0].sum())
    assert found(scores) == (f"the scores of {affected} of 300 users are not finite, in 1 show",)


def test_scores_have_a_row_for_each_history() -> None:
    assert found(lambda histories: by_vectors(histories)[0]) == (
        "the scores of 256 histories are of shape (200,)",
    )


def test_one_order_of_the_shows_for_everyone_is_found() -> None:
    def constant(histories: Histories) -> np.ndarray:
        strength = 1 + seen_in(histories, SHOWS).sum(axis=1, keepdims=True)
        return np.arange(SHOWS, 0, -1, dtype=np.float32) * strength

    assert "everyone gets the same list, but for what they have seen" in found(constant)


def test_equal_scores_for_all_shows_are_one_order() -> None:
    findings = found(lambda histories: np.zeros((len(histories), SHOWS), dtype=np.float32))
    assert "everyone gets the same list, but for what they have seen" in findings


def test_a_different_list_for_one_user_is_not_the_same_list() -> None:
    def nearly_constant(histories: Histories) -> np.ndarray:
        scores = np.repeat(np.arange(SHOWS, 0, -1, dtype=np.float32)[None], len(histories), 0)
        scores[(seen_in(histories, SHOWS) == SEEN[150]).all(axis=1)] *= -1
        return scores

    assert not any("same list" in finding for finding in found(nearly_constant))


def test_lists_of_the_same_few_shows_are_found() -> None:
    def few(histories: Histories) -> np.ndarray:
        scores = by_vectors(histories)
        scores[:, 30:] -= 1000
        return scores

    assert found(few, least_variety=0.25) == (
        "300 lists hold 30 different shows in all, and 50 are the least",
    )
    assert found(few, least_variety=0.1) == ()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda rows, _: rows[:0], "300 of 300 lists are empty"),
        (lambda rows, _: rows[:9], "300 of 300 lists are shorter than they could be"),
        (
            lambda rows, seen: np.append(rows[:9], seen.show_rows[:1]),
            "300 of 300 lists are with shows that the user has seen",
        ),
        (
            lambda rows, _: np.append(rows[:9], rows[0]),
            "300 of 300 lists are with a show that is there twice",
        ),
    ],
    ids=["empty", "short", "seen", "twice"],
)
def test_a_list_that_must_not_be_shown_is_found(
    change: Callable[[np.ndarray, Histories], np.ndarray], sentence: str
) -> None:
    right = recommend_by(by_vectors)
    assert found(recommend=lambda one, k: change(right(one, k), one)) == (sentence,)


def test_whoever_has_seen_nearly_everything_has_a_short_list() -> None:
    seen = SEEN.copy()
    seen[0] = np.arange(SHOWS) > 2
    seen[1] = True
    assert found(histories=histories_of(seen)) == ()


def test_a_slow_answer_is_found() -> None:
    right = recommend_by(by_vectors)

    def slow(one: Histories, k: int) -> np.ndarray:
        time.sleep(0.002)
        return right(one, k)

    (finding,) = found(recommend=slow, histories=HISTORIES[:30], seconds=0.001)
    assert finding.startswith("a list takes 0.0")
    assert finding.endswith(" s, and 0.001 s is the most")


def test_one_slow_answer_is_no_finding() -> None:
    """The first after a pause may be; the median tells."""
    right, calls = recommend_by(by_vectors), []

    def once_slow(one: Histories, k: int) -> np.ndarray:
        calls.append(one)
        time.sleep(0.2 if len(calls) % 20 == 0 else 0)
        return right(one, k)

    assert found(recommend=once_slow, histories=HISTORIES[:30], seconds=0.1) == ()
