"""A builder goes on from its last fit while that is honest, not too often, and good enough."""

from dataclasses import replace

import numpy as np
import pytest

from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions, Split
from mlproject.models.factors import Factors
from mlproject.pipelines.starts import MOST_LEARNED, Starts
from mlproject.training.lightfm import LightFMTrainer
from mlproject.training.popularity import PopularityTrainer
from mlproject.training.start import Start, learned_by
from mlproject.training.trainer import Fitted

TRAINER = LightFMTrainer(
    dimensions=1,
    epochs=2,
    learning_rate=0.05,
    max_sampled=10,
    l2=0.0,
    fewest_raters=1,
    patience=2,
    seconds=60,
    threads=1,
    seed=1,
)
RATINGS = 1000
MODEL = Factors(np.zeros((1, 1), np.float16), np.zeros(1, np.float32), np.zeros((8, 1), np.float32))


def cut(first_held: int, last_held: int) -> Split:
    """Return a rating by each of a thousand users, of whom these are held out."""
    rows = np.arange(RATINGS, dtype=np.int32)
    data = Interactions(
        users=IdMap(np.arange(RATINGS)),
        shows=IdMap.of([1]),
        user_rows=rows,
        show_rows=np.zeros_like(rows),
        ratings=np.full(RATINGS, 9, np.float32),
        rated_at=rows.astype(np.int64),
    )
    return Split(data, (rows >= first_held) & (rows < last_held))


def left(split: Split) -> Start:
    took_part = np.ones(1, dtype=np.bool_)
    return Start(
        IdMap.of([1]), MODEL, took_part, learned_by(split), epochs=2, popular_share=0.3, lead=2.0
    )


def starts(start: Start, cold_every: int = 3) -> Starts:
    found = Starts(cold_every)
    found.leave(TRAINER, "run1", Fitted(MODEL, leaves=start))
    return found


def test_the_first_fit_is_from_nothing_and_the_next_goes_on() -> None:
    split = cut(800, 1000)
    found = Starts(cold_every=3)
    first = found.begin(TRAINER, split)
    assert (first.how, first.start) == ("cold", None)
    found.leave(TRAINER, "run1", Fitted(MODEL, leaves=left(split)))
    second = found.begin(TRAINER, split)
    assert second.tags() == {"start": "warm: from the run run1", "start_run": "run1"}
    assert second.start is not None


def test_what_the_start_has_learned_measures_nobody() -> None:
    """The holdout has moved: a few of its ratings trained the fit before."""
    before, few = cut(800, 1000), int(200 * MOST_LEARNED)
    now = cut(800 - few, 1000 - few)
    begun = starts(left(before)).begin(TRAINER, now)
    assert begun.how == "warm"
    learned = ~before.held_out
    assert not (begun.split.held_out & learned).any()
    assert np.array_equal(begun.split.held_out, now.held_out & ~learned)


def test_a_start_that_has_learned_much_of_the_holdout_is_left() -> None:
    begun = starts(left(cut(800, 1000))).begin(TRAINER, cut(700, 900))
    assert (begun.how, begun.why) == ("cold", "the last fit has learned 50% of the holdout")
    assert np.array_equal(begun.split.held_out, cut(700, 900).held_out)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"fits": 2}, "one of 3 is"),
        ({"fits": 1, "lead_now": 1.0}, "the last warm fit fell behind on its slice"),
    ],
)
def test_a_long_chain_and_one_that_falls_behind_end(changes: dict[str, float], why: str) -> None:
    split = cut(800, 1000)
    assert starts(replace(left(split), **changes)).begin(TRAINER, split).why == why


def test_much_that_is_new_is_learned_from_nothing() -> None:
    start = left(cut(400, 1000))
    assert starts(start).begin(TRAINER, cut(560, 1000)).how == "warm"
    assert starts(start).begin(TRAINER, cut(580, 1000)).why == "much is new"


def test_other_settings_start_from_nothing() -> None:
    split = cut(800, 1000)
    other = replace(TRAINER, dimensions=2)
    assert starts(left(split)).begin(other, split).why == "the settings are others"


def test_a_fit_that_leaves_nothing_ends_the_chain() -> None:
    split = cut(800, 1000)
    found = starts(left(split))
    found.leave(TRAINER, "run2", Fitted(MODEL))
    assert found.begin(TRAINER, split).how == "cold"


def test_other_trainers_know_no_start() -> None:
    begun = Starts(cold_every=3).begin(PopularityTrainer(), cut(800, 1000))
    assert (begun.how, begun.start, begun.tags()) == ("", None, {})
