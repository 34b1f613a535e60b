"""A search asks within its space, learns from what it is told, and goes on where it stopped."""

import math
from pathlib import Path

import pytest

from mlproject.training.lightfm import LightFMTrainer
from mlproject.training.linear import LinearTrainer
from mlproject.training.search import SPACES, Search
from mlproject.training.trainer import Trainer

LINEAR = LinearTrainer(neighbours=20, ridge=3.0, dropout=0.2, prior=1.0, fewest_raters=5, seed=1)
LIGHTFM = LightFMTrainer(
    dimensions=32,
    epochs=5,
    learning_rate=0.05,
    max_sampled=10,
    l2=1e-5,
    fewest_raters=5,
    patience=3,
    seconds=60,
    threads=1,
    seed=3,
)


def goodness(trainer: Trainer) -> float:
    """Prefer a ridge of 30."""
    assert isinstance(trainer, LinearTrainer)
    return -abs(math.log(trainer.ridge / 30))


def run(search: Search, trials: int) -> None:
    for _ in range(trials):
        asked = search.ask()
        asked.tell(goodness(asked.trainer))


@pytest.mark.parametrize("trainer", [LINEAR, LIGHTFM])
def test_the_settings_of_now_are_tried_first_and_the_rest_stays(
    trainer: LinearTrainer | LightFMTrainer, tmp_path: Path
) -> None:
    search = Search(trainer, tmp_path / "journal", "a study", seed=1)
    assert search.ask().trainer == trainer
    other = search.ask().trainer
    assert other != trainer
    assert isinstance(other, type(trainer))
    fixed = set(trainer.__dataclass_fields__) - set(SPACES[trainer.name])
    for name in fixed:
        assert getattr(other, name) == getattr(trainer, name)


def test_it_learns_and_the_best_come_first(tmp_path: Path) -> None:
    search = Search(LINEAR, tmp_path / "journal", "a study", seed=1)
    run(search, 25)
    tried = search.tried()
    assert [one.precision for one in tried] == sorted(
        (one.precision for one in tried), reverse=True
    )
    assert tried[0].settings["ridge"] == pytest.approx(30, rel=0.3)
    assert set(tried[0].settings) == set(SPACES["linear"])


def test_it_goes_on_with_what_was_tried_and_asks_nothing_twice(tmp_path: Path) -> None:
    run(Search(LINEAR, tmp_path / "journal", "a study", seed=1), 3)
    again = Search(LINEAR, tmp_path / "journal", "a study", seed=1)
    assert len(again.tried()) == 3
    run(again, 3)
    ridges = {one.settings["ridge"] for one in again.tried()}
    assert len(ridges) == 6


def test_trials_on_other_ratings_are_another_study(tmp_path: Path) -> None:
    run(Search(LINEAR, tmp_path / "journal", "a study", seed=1), 3)
    other = Search(LINEAR, tmp_path / "journal", "another", seed=1)
    assert other.tried() == []
    assert other.ask().trainer == LINEAR


def test_a_trial_that_failed_is_not_among_those_tried(tmp_path: Path) -> None:
    search = Search(LINEAR, tmp_path / "journal", "a study", seed=1)
    search.ask().tell(None)
    search.ask()  # and one that was killed
    assert search.tried() == []
