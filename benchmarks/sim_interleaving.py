"""How many answers it takes to tell a better version: interleaved, and by an A/B test.

Simulated users look down a list less and less and now and then rate what they like. They differ
in how much they like at all, in their taste, and in how often they come. Version B ranks with a
little less error than A, so that its answers bring 5 % more likes. Who is liked how often is
known here and nowhere else; both tests see what a service sees.

``python benchmarks/sim_interleaving.py`` prints the answers that each test needs to find B
better in 80 % of all cases (two-sided, 5 %), and how often each is right with that many.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlproject.core.exposures import CHALLENGER, PRODUCTION
from mlproject.exposures.preference import ratio
from mlproject.serving.interleaving import team_draft

SHOWS, CANDIDATES, LENGTH, TASTES = 300, 60, 10, 8
ANSWERS_PER_USER = 3.0
RATES = 0.3  # of what is looked at and liked
LIFT = 1.05
ERROR = 1.0  # of version A, in the unit of the log odds
USERS = 12_000
WORLDS = 12
POWER = 1.959964 + 0.841621  # of 80 %, at 5 % two-sided
EXPERIMENTS = 300

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """What users like, and what the versions think of it."""

    rng: np.random.Generator
    show_bias: Floats
    show_taste: Floats

    @classmethod
    def of(cls, seed: int) -> "World":
        """Draw the shows."""
        rng = np.random.default_rng(seed)
        return cls(rng, rng.normal(-2.5, 0.8, SHOWS), rng.normal(0, 0.5, (SHOWS, TASTES)))

    def users(self, count: int) -> tuple[Floats, NDArray[np.int64]]:
        """Return the log odds of a like, ``(users, shows)``, and each user's answers."""
        mood = self.rng.normal(0, 1.0, (count, 1))
        odds = mood + self.show_bias + self.rng.normal(0, 1, (count, TASTES)) @ self.show_taste.T
        return odds, self.rng.geometric(1 / ANSWERS_PER_USER, count)

    def lists(self, odds: Floats, error: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return what A and B, with its own error, show of the same candidates."""
        chosen = self.rng.permuted(np.tile(np.arange(SHOWS), (len(odds), 1)), axis=1)
        candidates = chosen[:, :CANDIDATES]
        true = np.take_along_axis(odds, candidates, axis=1)
        # What both get wrong, and what each does: new versions are like the old ones.
        common = self.rng.normal(0, 0.8, true.shape)
        own = self.rng.normal(0, 0.6, (2, *true.shape))
        best = [
            np.argsort(-(true + size * (common + mine)), axis=1)[:, :LENGTH]
            for size, mine in zip((ERROR, error), own, strict=True)
        ]
        ours, theirs = (np.take_along_axis(candidates, each, axis=1) for each in best)
        return ours, theirs

    def likes(self, odds: Floats, shown: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return what is rated 8 or more of what is shown."""
        looked_at = 1 / np.log2(np.arange(shown.shape[1]) + 2)
        liked = 1 / (1 + np.exp(-np.take_along_axis(odds, shown, axis=1)))
        found: NDArray[np.bool_] = self.rng.random(shown.shape) < looked_at * liked * RATES
        return found


def better_error(seed: int) -> float:
    """Return B's error, so that its answers bring 5 % more likes than A's."""

    def lift(error: float) -> float:
        world = World.of(seed)
        odds, _ = world.users(6000)
        looked_at = RATES / np.log2(np.arange(LENGTH) + 2)
        means = [
            (looked_at / (1 + np.exp(-np.take_along_axis(odds, shown, axis=1)))).sum()
            for shown in world.lists(odds, error)
        ]
        return float(means[1] / means[0])

    low, high = 0.0, ERROR
    for _ in range(25):
        middle = (low + high) / 2
        low, high = (middle, high) if lift(middle) > LIFT else (low, middle)
    return (low + high) / 2


def ab_test(world: World, users: int, error: float) -> tuple[float, float, int]:
    """Return the difference in likes per answer, its standard error, and the answers."""
    odds, answers = world.users(users)
    rows = np.repeat(np.arange(users), answers)
    in_b = np.arange(users) % 2 == 1
    ours, theirs = world.lists(odds[rows], error)
    shown = np.where(in_b[rows, None], theirs, ours)
    totals = np.bincount(rows, world.likes(odds[rows], shown).sum(axis=1), users).astype(float)
    found = []
    for arm in (~in_b, in_b):
        mean, low, high = unbounded(totals[arm], answers[arm].astype(float))
        found.append((mean, (high - low) / 2 / 1.959964))
    difference = found[1][0] - found[0][0]
    return difference, float(np.hypot(found[0][1], found[1][1])), len(rows)


def unbounded(totals: Floats, counts: Floats) -> tuple[float, float, float]:
    """Return a ratio and its interval as the product does, of what may be more than 1."""
    scale = 2 * max(1.0, float((totals / counts).max()))
    share, low, high = ratio(totals / scale, counts)
    return share * scale, low * scale, high * scale


def interleaving(world: World, users: int, error: float) -> tuple[float, float, int]:
    """Return the preference for B beyond one half, its standard error, and the answers."""
    odds, answers = world.users(users)
    rows = np.repeat(np.arange(users), answers)
    seeds = world.rng.integers(0, 2**63, len(rows)).tolist()
    pairs = zip(*(each.tolist() for each in world.lists(odds[rows], error)), seeds, strict=True)
    drafted = [team_draft(ours, theirs, LENGTH, seed) for ours, theirs, seed in pairs]
    shown = np.array([shows for shows, _ in drafted])
    teams = np.array([[*teams] for _, teams in drafted])
    likes = world.likes(odds[rows], shown)
    ours, theirs = ((likes & (teams == team)).sum(axis=1) for team in (PRODUCTION, CHALLENGER))
    telling = ours + theirs > 0
    outcome = (np.sign(theirs - ours) + 1) / 2
    totals = np.bincount(rows[telling], outcome[telling], users).astype(float)
    counts = np.bincount(rows[telling], minlength=users).astype(float)
    share, low, high = ratio(totals[counts > 0], counts[counts > 0])
    return share - 1 / 2, (high - low) / 2 / 1.959964, len(rows)


Test = Callable[[World, int, float], tuple[float, float, int]]


def needed(test: Test, error: float) -> tuple[int, float]:
    """Return the users that a test needs, from a large one, and its effect there."""
    runs = [test(World.of(seed), USERS, error) for seed in range(100, 100 + WORLDS)]
    effect = float(np.mean([run[0] for run in runs]))
    spread = float(np.mean([run[1] for run in runs]))
    return round(USERS * (POWER * spread / effect) ** 2), effect


def rightness(test: Test, users: int, error: float) -> float:
    """Return how often a test of so many users finds B better."""
    found = 0
    for seed in range(EXPERIMENTS):
        effect, spread, _ = test(World.of(10_000 + seed), users, error)
        found += effect > 1.959964 * spread
    return found / EXPERIMENTS


def main() -> None:
    """Print the table of docs/online.md."""
    error = better_error(seed=1)
    print(f"version B's answers bring {LIFT - 1:.0%} more likes than A's")
    inter, preference = needed(interleaving, error)
    split, difference = needed(ab_test, error)
    print(f"interleaved: preference for B {1 / 2 + preference:.1%}")
    print(f"A/B: {difference:+.4f} likes per answer")
    print("| test | answers for 80 % | B found better with as many as interleaving needs |")
    print("|---|---|---|")
    for name, test, users in (("interleaving", interleaving, inter), ("A/B", ab_test, split)):
        answers = round(users * ANSWERS_PER_USER)
        print(f"| {name} | {answers:,} | {rightness(test, inter, error):.0%} |")
    print(f"the A/B test needs {split / inter:.1f} times as many")


if __name__ == "__main__":
    main()
