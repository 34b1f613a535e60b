"""What is learned ranks as LightFM itself does, the same at every fit."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from mlproject.core.errors import NotEnoughDataError, TrainingError
from mlproject.core.histories import Histories
from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions, Split
from mlproject.dataset.split import hold_out
from mlproject.models.factors import Factors
from mlproject.training.lightfm import LightFMTrainer
from mlproject.training.trainer import require_finite
from tests.drifting import drifting

USERS, SHOWS, METADATA = 20, 15, 4
HATER = 7
"""The row of a user with dislikes only."""
UNLUCKY = 8
"""The row of a user all of whose likes are held out."""

TRAINER = LightFMTrainer(
    dimensions=4,
    epochs=5,
    learning_rate=0.05,
    max_sampled=10,
    l2=0.0,
    fewest_raters=1,
    patience=3,
    seconds=60,
    threads=1,
    seed=3,
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
    """Metadata that shows share."""
    metadata = np.random.default_rng(2).random((SHOWS, METADATA)) < 0.5
    return sparse.csr_array(metadata.astype(np.float32))


def quiet(_: int) -> None:
    """Listen to no epoch."""


def fit(data: Split, features: sparse.csr_array, **changes: object) -> Factors:
    model = replace(TRAINER, **changes).fit(data, features, 30, quiet).model
    assert isinstance(model, Factors)
    return model


def same(one: Factors, other: Factors) -> bool:
    pairs = zip(one.arrays().values(), other.arrays().values(), strict=True)
    return all(np.array_equal(first, second) for first, second in pairs)


def test_two_fits_are_equal_to_the_bit(data: Split, features: sparse.csr_array) -> None:
    one = fit(data, features)
    assert same(one, fit(data, features))
    assert not same(one, fit(data, features, seed=4))


def test_the_types_and_shapes_are_the_promised_ones(
    data: Split, features: sparse.csr_array
) -> None:
    model = fit(data, features)
    assert {name: (array.dtype.name, array.shape) for name, array in model.arrays().items()} == {
        "show_vectors": ("float16", (SHOWS, 4)),
        "show_biases": ("float32", (SHOWS,)),
        "fold_in": ("float32", (20, 4)),
    }


def test_who_likes_one_half_of_the_shows_gets_that_half(features: sparse.csr_array) -> None:
    """A user never trained on, too: their taste is computed from their history."""
    random = np.random.default_rng(5)
    users = 200
    likes = (np.arange(SHOWS) < 7) == (np.arange(users) % 2 == 0)[:, None]
    rows, shows = np.nonzero(likes & (random.random((users, SHOWS)) < 0.6))
    data = Interactions(
        users=IdMap(np.arange(users)),
        shows=IdMap(np.arange(SHOWS)),
        user_rows=rows.astype(np.int32),
        show_rows=shows.astype(np.int32),
        ratings=np.full(len(rows), 9, dtype=np.float32),
        rated_at=np.zeros(len(rows), dtype=np.int64),
    )
    fitted = replace(TRAINER, epochs=20).fit(
        Split(data, np.zeros(len(rows), dtype=np.bool_)), features, 30, quiet
    )
    assert len(fitted.curve) >= fitted.kept > 0, "a slice told when to stop"
    stranger = Histories.of_each([[0, 1, 2], [10, 11, 12]], [[1.0] * 3, [1.0] * 3])
    first, second = fitted.model.scores(stranger)
    assert first[3:7].min() > first[7:].max()
    assert second[[7, 8, 9, 13, 14]].min() > second[:7].max()


def test_a_show_that_nobody_has_rated_gets_a_vector_of_its_likes(data: Split) -> None:
    """Its metadata is that of show 0."""
    kept = data.interactions.show_rows != SHOWS - 1
    interactions = replace(
        data.interactions,
        user_rows=data.interactions.user_rows[kept],
        show_rows=data.interactions.show_rows[kept],
        ratings=data.interactions.ratings[kept],
        rated_at=data.interactions.rated_at[kept],
    )
    metadata = np.eye(SHOWS, dtype=np.float32)
    metadata[SHOWS - 1] = metadata[0]
    model = fit(Split(interactions, data.held_out[kept]), sparse.csr_array(metadata))
    new, old = model.show_vectors[[SHOWS - 1, 0]].astype(np.float32)
    assert new @ old / np.linalg.norm(new) / np.linalg.norm(old) == pytest.approx(1, abs=1e-3)


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
    with pytest.raises(TrainingError, match="a lower learning rate may help"):
        fit(data, features, learning_rate=1e30)


def test_each_epoch_is_told(data: Split, features: sparse.csr_array) -> None:
    epochs: list[int] = []
    TRAINER.fit(data, features, 30, epochs.append)
    assert epochs == list(range(1, TRAINER.epochs + 1))


def test_an_error_of_the_listener_passes_through(data: Split, features: sparse.csr_array) -> None:
    class StopError(Exception):
        pass

    def stop(_: int) -> None:
        raise StopError

    with pytest.raises(StopError):
        TRAINER.fit(data, features, 30, stop)


def test_all_processors_may_fit(data: Split, features: sparse.csr_array) -> None:
    model = fit(data, features, threads=0)
    assert np.isfinite(model.show_vectors).all()


def drifted() -> tuple[Split, sparse.csr_array]:
    """Return ratings of which the newest are held out, and no metadata."""
    data = drifting(users=600, seed=1, shows=200, each=20)
    split, _ = hold_out(data, share=0.2, seed=1, kind="time")
    return split, sparse.csr_array((200, 1), dtype=np.float32)


def test_by_time_the_newest_of_the_training_part_trains_in_the_end() -> None:
    """Fitting again with what was found gives the same model."""
    split, metadata = drifted()
    fitted = TRAINER.fit(split, metadata, 30, quiet)
    assert fitted.found["epochs"] == fitted.kept > 0
    assert fitted.found["popular_share"] > 0
    again = TRAINER.refit(split, metadata, 30, fitted.found, quiet)
    assert isinstance(fitted.model, Factors)
    assert same(fitted.model, again)


def test_what_is_held_out_by_time_does_not_train() -> None:
    split, metadata = drifted()
    ratings = np.where(split.held_out, np.float32(1), split.interactions.ratings)
    other = replace(split, interactions=replace(split.interactions, ratings=ratings))
    one, two = (TRAINER.fit(part, metadata, 30, quiet) for part in (split, other))
    assert same(one.model, two.model)
