"""Whether a candidate may become production.

What is served should be good and should know the newest ratings. A gate that waited for a
significant gain would keep good models for ever, and with them a service that does not
know its newest users; one that took every newer model would take bad ones.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

PerUser = NDArray[np.float64]

LEVEL: Final = 0.95
"""Of the one-sided bounds; both together are an interval of 90 %."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision and the sentence that explains it to whoever reads the run."""

    promote: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Rival:
    """Candidate and production on ratings that neither has trained on.

    Parameters
    ----------
    candidate, production
        The metric of each user, shape ``(users,)``, the same users in the same order.
    same_data
        Whether production was made from the data that the candidate was made from.
    """

    candidate: PerUser
    production: PerUser
    same_data: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of paired differences and its one-sided bounds at :data:`LEVEL`.

    Parameters
    ----------
    mean, lower, upper
        Of candidate minus production; the bounds are infinite for a single user.
    users
        How many there are.
    """

    mean: float
    lower: float
    upper: float
    users: int

    @classmethod
    def of(cls, rival: Rival) -> "Difference":
        """Compare user by user.

        Notes
        -----
        The interval of the paired t-test, which needs no seed. On measures such as
        precision@k it agrees with the paired bootstrap and the randomization test
        (Smucker, Allan and Carterette, CIKM 2007) and keeps its level best (Urbano,
        Lima and Hanjalic, SIGIR 2019).

        Examples
        --------
        >>> rival = Rival(np.array([0.3, 0.5, 0.4]), np.array([0.1, 0.2, 0.3]), same_data=True)
        >>> print(Difference.of(rival))
        +0.2000 (90 % interval +0.0314 to +0.3686) over 3 users
        """
        differences = rival.candidate - rival.production
        users, mean = len(differences), float(differences.mean())
        if users == 1:
            return cls(mean, -np.inf, np.inf, users)
        error = float(differences.std(ddof=1)) / np.sqrt(users)
        reach = float(stdtrit(users - 1, LEVEL)) * error
        return cls(mean, mean - reach, mean + reach, users)

    def __str__(self) -> str:
        return (
            f"{self.mean:+.4f} ({2 * LEVEL - 1:.0%} interval {self.lower:+.4f} to "
            f"{self.upper:+.4f}) over {self.users:,} users"
        ).replace("%", " %")


def judge(
    candidate: PerUser,
    *,
    baseline: PerUser,
    rival: Rival | None,
    metric: str,
    margin: float,
    note: str,
) -> Verdict:
    """Compare a candidate with the popularity baseline and with production.

    A candidate that does not beat popularity is never promoted. The first that does is;
    a later one

    - if it is better than production: the lower bound of the difference is above 0;
    - or if it knows other data than production, newer ratings as a rule, and is not worse:
      the lower bound is above minus the margin;
    - or, where so few users are measured that the bound cannot tell: if it knows other
      data, the difference itself is above minus the margin, and nothing shows that it is
      worse: the upper bound is not below 0.

    Parameters
    ----------
    candidate, baseline
        The metric of each user, shape ``(users,)``, the same users in the same order.
    rival
        Production; None if there is none, or none that can be compared.
    metric
        What is measured, for the sentence.
    margin
        What newer ratings are worth, as a share of production's mean.
    note
        For the sentence: why there is no rival, or what is to be added of the comparison.

    Notes
    -----
    The bound against a margin is the rule of non-inferiority trials, and to look at 0
    and at the margin needs no correction (Piaggio et al., JAMA 308(24), 2012). A trial
    too small for its margin shows nothing and changes nothing; here that would leave a
    small system stale, hence the third rule, under which a loss that so few users do not
    show goes unnoticed.

    Holdouts of neighbouring cycles are nearly the same, so what was promoted by luck
    keeps some of it, and candidates look a little worse than they are until the holdout
    has moved on. That errs towards what is in production.

    What keeps small losses from adding up, which of trials is called biocreep: every
    candidate is fitted anew, so bad luck is not handed down, and after an unlucky one
    the next of the same recipe passes more easily; each loss is about the margin at
    most; and none may fall to popularity. A series of worse and worse recipes, each by
    less than the margin, would pass. What shows that is the column of popularity next to
    ours over the runs.
    """
    own, popular = candidate.mean(), baseline.mean()
    if own <= popular:
        return Verdict(
            promote=False, reason=f"{metric} {own:.4f} does not beat popularity's {popular:.4f}"
        )
    if rival is None:
        return Verdict(promote=True, reason=f"{note}: {metric} {own:.4f} over {popular:.4f}")

    found = Difference.of(rival)
    theirs = float(rival.production.mean())
    promote, why = _weigh(found, margin * theirs, same_data=rival.same_data)
    means = f"{metric} {rival.candidate.mean():.4f} to production's {theirs:.4f}"
    return Verdict(promote=promote, reason=f"{why}: {means}, {found}{note}")


def _weigh(found: Difference, allowed: float, *, same_data: bool) -> tuple[bool, str]:
    """Decide by the difference alone, and say why."""
    if found.lower > 0:
        return True, "better"
    if same_data:
        return False, "not shown to be better on the same data"
    if found.lower > -allowed:
        return True, "newer data and not worse"
    if found.mean > -allowed and found.upper >= 0:
        return True, "newer data and not shown to be worse"
    return False, f"newer data, but may be worse by more than {allowed:.4f}"
