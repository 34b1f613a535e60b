"""Fits of recipes as the gate sees them: a precision@10 for each user, and how it varies.

The numbers are those of the public anime ratings (4,076 users measured, LightFM with the
default settings, ten seeds): users differ by a standard deviation of 0.19 around a mean
near 0.2, and two seeds differ by 0.09 in a user. Each of ten places of a list is either
the same in all fits or drawn anew by each, so that fits agree as far as they do there.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mlproject.registry.gate import Measured, Occasion, Rules, Scores, Verdict, judge

PerUser = NDArray[np.float64]
Hits = NDArray[np.int8]

USERS, MEAN, K = 4000, 0.24, 10
MOVES = 1 / 200
"""Of the holdout, from look to look: all of it is new after two hundred or so."""
COVERAGE = 0.1
_SHARED = 7
"""Places of the list that every fit fills alike."""
_BETA = (1.7, 5.4)
"""Of the users' chances of a hit: mean 0.24, standard deviation 0.15."""
_COLD, _POPULAR = 0.12, 0.45
"""Share of the users who are cold; precision of popularity as a share of a fit's."""


@dataclass
class Holdout:
    """Users who are measured, some of whom are replaced by others from look to look."""

    random: np.random.Generator
    users: int = USERS
    moves: float = 0.0
    """Share of the users who are new at each look."""
    fits: list["Fit"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = np.empty(self.users)
        self.shared = np.empty(self.users, dtype=np.int8)
        self.popular = np.empty(self.users)
        self.cold = np.empty(self.users, dtype=np.bool_)
        self._draw(np.arange(self.users))

    def _draw(self, rows: NDArray[np.int64]) -> None:
        size = len(rows)
        self.chance[rows] = self.random.beta(*_BETA, size)
        self.shared[rows] = self.random.binomial(_SHARED, self.chance[rows])
        self.popular[rows] = self.random.binomial(K, _POPULAR * self.chance[rows]) / K
        self.cold[rows] = self.random.random(size) < _COLD

    def fit(self, quality: float = 1.0, spread: float = 0.0) -> "Fit":
        """Fit a recipe with a new seed.

        ``quality`` is what the recipe reaches on average, 1 being a mean of 0.24;
        ``spread`` is the standard deviation by the seed, of the mean.
        """
        return Fit(self, max(0.0, quality + spread / MEAN * self.random.normal()))

    def move(self, kept: list["Fit"]) -> None:
        """Replace some users; ``kept`` are the fits that will be measured again."""
        rows = np.flatnonzero(self.random.random(self.users) < self.moves)
        if len(rows):
            self._draw(rows)
            for one in {id(one): one for one in kept}.values():
                one.measure(rows)


class Fit:
    """One fit: how good it truly is, and its value for each user of the holdout."""

    def __init__(self, holdout: Holdout, quality: float) -> None:
        self.holdout, self.quality = holdout, quality
        self.values: PerUser = np.empty(holdout.users)
        self.measure(np.arange(holdout.users))

    def measure(self, rows: NDArray[np.int64]) -> None:
        place, random = self.holdout, self.holdout.random
        own = (random.random((len(rows), K - _SHARED)) < place.chance[rows, None]).sum(axis=1)
        hits = place.shared[rows] + own
        if self.quality <= 1:  # some hits are missed
            hits = random.binomial(hits, self.quality)
        else:  # and some misses are hit
            chance = (self.quality - 1) * MEAN / (1 - MEAN)
            hits = hits + random.binomial(K - hits, min(1.0, chance))
        self.values[rows] = hits / K

    @property
    def measured(self) -> Measured:
        return Measured(self.values, COVERAGE)


@dataclass
class Registry:
    """What is in production and what is the reference, and who has looked at it how often."""

    holdout: Holdout
    production: Fit
    rules: Rules = field(default_factory=Rules)
    promotions: int = 0

    def __post_init__(self) -> None:
        self.reference = self.production
        self.looks: dict[str, int] = {}

    def look(self, candidate: Fit, recipe: str = "standing", **occasion: int) -> Verdict:
        """Let the gate decide, do what it says, and let the holdout move on."""
        scores = Scores(
            candidate=candidate.measured,
            popularity=Measured(self.holdout.popular, COVERAGE / 25),
            production=self.production.measured,
            reference=None if self.reference is self.production else self.reference.measured,
            cold=self.holdout.cold,
        )
        looks = self.looks.get(recipe, 0)
        verdict = judge(scores, Occasion(looks=looks, **occasion), self.rules)
        self.looks[recipe] = looks + 1
        if verdict.promote:
            self.production, self.looks = candidate, {}
            self.promotions += 1
            if verdict.becomes_reference:
                self.reference = candidate
        self.holdout.move([self.production, self.reference])
        return verdict


def start(seed: int, spread: float, users: int = USERS, *, lucky: bool = True) -> Registry:
    """Put a fit of the standing recipe into production, with the luck of its seed or none."""
    holdout = Holdout(np.random.default_rng([seed, users]), users, MOVES)
    return Registry(holdout, holdout.fit(1, spread if lucky else 0))


@dataclass
class WornDown:
    """How good production was at its worst, as a share of the best reference so far."""

    place: Registry
    worst: float = 1.0

    def __post_init__(self) -> None:
        self.best = self.place.reference.quality

    def by(self, quality: float, spread: float, recipe: str, seeds: int) -> None:
        """Try some seeds of a recipe while a change is due all the time."""
        for _ in range(seeds):
            self.place.look(self.place.holdout.fit(quality, spread), recipe, new_shows=1)
            self.best = max(self.best, self.place.reference.quality)
            self.worst = min(self.worst, self.place.production.quality / self.best)
