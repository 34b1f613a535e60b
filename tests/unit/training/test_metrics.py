"""The metrics are those of the textbook, user by user."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlproject.training.metrics import Counts, Hits, ndcg, precision, recall


@st.composite
def lists(draw: st.DrawFn) -> tuple[Hits, Counts]:
    """Some users' hits, and as many relevant shows as hits or more."""
    shape = st.tuples(st.integers(0, 5), st.integers(1, 12))
    hits = draw(arrays(np.bool_, shape))
    missed = draw(arrays(np.int64, len(hits), elements=st.integers(0, 20)))
    return hits, np.maximum(hits.sum(axis=1) + missed, 1)


def naive_ndcg(hits: list[bool], relevant: int) -> float:
    gain = sum(1 / math.log2(rank + 1) for rank, hit in enumerate(hits, start=1) if hit)
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(relevant, len(hits)) + 1))
    return gain / best


@given(lists())
def test_each_metric_is_what_a_loop_over_the_users_gives(drawn: tuple[Hits, Counts]) -> None:
    hits, relevant = drawn
    users = list(zip(hits.tolist(), relevant.tolist(), strict=True))
    assert precision(hits) == pytest.approx([sum(hit) / len(hit) for hit, _ in users])
    assert recall(hits, relevant) == pytest.approx([sum(hit) / n for hit, n in users])
    assert ndcg(hits, relevant) == pytest.approx([naive_ndcg(hit, n) for hit, n in users])


@given(lists())
def test_each_metric_is_from_0_to_1(drawn: tuple[Hits, Counts]) -> None:
    hits, relevant = drawn
    for values in (precision(hits), recall(hits, relevant), ndcg(hits, relevant)):
        assert values.shape == (len(hits),)
        assert ((values >= 0) & (values <= 1 + 1e-12)).all()


@pytest.mark.parametrize(
    ("hits", "relevant", "expected"),
    [
        ([True] * 4, 4, (1, 1, 1)),
        ([True] * 4, 8, (1, 0.5, 1)),
        ([True, True, False, False], 2, (0.5, 1, 1)),
        ([False] * 4, 3, (0, 0, 0)),
    ],
)
def test_the_best_and_the_worst_lists(
    hits: list[bool], relevant: int, expected: tuple[float, float, float]
) -> None:
    rows, counts = np.array([hits]), np.array([relevant])
    values = precision(rows)[0], recall(rows, counts)[0], ndcg(rows, counts)[0]
    assert values == pytest.approx(expected)


@given(st.integers(0, 8), st.integers(1, 9))
def test_a_hit_is_worth_more_further_up(rank: int, relevant: int) -> None:
    upper, lower = np.zeros((2, 1, 10), dtype=np.bool_)
    upper[0, rank], lower[0, rank + 1] = True, True
    assert ndcg(upper, np.array([relevant])) > ndcg(lower, np.array([relevant]))
