"""What the gate does look after look, as a builder that never stops asks it to.

``benchmarks/bench_gate.py`` does the same more often; docs/gate.md has its figures.
"""

import pytest

from mlproject.registry.gate import Outcome, Rules
from tests.simulated_fits import WornDown, start

SPREADS = (0.001, 0.003, 0.007)
"""By the seed, of the mean."""


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("users", [400, 4000])
def test_two_hundred_seeds_of_one_recipe_change_hardly_anything(spread: float, users: int) -> None:
    for seed in range(3):
        place = start(seed, spread, users)
        for _ in range(200):
            place.look(place.holdout.fit(1, spread))
        assert place.promotions <= 10, "5 % of 200"


def test_where_seeds_do_not_matter_looks_alone_promote_nothing() -> None:
    """All fits are equally good: whatever is promoted, is promoted by the luck of users."""
    promoted = 0
    for seed in range(20):
        place = start(seed, 0, 400)
        for _ in range(200):
            place.look(place.holdout.fit(1))
        promoted += place.promotions > 0
    assert promoted <= 3, "5 % of 20, and what that may be by chance"


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("seeds", [1, 5])
def test_a_hundred_recipes_each_worse_than_the_last_do_not_wear_production_down(
    spread: float, seeds: int
) -> None:
    worn = WornDown(start(1, spread))
    for number in range(1, 101):
        worn.by(0.98**number, spread, f"recipe {number}", seeds)
    assert worn.worst > 0.95


def test_it_is_the_reference_that_keeps_small_losses_from_adding_up() -> None:
    """Recipes a little worse than whatever is in production: within the margin by luck."""
    worst = []
    for rules in (Rules(), Rules(reference_margin=1)):
        worn = WornDown(start(2, 0.001))
        worn.place.rules = rules
        for number in range(100):
            worn.by(0.992 * worn.place.production.quality, 0.001, f"recipe {number}", seeds=5)
        worst.append(worn.worst)
    with_reference, without = worst
    assert with_reference > 0.95
    assert without < 0.7


@pytest.mark.parametrize(("spread", "lucky"), [(0.001, True), (0.003, True), (0.007, False)])
def test_a_recipe_that_is_3_percent_better_is_in_production_within_three_looks(
    spread: float,
    lucky: bool,  # noqa: FBT001
) -> None:
    promoted = 0
    for seed in range(50):
        place = start(seed, spread, lucky=lucky)
        candidates = (place.holdout.fit(1.03, spread) for _ in range(3))
        promoted += any(place.look(candidate, "new").promote for candidate in candidates)
    assert promoted >= 45, "nine times of ten"


def test_a_better_recipe_is_not_kept_out_by_a_thousand_looks_of_the_old_one() -> None:
    promoted = 0
    for seed in range(10):
        place = start(seed, 0.001)
        place.looks["standing"] = 1000
        candidates = (place.holdout.fit(1.03, 0.001) for _ in range(3))
        promoted += any(place.look(candidate, "new").promote for candidate in candidates)
    assert promoted >= 9


@pytest.mark.parametrize("users", [400, 4000])
def test_what_is_due_is_soon_done(users: int) -> None:
    """A fit as good as production goes in within ten looks once new shows have come."""
    for seed in range(10):
        place = start(seed, 0.003, users, lucky=False)
        looks = (place.look(place.holdout.fit(1, 0.003), new_shows=1) for _ in range(10))
        assert any(verdict.promote for verdict in looks)


def test_a_fit_that_has_trained_on_the_holdout_does_not_get_in_by_repetition() -> None:
    """As LightFM does on the anime ratings, where it gains 19 % by that."""
    place = start(0, 0.003)
    outcomes = {place.look(place.holdout.fit(1.19, 0.003)).outcome for _ in range(50)}
    assert outcomes == {Outcome.HOLD}
