"""The decision of the gate, and the sentence that explains it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from mlproject.registry.gate.difference import Difference
from mlproject.registry.gate.fitness import unfit
from mlproject.registry.gate.inputs import Measured, Occasion, Rules, Scores
from mlproject.registry.gate.looks import share_of
from mlproject.registry.gate.wording import compared, percent, rounded

SURE: Final = 0.999
"""Level of the bound against the reference.

As long as a change is due, every look is another chance to get below it by luck, and there
may be hundreds; a level that falls from look to look would keep new shows out for good
where few users are measured.
"""


class Outcome(StrEnum):
    """What becomes of a candidate."""

    PROMOTE = "promote"
    KEEP = "keep"
    """Production stays."""
    HOLD = "hold"
    """Production stays until a person has looked at the candidate."""


class Cause(StrEnum):
    """The reason in a word; the sentence has the figures."""

    UNFIT = "unfit"
    """It may not be served, whatever production is."""
    FIRST = "first"
    """Nothing is in production yet."""
    BETTER = "better"
    NOT_BETTER = "not better"
    DUE = "due"
    """A change was due, and costs next to nothing."""
    TOO_COSTLY = "too costly"
    """A change is due, and would cost too much."""
    TOO_GOOD = "too good"
    """Too good to be true."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision and the sentence that explains it to whoever reads the run.

    Parameters
    ----------
    outcome
        What becomes of the candidate.
    reason
        The sentence.
    becomes_reference
        Whether the candidate is the new reference too; never unless it is promoted.
    cause
        What decided, for counting; None if that is not known.
    """

    outcome: Outcome
    reason: str
    becomes_reference: bool = False
    cause: Cause | None = None

    @property
    def promote(self) -> bool:
        """Whether the candidate becomes production now."""
        return self.outcome is Outcome.PROMOTE


def judge(
    scores: Scores,
    occasion: Occasion,
    rules: Rules,
    *,
    findings: Sequence[str] = (),
    metric: str = "precision@10",
    note: str = "",
) -> Verdict:
    """Decide on a candidate.

    It has to be fit to serve: nothing was found in its files, it beats what is popular
    now, cold users do not lose, and it shows more than a few shows. The first that is fit
    is promoted; a later one

    - if it is better than production: by a paired test whose level pays for the looks,
      and by the least effect;
    - or if a change is due, the candidate is worse by no more than the margin, and is
      surely not further below the reference than allowed.

    One that would be promoted and is surely too good to be true is held.

    Parameters
    ----------
    scores
        Candidate, popularity, production and reference on today's holdout.
    occasion
        Why and how often production is looked at.
    rules
        The settings.
    findings
        What the checks of the candidate's files found, a sentence each: see
        :func:`~mlproject.registry.checks.check_version`.
    metric
        What is measured, for the sentence.
    note
        For the sentence: why there is no production, or what is to be added of the
        comparison.

    Notes
    -----
    The margin is compared with the difference itself, not with its bound: a change that
    is due is made at a small cost, not proved harmless. What keeps those costs from adding
    up is the bound against the reference: see Feng, Emerson and Simon, "Approval policies
    for modifications to machine learning-based software as a medical device: A study of
    bio-creep", Biometrics 77(1), 2021.
    """
    why_not = unfit(scores, rules, findings, metric)
    if why_not:
        return Verdict(Outcome.KEEP, why_not, cause=Cause.UNFIT)
    promote, cause, why = _weigh(scores, occasion, rules, note)
    sentence = why + _details(scores, metric, note)
    if not promote:
        return Verdict(Outcome.KEEP, sentence, cause=cause)
    best = scores.reference or scores.production
    if best is None:
        return Verdict(Outcome.PROMOTE, sentence, becomes_reference=True, cause=cause)
    ahead = Difference.of(scores.candidate.values, best.values)
    if ahead.lower > rules.leak * best.mean:
        return Verdict(
            Outcome.HOLD,
            f"held until a person has looked at it: a gain of more than {percent(rules.leak)} is "
            f"too good to be true, has it trained on what it is measured by? {sentence}",
            cause=Cause.TOO_GOOD,
        )
    return Verdict(Outcome.PROMOTE, sentence, _is_better(ahead, best, occasion, rules), cause)


def _weigh(scores: Scores, occasion: Occasion, rules: Rules, note: str) -> tuple[bool, Cause, str]:
    """Tell whether there is a reason to promote a candidate that is fit, and say so."""
    candidate, production = scores.candidate, scores.production
    if production is None:
        why = note or "first to beat what is popular now"
        too_low = _below(candidate, scores.reference, "the reference", rules)
        cause = Cause.NOT_BETTER if too_low else Cause.FIRST
        return not too_low, cause, f"{why}, but {too_low}" if too_low else why

    found = Difference.of(candidate.values, production.values)
    how = compared(found, production.mean)
    if _is_better(found, production, occasion, rules):
        return True, Cause.BETTER, how
    due = _due(occasion, rules)
    if not due:
        why = _why_not_better(found, production, occasion, rules)
        return False, Cause.NOT_BETTER, how + why
    if found.mean < -rules.margin * production.mean:
        why = f"due ({due}), but {how}, more than the {percent(rules.margin)} allowed"
        return False, Cause.TOO_COSTLY, why
    best, whose = (
        (scores.reference, "the reference") if scores.reference else (production, "production")
    )
    too_low = _below(candidate, best, whose, rules)
    if too_low:
        return False, Cause.TOO_COSTLY, f"due ({due}), but {too_low}"
    allowed = f", within the {percent(rules.margin)} allowed" if rounded(found) < 0 else ""
    return True, Cause.DUE, f"due ({due}) and {how}{allowed}"


def _is_better(found: Difference, than: Measured, occasion: Occasion, rules: Rules) -> bool:
    return (
        found.mean > 0
        and found.mean >= rules.min_effect * than.mean
        and found.p_value < _may_err(occasion, rules)
    )


def _may_err(occasion: Occasion, rules: Rules) -> float:
    """Return the chance of error that is left for this look."""
    return (1 - rules.level) * share_of(occasion.looks + 1)


def _why_not_better(
    found: Difference, production: Measured, occasion: Occasion, rules: Rules
) -> str:
    if rounded(found) <= 0:
        return ""
    if found.mean < rules.min_effect * production.mean:
        return f", less than the {percent(rules.min_effect)} that a change has to gain"
    return (
        f", which may be chance: p is {found.p_value:.2g}, and look {occasion.looks + 1:,} of this "
        f"recipe asks for {_may_err(occasion, rules):.2g}"
    )


def _due(occasion: Occasion, rules: Rules) -> str:
    """Say why production is to be replaced even by its equal, "" if it is not."""
    if occasion.same_data:
        return ""
    reasons = []
    if occasion.new_shows:
        reasons.append(f"{occasion.new_shows:,} new show{'s' * (occasion.new_shows > 1)}")
    if occasion.age >= rules.max_age:
        reasons.append(f"production is {occasion.age / timedelta(days=1):.1f} days old")
    return ", ".join(reasons)


def _below(candidate: Measured, best: Measured | None, whose: str, rules: Rules) -> str:
    """Say how far the candidate may be below another, "" if that is allowed."""
    if best is None:
        return ""
    found = Difference.of(candidate.values, best.values)
    allowed = -rules.reference_margin * best.mean
    worst = found.mean - found.reach(SURE)
    if worst >= allowed:
        return ""
    surely = "is" if found.upper < allowed else "may be"
    return (
        f"{surely} more than the {percent(rules.reference_margin)} allowed below {whose}: "
        f"{compared(found, best.mean)} than its {best.mean:.4f}, at worst {worst:+.4f}"
    )


def _details(scores: Scores, metric: str, note: str) -> str:
    own, production = scores.candidate.mean, scores.production
    if production is None:
        return f": {metric} {own:.4f} to {scores.popularity.mean:.4f} of what is popular now"
    found = Difference.of(scores.candidate.values, production.values)
    return f": {metric} {own:.4f} to production's {production.mean:.4f}, {found}{note}"
