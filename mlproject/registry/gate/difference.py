"""How much better one model is than another, user by user."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

PerUser = NDArray[np.float64]

SIDE: Final = 0.95
"""Level of each bound; both together are an interval of 90 %."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of paired differences, and its standard error.

    Parameters
    ----------
    mean
        Of the first minus the second.
    error
        Standard error of the mean, by the choice of users; infinite for a single one.
    users
        How many there are.
    """

    mean: float
    error: float
    users: int

    @classmethod
    def of(cls, first: PerUser, second: PerUser) -> "Difference":
        """Compare user by user.

        Parameters
        ----------
        first, second
            The metric of each user, shape ``(users,)``, the same users in the same order.

        Notes
        -----
        The paired t-test, which needs no seed. On measures such as precision@k it agrees
        with the paired bootstrap and the randomization test (Smucker, Allan and Carterette,
        CIKM 2007) and keeps its level best (Urbano, Lima and Hanjalic, SIGIR 2019). Where a
        few users differ by nearly the same, the t-test is too sure; so the p-value is at
        least that of all their signs being equal by luck.

        Examples
        --------
        >>> print(Difference.of(np.array([0.3, 0.5, 0.4]), np.array([0.1, 0.2, 0.3])))
        +0.2000 (90 % interval +0.0314 to +0.3686) over 3 users
        """
        differences = first - second
        users = len(differences)
        error = float(differences.std(ddof=1)) / math.sqrt(users) if users > 1 else math.inf
        return cls(float(differences.mean()), error, users)

    @property
    def p_value(self) -> float:
        """How likely so high a mean is by the choice of users, if the first is no better."""
        if self.users == 1:
            return 1.0
        luck = stdtr(self.users - 1, -self.mean / self.error) if self.error else self.mean <= 0
        return max(float(luck), 0.5**self.users)

    def reach(self, level: float) -> float:
        """Return how far a one-sided bound of a level is from the mean."""
        return float(stdtrit(self.users - 1, level)) * self.error if self.users > 1 else math.inf

    @property
    def lower(self) -> float:
        """The lower bound at :data:`SIDE`."""
        return self.mean - self.reach(SIDE)

    @property
    def upper(self) -> float:
        """The upper bound at :data:`SIDE`."""
        return self.mean + self.reach(SIDE)

    def __str__(self) -> str:
        return (
            f"{self.mean:+.4f} ({2 * SIDE - 1:.0%} interval {self.lower:+.4f} to "
            f"{self.upper:+.4f}) over {self.users:,} users"
        ).replace("%", " %")
