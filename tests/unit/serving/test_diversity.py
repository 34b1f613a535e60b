"""Less of the same."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlproject.serving.diversity import diversified


@given(st.integers(0, 2**31), st.integers(0, 30), st.integers(1, 40), st.floats(0, 1))
def test_each_is_chosen_once_and_without_diversity_by_score(
    seed: int, n: int, count: int, diversity: float
) -> None:
    rng = np.random.default_rng(seed)
    scores = np.sort(rng.normal(size=n).astype(np.float32))[::-1]
    vectors = np.eye(4, dtype=np.float32)[rng.integers(0, 4, n)]
    chosen = diversified(scores, vectors, diversity, count)
    assert len(chosen) == len(set(chosen)) == min(n, count)
    assert diversified(scores, vectors, 0.0, count) == list(range(min(n, count)))
    assert chosen[:1] == ([0] if n else [])


def test_the_first_of_each_kind_comes_before_the_second_of_any() -> None:
    scores = np.array([9, 8, 7, 1], dtype=np.float32)
    vectors = np.eye(3, dtype=np.float32)[[0, 0, 1, 2]]
    assert diversified(scores, vectors, 1.0, 3) == [0, 2, 3]
