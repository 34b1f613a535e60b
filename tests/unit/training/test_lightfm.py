"""What is exported ranks as LightFM itself does, the same at every fit."""

from dataclasses import replace

import numpy as np
import pytest
from lightfm import LightFM
from scipy import sparse

from mlproject.core.errors import NotEnoughDataError, TrainingError
from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions, Split
from mlproject.core.model import TrainedModel
from mlproject.core.ranking import top_k
from mlproject.training import lightfm as lightfm_trainer
from mlproject.training.lightfm import FitParams, fit

USERS, SHOWS, METADATA = 20, 15, 4
HATER = 7
"""The row of a user with dislikes only."""
UNLUCKY = 8
"""The row of a user all of whose likes are held out."""

PARAMS = FitParams(dimensions=4, epochs=5, learning_rate=0.05, max_sampled=10, threads=1, seed=3)


@pytest.fixture
def data() -> Split:
    """Each user has rated eight shows, some held out, some not rated."""
    random = np.random.default_rng(1)
    shows = np.sort(random.permuted(np.tile(np.arange(SHOWS), (USERS, 1)), axis=1)[:, :8], axis=1)
    ratings = random.integers(1, 11, size=shows.shape).astype(np.float32)
    ratings[random.random(shows.shape) < 0.1] = np.nan
    held_out = random.random(shows.shape) < 0.2
    ratings[HATER], held_out[HATER] = 4, False
    ratings[UNLUCKY], held_out[UNLUCKY] = [1] * 7 + [10], [False] * 7 + [True]
    interactions = Interactions(
        users=IdMap(np.arange(USERS) * 10),
        shows=IdMap(np.arange(SHOWS) * 100),
        user_rows=np.repeat(np.arange(USERS), 8).astype(np.int32),
        show_rows=shows.ravel().astype(np.int32),
        ratings=ratings.ravel(),
        rated_at=np.zeros(shows.size, dtype=np.int64),
    )
    return Split(interactions, held_out.ravel())


@pytest.fixture
def features() -> sparse.csr_array:
    """The identity, and metadata that shows share."""
    metadata = np.random.default_rng(2).random((SHOWS, METADATA)) * (np.arange(METADATA) > 0)
    both = sparse.hstack([sparse.eye_array(SHOWS), sparse.csr_array(metadata)], format="csr")
    return sparse.csr_array(both.astype(np.float32))


def arrays(model: TrainedModel) -> list[bytes]:
    return [
        array.tobytes()
        for array in (
            model.user_factors,
            model.show_factors,
            model.show_biases,
            model.popularity,
            model.seen_indptr,
            model.seen_rows,
        )
    ]


def test_two_fits_are_equal_to_the_bit(data: Split, features: sparse.csr_array) -> None:
    one = fit(data, features, (), PARAMS)
    assert arrays(one) == arrays(fit(data, features, (), PARAMS))
    assert arrays(one) != arrays(fit(data, features, (), replace(PARAMS, seed=4)))


def test_the_arrays_rank_as_lightfm_predicts(
    data: Split, features: sparse.csr_array, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[LightFM] = []

    def remembered(**params: object) -> LightFM:
        fitted.append(LightFM(**params))
        return fitted[-1]

    monkeypatch.setattr(lightfm_trainer, "LightFM", remembered)
    model = fit(data, features, (), replace(PARAMS, epochs=20))
    (theirs,) = fitted
    for user in set(range(USERS)) - {HATER, UNLUCKY}:
        predicted = theirs.predict(
            np.full(SHOWS, user), np.arange(SHOWS), item_features=sparse.csr_matrix(features)
        )
        scores = model.scores(user)
        assert scores == pytest.approx(predicted - theirs.user_biases[user], abs=1e-5)
        assert top_k(scores, SHOWS).tolist() == top_k(predicted, SHOWS).tolist()


def test_the_types_and_shapes_are_the_promised_ones(
    data: Split, features: sparse.csr_array
) -> None:
    cards = tuple({"show_id": show} for show in data.interactions.shows.ids.tolist())
    model = fit(data, features, cards, PARAMS)
    assert model.user_factors.shape == (USERS, PARAMS.dimensions)
    assert model.show_factors.shape == (SHOWS, PARAMS.dimensions)
    assert model.show_biases.shape == model.popularity.shape == (SHOWS,)
    floats = (model.user_factors, model.show_factors, model.show_biases, model.popularity)
    assert {array.dtype for array in floats} == {np.dtype(np.float32)}
    assert (model.seen_indptr.dtype, model.seen_rows.dtype) == (np.int64, np.int32)
    assert (model.users, model.shows) == (data.interactions.users, data.interactions.shows)
    assert model.cards == cards


def test_a_user_without_a_positive_has_no_taste(data: Split, features: sparse.csr_array) -> None:
    model = fit(data, features, (), PARAMS)
    tasteless = [user for user in range(USERS) if not model.knows_taste(user)]
    assert tasteless == [HATER, UNLUCKY]
    assert not model.user_factors[tasteless].any()


def test_popularity_counts_the_positives_that_trained(
    data: Split, features: sparse.csr_array
) -> None:
    """Anything above 4, and what was watched but not rated."""
    ratings = data.interactions.ratings
    counted = data.interactions.show_rows[(np.isnan(ratings) | (ratings > 4)) & ~data.held_out]
    expected = [float((counted == show).sum()) for show in range(SHOWS)]
    assert fit(data, features, (), PARAMS).popularity.tolist() == expected


def test_seen_is_all_that_was_rated(data: Split, features: sparse.csr_array) -> None:
    """Held out or not, liked or not."""
    model = fit(data, features, (), PARAMS)
    rows = data.interactions.show_rows.reshape(USERS, 8)
    assert data.held_out.any()
    for user in range(USERS):
        assert model.seen(user).tolist() == rows[user].tolist()


def test_what_is_held_out_does_not_train(data: Split, features: sparse.csr_array) -> None:
    ratings = data.interactions.ratings.copy()
    ratings[data.held_out] = 1
    other = Split(replace(data.interactions, ratings=ratings), data.held_out)
    assert arrays(fit(data, features, (), PARAMS)) == arrays(fit(other, features, (), PARAMS))


def test_a_dislike_is_no_positive(data: Split, features: sparse.csr_array) -> None:
    """A 1 trains as a 4 does: not at all."""
    ratings = data.interactions.ratings.copy()
    ratings[ratings <= 4] = 1
    other = Split(replace(data.interactions, ratings=ratings), data.held_out)
    assert arrays(fit(data, features, (), PARAMS)) == arrays(fit(other, features, (), PARAMS))


def test_a_better_rating_weighs_more(data: Split, features: sparse.csr_array) -> None:
    ratings = np.where(data.interactions.ratings > 4, np.float32(10), data.interactions.ratings)
    other = Split(replace(data.interactions, ratings=ratings), data.held_out)
    assert arrays(fit(data, features, (), PARAMS)) != arrays(fit(other, features, (), PARAMS))


@pytest.mark.parametrize("ratings", [4.0, 1.0])
def test_without_positives_there_is_nothing_to_train_on(
    data: Split, features: sparse.csr_array, ratings: float
) -> None:
    disliked = np.full_like(data.interactions.ratings, ratings)
    with pytest.raises(NotEnoughDataError, match="none of 160 ratings"):
        fit(
            Split(replace(data.interactions, ratings=disliked), data.held_out), features, (), PARAMS
        )


def test_with_everything_held_out_there_is_nothing_to_train_on(
    data: Split, features: sparse.csr_array
) -> None:
    with pytest.raises(NotEnoughDataError):
        fit(replace(data, held_out=np.ones_like(data.held_out)), features, (), PARAMS)


@pytest.mark.filterwarnings("ignore:(invalid value|overflow) encountered:RuntimeWarning")
@pytest.mark.parametrize("rate", [10.0, 1e3, 1e6, 1e12])
def test_an_absurd_learning_rate_never_gives_a_model_that_is_not_finite(
    data: Split, features: sparse.csr_array, rate: float
) -> None:
    try:
        model = fit(data, features, (), replace(PARAMS, learning_rate=rate))
    except TrainingError:
        return
    for array in (model.user_factors, model.show_factors, model.show_biases):
        assert np.isfinite(array).all()


@pytest.mark.filterwarnings("ignore:(invalid value|overflow) encountered:RuntimeWarning")
def test_a_fit_that_diverges_is_an_error_that_says_what_to_do(
    data: Split, features: sparse.csr_array
) -> None:
    with pytest.raises(TrainingError, match=r"lower learning rate than 1e\+30"):
        fit(data, features, (), replace(PARAMS, learning_rate=1e30))


def test_each_epoch_is_told(data: Split, features: sparse.csr_array) -> None:
    epochs: list[int] = []
    fit(data, features, (), PARAMS, epochs.append)
    assert epochs == list(range(1, PARAMS.epochs + 1))


def test_an_error_of_the_listener_passes_through(data: Split, features: sparse.csr_array) -> None:
    class StopError(Exception):
        pass

    def stop(_: int) -> None:
        raise StopError

    with pytest.raises(StopError):
        fit(data, features, (), PARAMS, stop)


def test_all_processors_may_fit(data: Split, features: sparse.csr_array) -> None:
    model = fit(data, features, (), replace(PARAMS, threads=0))
    assert np.isfinite(model.user_factors).all()
