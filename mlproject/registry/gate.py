"""Whether a candidate may become production."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PerUser = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision and the sentence that explains it to whoever reads the run."""

    promote: bool
    reason: str


def judge(
    candidate: PerUser, *, baseline: PerUser, production: PerUser | None, metric: str
) -> Verdict:
    """Compare a candidate with the popularity baseline and with production.

    A candidate that does not beat popularity is never promoted. The first that does is;
    a later one when it is better than production on the same users and the same
    holdout, by :func:`is_better`.

    Parameters
    ----------
    candidate, baseline, production
        The metric of each user, shape ``(users,)``, the same users in the same order;
        ``production`` is None when there is none.
    metric
        What is measured, for the sentence.
    """
    own, popular = candidate.mean(), baseline.mean()
    if own <= popular:
        return Verdict(
            promote=False, reason=f"{metric} {own:.4f} does not beat popularity's {popular:.4f}"
        )
    if production is None:
        return Verdict(
            promote=True, reason=f"first to beat popularity: {metric} {own:.4f} over {popular:.4f}"
        )
    theirs = production.mean()
    if is_better(candidate, production):
        return Verdict(promote=True, reason=f"{metric} {own:.4f} beats production's {theirs:.4f}")
    return Verdict(
        promote=False, reason=f"{metric} {own:.4f} does not beat production's {theirs:.4f}"
    )


def is_better(candidate: PerUser, production: PerUser) -> bool:
    """Tell whether the candidate is better on average.

    The values are paired, user by user, so that a test of significance can take the
    place of this comparison of means.
    """
    return bool(candidate.mean() > production.mean())
