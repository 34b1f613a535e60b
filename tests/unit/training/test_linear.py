"""The linear trainer: from interactions to a model, as a trainer should."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from mlproject.core.dates import DATED_FROM
from mlproject.core.errors import NotEnoughDataError
from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions, Split
from mlproject.models.linear import Linear
from mlproject.training.linear import PRIORS, LinearTrainer
from mlproject.training.popularity import popular_now

TRAINER = LinearTrainer(neighbours=5, ridge=1.0, dropout=0.2, prior=1.0, fewest_raters=2, seed=1)
USERS, SHOWS = 60, 12
NONE = sparse.csr_array((SHOWS, 0), dtype=np.float32)


@pytest.fixture
def data() -> Split:
    """Half of the users like the first six shows, the others the last six; some is held out."""
    random = np.random.default_rng(1)
    likes = np.where(np.arange(SHOWS) < 6, 1, 0) == (np.arange(USERS) % 2)[:, None]
    rated = random.random((USERS, SHOWS)) < 0.6
    users, shows = np.nonzero(rated)
    data = Interactions(
        users=IdMap(np.arange(USERS)),
        shows=IdMap(np.arange(SHOWS)),
        user_rows=users.astype(np.int32),
        show_rows=shows.astype(np.int32),
        ratings=np.where(likes[users, shows], 9, 2).astype(np.float32),
        rated_at=np.zeros(len(users), dtype=np.int64),
    )
    return Split(data, random.random(len(users)) < 0.2)


def fit(data: Split, **changes: object) -> Linear:
    model = replace(TRAINER, **changes).fit(data, NONE, 30, lambda _: None).model
    assert isinstance(model, Linear)
    return model


def test_who_likes_one_half_gets_that_half(data: Split) -> None:
    scores = fit(data).scores_of_one(np.array([1, 2], np.int32), np.ones(2, np.float32))
    unseen = scores[[0, *range(3, SHOWS)]]
    assert unseen[:4].min() > unseen[4:].max()


def test_what_is_held_out_does_not_train(data: Split) -> None:
    ratings = data.interactions.ratings.copy()
    ratings[data.held_out] = 1
    other = Split(replace(data.interactions, ratings=ratings), data.held_out)
    for one, two in zip(fit(data).arrays().values(), fit(other).arrays().values(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_two_fits_are_equal_to_the_bit(data: Split) -> None:
    for one, two in zip(fit(data).arrays().values(), fit(data).arrays().values(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_short_history_leans_on_what_is_popular(data: Split) -> None:
    assert not fit(data, prior=0.0).prior.any()
    popular = popular_now(data, half_life_days=30)
    np.testing.assert_allclose(fit(data).prior, popular / popular.max())


def test_what_is_popular_now_leads_and_not_what_was_long_ago(data: Split) -> None:
    """Shows 0 to 5 were rated years before the others."""
    first = data.interactions.show_rows < 6
    times = np.where(first, DATED_FROM, DATED_FROM + 1000 * 86_400_000)
    drifted = Split(replace(data.interactions, rated_at=times), data.held_out)
    assert fit(data).prior[:6].max() > 0.5
    assert fit(drifted).prior[:6].max() < 0.01 < fit(drifted).prior[6:].min()


def test_progress_ends_with_the_last_step(data: Split) -> None:
    steps: list[int] = []
    TRAINER.fit(data, NONE, 30, steps.append)
    assert steps == sorted(steps)
    assert steps[-1] == TRAINER.epochs


def test_too_few_raters_are_nothing_to_train_on(data: Split) -> None:
    with pytest.raises(NotEnoughDataError, match="no show has 100 raters"):
        fit(data, fewest_raters=100)


def test_the_prior_is_what_serves_a_slice_best(data: Split) -> None:
    """Where likes are all that matters, popularity is given little."""
    open_trainer = replace(TRAINER, prior=None)
    fitted = open_trainer.fit(data, NONE, 30, lambda _: None)
    assert fitted.found["prior"] in PRIORS
    assert fitted.found["prior"] < 3
    again = open_trainer.refit(data, NONE, 30, fitted.found, lambda _: None)
    for one, two in zip(fitted.model.arrays().values(), again.arrays().values(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_with_too_few_users_to_tell_the_prior_is_the_first(data: Split) -> None:
    few = data.interactions.user_rows < 20
    some = replace(
        data.interactions,
        user_rows=data.interactions.user_rows[few],
        show_rows=data.interactions.show_rows[few],
        ratings=data.interactions.ratings[few],
        rated_at=data.interactions.rated_at[few],
    )
    fitted = replace(TRAINER, prior=None).fit(
        Split(some, data.held_out[few]), NONE, 30, lambda _: None
    )
    assert fitted.found == {"prior": PRIORS[0]}
