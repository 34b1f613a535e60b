"""The inputs of the gate."""

from dataclasses import dataclass, fields
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

PerUser = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """How a model did on today's holdout.

    Parameters
    ----------
    values
        The metric of each user, 0 to 1, shape ``(users,)``.
    coverage
        Share of the shows that are in anybody's list.
    """

    values: PerUser
    coverage: float

    @property
    def mean(self) -> float:
        """The metric over all users."""
        return float(self.values.mean())


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of all compared models, on ratings that none of them has trained on.

    Parameters
    ----------
    candidate
        The one that was fitted just now.
    popularity
        The shows that are popular now, for everyone.
    production
        None if there is none, or none that can be measured.
    reference
        The best version of the recent past; None if there is none, or if it is what is in
        production.
    cold
        Which users are cold, bool, shape ``(users,)``.

    Raises
    ------
    ValueError
        If they do not speak of the same users, or of none, or if anyone but the candidate
        has values that are not finite.
    """

    candidate: Measured
    popularity: Measured
    production: Measured | None
    reference: Measured | None
    cold: NDArray[np.bool_]

    def __post_init__(self) -> None:
        users = self.cold.shape
        if len(users) != 1 or not users[0]:
            raise ValueError(f"nobody to measure by: cold users are of shape {users}")
        for name in ("candidate", "popularity", "production", "reference"):
            measured: Measured | None = getattr(self, name)
            if measured is None:
                continue
            if measured.values.shape != users:
                raise ValueError(f"{name} has values of shape {measured.values.shape}, not {users}")
            if name != "candidate" and not np.isfinite(measured.values).all():
                raise ValueError(f"{name} has values that are not finite")


@dataclass(frozen=True, slots=True)
class Occasion:
    """The circumstances of a decision: why and how often production was compared.

    Parameters
    ----------
    looks
        How often this recipe has been compared with this production before: see
        :func:`~mlproject.registry.gate.looks.looks_at`.
    new_shows
        Shows that the candidate can recommend and production cannot.
    age
        Since production was trained.
    same_data
        Whether production was made from the very data of the candidate. Then nothing is
        due: another fit of it knows nothing that production does not.
    """

    looks: int = 0
    new_shows: int = 0
    age: timedelta = timedelta(0)
    same_data: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings. Shares are relative to the mean of the model compared with.

    Parameters
    ----------
    level
        How sure the gate is to be that it never promotes as better a fit of a recipe that
        is no better than production, however often it looks.
    min_effect
        What a candidate has to gain, even if it is surely better.
    margin
        What a change that is due may cost.
    reference_margin
        How far below the reference a change that is due may lead, and how far cold users
        may fall below production.
    max_age
        When production is due.
    leak
        A gain that is too good to be true.
    least_coverage
        Share of production's coverage that has to be left.

    Raises
    ------
    ValueError
        If a share is not between 0 and 1, or the age is negative.
    """

    level: float = 0.95
    min_effect: float = 0.01
    margin: float = 0.01
    reference_margin: float = 0.05
    max_age: timedelta = timedelta(days=7)
    leak: float = 0.1
    least_coverage: float = 0.5

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, timedelta):
                if value < timedelta(0):
                    raise ValueError(f"{field.name} is negative")
            elif not 0 <= value <= (np.inf if field.name == "leak" else 1):
                raise ValueError(f"{field.name} is {value}, and is a share")
