"""What the gate does look after look: the figures of docs/gate.md, in some minutes."""

from typing import Final

import numpy as np

from mlproject.registry.gate import Rules
from tests.simulated_fits import WornDown, start

SPREADS: Final = (0.001, 0.003, 0.005, 0.007)
USERS: Final = (400, 1000, 4000)
LOOKS: Final = 200


def seeds_of_one_recipe(spread: float, users: int, times: int) -> list[int]:
    """Return how many of two hundred fits with new seeds are promoted, each time."""
    promotions = []
    for seed in range(times):
        place = start(seed, spread, users)
        for _ in range(LOOKS):
            place.look(place.holdout.fit(1, spread))
        promotions.append(place.promotions)
    return promotions


def better_recipe(spread: float, users: int, times: int, *, lucky: bool) -> tuple[float, float]:
    """Return how often a 3 % better recipe is promoted within three looks.

    Then how often one of its three fits is truly better than what is in production, which
    is as far as any gate could get without serving a worse model.
    """
    promoted = truly = 0
    for seed in range(times):
        place = start(seed, spread, users, lucky=lucky)
        before = place.production.quality
        candidates = [place.holdout.fit(1.03, spread) for _ in range(3)]
        truly += any(candidate.quality > before for candidate in candidates)
        # The holdout does not move meanwhile: all three are fitted already.
        place.holdout.moves = 0
        promoted += any(place.look(candidate, "new").promote for candidate in candidates)
    return promoted / times, truly / times


def worse_and_worse(spread: float, users: int, times: int, seeds: int) -> list[float]:
    """Return how low production gets by a hundred recipes, each 2 % worse than the last."""
    lows = []
    for seed in range(times):
        worn = WornDown(start(seed, spread, users))
        for number in range(1, 101):
            worn.by(0.98**number, spread, f"recipe {number}", seeds)
        lows.append(worn.worst)
    return lows


def aimed_below(spread: float, users: int, rules: Rules) -> float:
    """Return how low production gets by recipes a little worse than whatever it is."""
    lows = []
    for seed in (1, 2, 3, 4):
        worn = WornDown(start(seed, spread, users))
        worn.place.rules = rules
        for number in range(100):
            worn.by(0.992 * worn.place.production.quality, spread, f"recipe {number}", seeds=5)
        lows.append(worn.worst)
    return min(lows)


def looks_until_done(spread: float, users: int, times: int) -> list[int]:
    """Return how many looks it takes until an equal fit is in, once a change is due."""
    looks = []
    for seed in range(times):
        place = start(seed, spread, users)
        look = 1
        while look < 1000 and not place.look(place.holdout.fit(1, spread), new_shows=1).promote:
            look += 1
        looks.append(look)
    return looks


def main() -> None:
    """Print a table for each question."""
    print("promotions of 200 seeds of one recipe: mean, most")
    for users in USERS:
        for spread in SPREADS:
            found = seeds_of_one_recipe(spread, users, 30)
            print(f"{users:>6} {spread} {np.mean(found):.2f} {max(found)}", flush=True)
    print("3 % better, within three looks: average luck; any luck, and the ceiling")
    for users in USERS:
        for spread in SPREADS:
            typical, _ = better_recipe(spread, users, 1000, lucky=False)
            any_luck, ceiling = better_recipe(spread, users, 1000, lucky=True)
            print(f"{users:>6} {spread} {typical:.3f} {any_luck:.3f} {ceiling:.3f}", flush=True)
    print("100 recipes, each 2 % worse, always due: lowest with 1 seed each, with 5")
    for users in USERS:
        for spread in SPREADS:
            lows = [min(worse_and_worse(spread, users, 20, seeds)) for seeds in (1, 5)]
            print(f"{users:>6} {spread} {lows[0]:.3f} {lows[1]:.3f}", flush=True)
    print("100 recipes, each 0.8 % worse than production, 5 seeds each: with reference, without")
    for users in USERS:
        lows = [aimed_below(0.001, users, Rules(reference_margin=share)) for share in (0.05, 1)]
        print(f"{users:>6} 0.001 {lows[0]:.3f} {lows[1]:.3f}", flush=True)
    print("due, and as good as production: looks until it is in, median and 95 %")
    for users in (100, *USERS):
        for spread in SPREADS:
            median, most = np.quantile(looks_until_done(spread, users, 100), [0.5, 0.95])
            print(f"{users:>6} {spread} {median:.0f} {most:.0f}", flush=True)


if __name__ == "__main__":
    main()
