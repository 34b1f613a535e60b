"""What is learned ranks as LightFM itself does, the same at every fit."""

from dataclasses import replace

import numpy as np
import pytest
from lightfm import LightFM
from scipy import sparse

from mlproject.core.errors import NotEnoughDataError, TrainingError
from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions, Split
from mlproject.core.preferences import history_weights
from mlproject.models.factors import Factors
from mlproject.training import lightfm as lightfm_trainer
from mlproject.training.lightfm import LightFMTrainer
from mlproject.training.trainer import require_finite

USERS, SHOWS, METADATA = 20, 15, 4
HATER = 7
"""The row of a user with dislikes only."""
UNLUCKY = 8
"""The row of a user all of whose likes are held out."""

TRAINER = LightFMTrainer(
    dimensions=4, epochs=5, learning_rate=0.05, max_sampled=10, threads=1, seed=3
)


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


def quiet(_: int) -> None:
    """Listen to no epoch."""


def fit(data: Split, features: sparse.csr_array, **changes: object) -> Factors:
    model = replace(TRAINER, **changes).fit(data, features, quiet).model
    assert isinstance(model, Factors)
    return model


def same(one: Factors, other: Factors) -> bool:
    pairs = zip(one.arrays().values(), other.arrays().values(), strict=True)
    return all(np.array_equal(first, second) for first, second in pairs)


def test_two_fits_are_equal_to_the_bit(data: Split, features: sparse.csr_array) -> None:
    one = fit(data, features)
    assert same(one, fit(data, features))
    assert not same(one, fit(data, features, seed=4))


def test_the_vectors_rank_as_lightfm_predicts(
    data: Split, features: sparse.csr_array, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the vector that LightFM gave a user; what a history comes to is measured elsewhere."""
    fitted: list[LightFM] = []

    def remembered(**params: object) -> LightFM:
        fitted.append(LightFM(**params))
        return fitted[-1]

    monkeypatch.setattr(lightfm_trainer, "LightFM", remembered)
    model = fit(data, features, epochs=20)
    (theirs,) = fitted
    for user in set(range(USERS)) - {HATER, UNLUCKY}:
        predicted = theirs.predict(
            np.full(SHOWS, user), np.arange(SHOWS), item_features=sparse.csr_matrix(features)
        )
        scores = model.show_vectors @ theirs.user_embeddings[user] + model.show_biases
        assert scores == pytest.approx(predicted - theirs.user_biases[user], abs=2e-3)


def test_the_types_and_shapes_are_the_promised_ones(
    data: Split, features: sparse.csr_array
) -> None:
    model = fit(data, features)
    assert {name: (array.dtype.name, array.shape) for name, array in model.arrays().items()} == {
        "show_vectors": ("float16", (SHOWS, 4)),
        "show_biases": ("float32", (SHOWS,)),
        "fold_in": ("float32", (20, 4)),
    }


def test_a_history_comes_near_the_vector_its_user_was_trained_to(
    data: Split, features: sparse.csr_array, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[LightFM] = []
    monkeypatch.setattr(
        lightfm_trainer, "LightFM", lambda **params: fitted.append(LightFM(**params)) or fitted[-1]
    )
    model = fit(data, features, epochs=30)
    histories = data.interactions.histories(~data.held_out, history_weights())
    known = histories.has_taste()
    folded = model.tastes(histories)[known]
    given = fitted[0].user_embeddings[known]
    cosines = (folded * given).sum(axis=1) / (
        np.linalg.norm(folded, axis=1) * np.linalg.norm(given, axis=1)
    )
    assert np.median(cosines) > 0.8


def test_what_is_held_out_does_not_train(data: Split, features: sparse.csr_array) -> None:
    ratings = data.interactions.ratings.copy()
    ratings[data.held_out] = 1
    other = Split(replace(data.interactions, ratings=ratings), data.held_out)
    assert same(fit(data, features), fit(other, features))


def test_a_dislike_is_no_positive(data: Split, features: sparse.csr_array) -> None:
    """A 1 trains as a 4 does: not at all."""
    ratings = data.interactions.ratings.copy()
    ratings[ratings <= 4] = 1
    other = Split(replace(data.interactions, ratings=ratings), data.held_out)
    assert same(fit(data, features), fit(other, features))


def test_a_better_rating_weighs_more(data: Split, features: sparse.csr_array) -> None:
    ratings = np.where(data.interactions.ratings > 4, np.float32(10), data.interactions.ratings)
    other = Split(replace(data.interactions, ratings=ratings), data.held_out)
    assert not same(fit(data, features), fit(other, features))


@pytest.mark.parametrize("ratings", [4.0, 1.0])
def test_without_positives_there_is_nothing_to_train_on(
    data: Split, features: sparse.csr_array, ratings: float
) -> None:
    disliked = np.full_like(data.interactions.ratings, ratings)
    with pytest.raises(NotEnoughDataError, match="none of 160 ratings"):
        fit(Split(replace(data.interactions, ratings=disliked), data.held_out), features)


def test_with_everything_held_out_there_is_nothing_to_train_on(
    data: Split, features: sparse.csr_array
) -> None:
    with pytest.raises(NotEnoughDataError):
        fit(replace(data, held_out=np.ones_like(data.held_out)), features)


@pytest.mark.filterwarnings("ignore:(invalid value|overflow) encountered:RuntimeWarning")
@pytest.mark.parametrize("rate", [10.0, 1e3, 1e6, 1e12])
def test_an_absurd_learning_rate_never_gives_a_model_that_is_not_finite(
    data: Split, features: sparse.csr_array, rate: float
) -> None:
    try:
        model = fit(data, features, learning_rate=rate)
        require_finite(model.arrays())
    except TrainingError:
        return
    for array in model.arrays().values():
        assert np.isfinite(array).all()


@pytest.mark.filterwarnings("ignore:(invalid value|overflow) encountered:RuntimeWarning")
def test_a_fit_that_diverges_is_an_error_that_says_what_to_do(
    data: Split, features: sparse.csr_array
) -> None:
    with pytest.raises(TrainingError, match=r"lower learning rate than 1e\+30"):
        fit(data, features, learning_rate=1e30)


def test_each_epoch_is_told(data: Split, features: sparse.csr_array) -> None:
    epochs: list[int] = []
    TRAINER.fit(data, features, epochs.append)
    assert epochs == list(range(1, TRAINER.epochs + 1))


def test_an_error_of_the_listener_passes_through(data: Split, features: sparse.csr_array) -> None:
    class StopError(Exception):
        pass

    def stop(_: int) -> None:
        raise StopError

    with pytest.raises(StopError):
        TRAINER.fit(data, features, stop)


def test_all_processors_may_fit(data: Split, features: sparse.csr_array) -> None:
    model = fit(data, features, threads=0)
    assert np.isfinite(model.show_vectors).all()
