"""Whether a candidate may serve at all, whatever is in production."""

from collections.abc import Sequence

import numpy as np

from mlproject.registry.gate.difference import Difference
from mlproject.registry.gate.inputs import Rules, Scores
from mlproject.registry.gate.wording import of_shows, of_users, percent


def unfit(scores: Scores, rules: Rules, findings: Sequence[str], metric: str) -> str:
    """Say why a candidate must not serve, "" if it may.

    Parameters
    ----------
    scores, rules, findings, metric
        As :func:`~mlproject.registry.gate.decision.judge` takes them.
    """
    if findings:
        return f"not fit to serve: {'; '.join(findings)}"
    candidate, popularity = scores.candidate, scores.popularity
    broken = int(np.count_nonzero(~np.isfinite(candidate.values)))
    if broken:
        return f"not fit to serve: {metric} of {of_users(broken)} is not a finite number"
    if candidate.mean <= popularity.mean:
        return (
            f"{metric} {candidate.mean:.4f} does not beat the {popularity.mean:.4f} "
            "of what is popular now"
        )
    return _cold_users(scores, rules, metric) or _coverage(scores, rules)


def _cold_users(scores: Scores, rules: Rules, metric: str) -> str:
    """Say that cold users lose, "" unless it is shown: they are few, and luck is large."""
    if not scores.cold.any():
        return ""
    own = scores.candidate.values[scores.cold]
    popular = scores.popularity.values[scores.cold]
    found = Difference.of(own, popular)
    if found.upper < 0:
        return (
            f"cold users are served worse than by what is popular now: {metric} "
            f"{own.mean():.4f} to {popular.mean():.4f}, {found}"
        )
    if scores.production is None:
        return ""
    theirs = scores.production.values[scores.cold]
    found = Difference.of(own, theirs)
    if found.upper < -rules.reference_margin * theirs.mean():
        return (
            f"cold users lose more than the {percent(rules.reference_margin)} allowed: {metric} "
            f"{own.mean():.4f} to production's {theirs.mean():.4f}, {found}"
        )
    return ""


def _coverage(scores: Scores, rules: Rules) -> str:
    """Say that only a few shows are shown to anybody, "" if they are enough."""
    served = [one.coverage for one in (scores.production, scores.reference) if one]
    before = max(served, default=scores.popularity.coverage)
    own = scores.candidate.coverage
    if own >= rules.least_coverage * before:
        return ""
    whose = "production or the reference" if served else "what is popular now"
    return (
        f"coverage collapses: {of_shows(own)} are in anybody's list, {of_shows(before)} "
        f"with {whose}"
    )
