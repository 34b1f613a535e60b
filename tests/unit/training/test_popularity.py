"""What is popular now: positives that trained, newer ones more."""

import numpy as np
import pytest
from scipy import sparse

from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions, Split
from mlproject.training.popularity import PopularityTrainer, popular_now

NOW, DAY = 1_735_689_600_000, 86_400_000


def split(*ratings: tuple[int, float, float], held_out: tuple[int, ...] = ()) -> Split:
    """Each of show, rating and age in days is by another user."""
    shows, values, ages = (np.array(column) for column in zip(*ratings, strict=True))
    data = Interactions(
        users=IdMap(np.arange(len(ratings))),
        shows=IdMap(np.arange(4)),
        user_rows=np.arange(len(ratings), dtype=np.int32),
        show_rows=shows.astype(np.int32),
        ratings=values.astype(np.float32),
        rated_at=(NOW - ages * DAY).astype(np.int64),
    )
    return Split(data, np.isin(np.arange(len(ratings)), held_out))


def test_a_positive_counts_half_after_its_half_life() -> None:
    found = popular_now(split((0, 9, 0), (1, 9, 30), (2, 9, 60)), half_life_days=30)
    assert found == pytest.approx([1, 0.5, 0.25, 0])
    assert found.dtype == np.float32


def test_a_dislike_counts_nothing_and_watching_counts() -> None:
    found = popular_now(split((0, 4, 0), (1, np.nan, 0), (1, 5, 0)), half_life_days=30)
    assert found == pytest.approx([0, 2, 0, 0])


def test_what_is_held_out_does_not_count_nor_tell_the_time() -> None:
    found = popular_now(split((0, 9, 0), (1, 9, 30), held_out=(0,)), half_life_days=30)
    assert found == pytest.approx([0, 1, 0, 0])


def test_made_up_times_say_nothing_of_age() -> None:
    since_1970 = NOW / DAY
    found = popular_now(split((0, 9, since_1970), (1, 9, since_1970 - 1)), half_life_days=1)
    assert found == pytest.approx([1, 1, 0, 0])


def test_without_positives_nothing_is_popular() -> None:
    assert popular_now(split((0, 1, 0)), half_life_days=30).tolist() == [0, 0, 0, 0]


def test_the_trainer_makes_a_model_that_scores_everyone_alike() -> None:
    epochs: list[int] = []
    data = split((0, 9, 0), (1, 9, 30))
    trainer = PopularityTrainer()
    model = trainer.fit(data, sparse.csr_array((4, 0)), 30, epochs.append).model
    assert model.popularity == pytest.approx([1, 0.5, 0, 0])
    assert epochs == [1]
