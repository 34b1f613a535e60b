"""How repeated looks are paid for, and where they are counted."""

import math
from itertools import pairwise

import pytest

from mlproject.registry.gate.looks import looks_at, looks_tag, recipe_id, share_of


def test_all_looks_together_spend_what_one_would() -> None:
    spent = math.fsum(share_of(look) for look in range(1, 100_000))
    assert 0.9999 < spent < 1


def test_each_look_may_err_less_than_the_one_before() -> None:
    shares = [share_of(look) for look in range(1, 1000)]
    assert all(later < earlier for earlier, later in pairwise(shares))


def test_a_recipe_is_known_by_its_parameters_in_any_order() -> None:
    assert recipe_id({"epochs": 20, "lr": 0.05}) == recipe_id({"lr": 0.05, "epochs": 20})
    assert recipe_id({"epochs": 20, "lr": 0.05}) != recipe_id({"epochs": 21, "lr": 0.05})


@pytest.mark.parametrize(("text", "looks"), [("31", 31), ("", 0), ("many", 0), ("-1", 0)])
def test_looks_are_read_from_the_tags_of_production(text: str, looks: int) -> None:
    recipe = recipe_id({"epochs": 20})
    assert looks_at({looks_tag(recipe): text, looks_tag("other"): "7"}, recipe) == looks


def test_a_recipe_that_never_looked_has_no_looks() -> None:
    assert looks_at({}, "c1aa317f7dbb") == 0
