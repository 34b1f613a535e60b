"""The gate: who is promoted, and the sentence that says why."""

import numpy as np
import pytest

from mlproject.registry.gate import Verdict, is_better, judge

LOW, MIDDLE, HIGH = np.full(4, 0.1), np.full(4, 0.2), np.full(4, 0.3)


@pytest.mark.parametrize(
    ("candidate", "baseline", "production", "expected"),
    [
        (
            LOW,
            MIDDLE,
            None,
            Verdict(promote=False, reason="p@10 0.1000 does not beat popularity's 0.2000"),
        ),
        (
            MIDDLE,
            MIDDLE,
            None,
            Verdict(promote=False, reason="p@10 0.2000 does not beat popularity's 0.2000"),
        ),
        (
            MIDDLE,
            LOW,
            None,
            Verdict(promote=True, reason="first to beat popularity: p@10 0.2000 over 0.1000"),
        ),
        (
            HIGH,
            LOW,
            MIDDLE,
            Verdict(promote=True, reason="p@10 0.3000 beats production's 0.2000"),
        ),
        (
            MIDDLE,
            LOW,
            HIGH,
            Verdict(promote=False, reason="p@10 0.2000 does not beat production's 0.3000"),
        ),
        (
            HIGH,
            LOW,
            HIGH,
            Verdict(promote=False, reason="p@10 0.3000 does not beat production's 0.3000"),
        ),
        (
            MIDDLE,
            HIGH,
            LOW,
            Verdict(promote=False, reason="p@10 0.2000 does not beat popularity's 0.3000"),
        ),
    ],
    ids=[
        "worse than popularity",
        "equal to popularity",
        "the first that beats popularity",
        "better than production",
        "worse than production",
        "equal to production",
        "better than production, worse than popularity",
    ],
)
def test_the_verdict(
    candidate: np.ndarray,
    baseline: np.ndarray,
    production: np.ndarray | None,
    expected: Verdict,
) -> None:
    assert judge(candidate, baseline=baseline, production=production, metric="p@10") == expected


def test_the_average_decides_not_a_single_user() -> None:
    production = np.array([0.2, 0.2, 0.2, 0.2])
    assert is_better(np.array([0.0, 0.3, 0.3, 0.3]), production)
    assert not is_better(np.array([0.7, 0.0, 0.0, 0.0]), production)
    assert not is_better(production, production)
