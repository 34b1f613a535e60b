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
    note
        What else is to be said of the comparison, at the end of the sentence.
    """

    candidate: PerUser
    production: PerUser
    same_data: bool
    note: str = ""


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
    alone: str = "first to beat popularity",
) -> Verdict:
    """Compare a candidate with the popularity baseline and with production.

    A candidate that does not beat popularity is never promoted. The first that does is;
    a later one

    - if it is better than production: the lower bound of the difference is above 0;
    - or if it knows other data than production, newer ratings as a rule, and is not worse:
      the lower bound is above ``-margin``, or the difference is not negative.

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
    alone
        Why there is no rival, for the sentence.

    Notes
    -----
    The bound against a margin is the rule of non-inferiority trials, and to look at 0
    and at the margin needs no correction (Piaggio et al., JAMA 308(24), 2012). With few
    users the bound is wide, and a trial would then promote nothing; that a difference
    which is not negative passes, keeps a small system fresh.

    What keeps many small losses from adding up, in the words of trials "biocreep": every
    candidate is fitted anew, so bad luck is not handed down, and the next one of the same
    recipe passes more easily; each loss is at most the margin; and none may fall to
    popularity. A series of worse and worse recipes, each by less than the margin, would
    pass: what measures that is the column of popularity next to ours over the runs.
    """
    own, popular = candidate.mean(), baseline.mean()
    if own <= popular:
        return Verdict(
            promote=False, reason=f"{metric} {own:.4f} does not beat popularity's {popular:.4f}"
        )
    if rival is None:
        return Verdict(promote=True, reason=f"{alone}: {metric} {own:.4f} over {popular:.4f}")

    found, theirs = Difference.of(rival), float(rival.production.mean())
    figures = (
        f"{metric} {rival.candidate.mean():.4f} to production's {theirs:.4f}, {found}{rival.note}"
    )
    allowed = margin * theirs
    if found.lower > 0:
        return Verdict(promote=True, reason=f"better: {figures}")
    if rival.same_data:
        return Verdict(promote=False, reason=f"not shown to be better on the same data: {figures}")
    if found.lower > -allowed or found.mean >= 0:
        return Verdict(promote=True, reason=f"newer data and not worse: {figures}")
    return Verdict(
        promote=False,
        reason=f"newer data, but may be worse by more than {allowed:.4f}: {figures}",
    )
