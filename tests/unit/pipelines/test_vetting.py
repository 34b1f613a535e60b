"""What must not be served, asked with the ratings of today."""

import numpy as np

from mlproject.core.preferences import history_weights
from mlproject.core.rating_columns import RatingColumns
from mlproject.pipelines.vetting import findings_today
from tests.builders import factors, model
from tests.rating_rows import columns

K = 5
NONE = RatingColumns.unfilled(0)


def today() -> RatingColumns:
    """Forty users, each with five shows of sixty and one that no model knows."""
    random = np.random.default_rng(1)
    rows = [
        (user, int(show), int(random.integers(1, 11)), 0, 0, user * 100 + int(show))
        for user in range(40)
        for show in sorted([*random.choice(np.arange(1, 61), 5, replace=False), 999])
    ]
    return columns(rows)


def test_a_sound_model_passes_with_and_without_ratings() -> None:
    assert findings_today(model(range(1, 61)), today(), K) == ()
    assert findings_today(model(range(1, 61)), NONE, K) == ()


def test_nobody_has_to_have_rated_for_an_array_to_be_seen() -> None:
    broken = model(model=factors(show_biases=np.array([0, np.inf, 0, 0], dtype=np.float32)))
    (found,) = findings_today(broken, NONE, K)
    assert found == "show_biases is not finite in 1 place, first at [1]"


def test_the_weights_of_ratings_are_looked_at_too() -> None:
    """A rating that is rare spoils the lists of few."""
    weights = history_weights()
    weights[1] = np.nan
    found = findings_today(model(range(1, 61), history_weights=weights), NONE, K)
    assert found == ("history_weights is not finite in 1 place, first at [1]",)
