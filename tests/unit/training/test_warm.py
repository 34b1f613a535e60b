"""A fit may go on from an earlier one, and what that has learned is known to the pair."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions, Split
from mlproject.dataset.split import SplitKind, hold_out
from mlproject.models.factors import Factors
from mlproject.training.lightfm import WARM_EPOCHS, LightFMTrainer
from mlproject.training.start import BEHIND, Start, learned_by
from mlproject.training.warm import begun_from
from tests.drifting import drifting

SHOWS = 200
METADATA: sparse.csr_array = sparse.csr_array((SHOWS, 1), dtype=np.float32)
TRAINER = LightFMTrainer(
    dimensions=4,
    epochs=6,
    learning_rate=0.05,
    max_sampled=10,
    l2=0.0,
    fewest_raters=1,
    patience=6,
    seconds=600,
    threads=1,
    seed=3,
)


def quiet(_: int) -> None:
    """Listen to no epoch."""


def taken(data: Interactions, chosen: np.ndarray) -> Interactions:
    """Return some of the ratings; every user and show keeps its row."""
    return Interactions(
        data.users,
        data.shows,
        data.user_rows[chosen],
        data.show_rows[chosen],
        data.ratings[chosen],
        data.rated_at[chosen],
    )


@pytest.fixture(scope="module")
def split() -> Split:
    data = drifting(users=600, seed=1, shows=SHOWS, each=20)
    return hold_out(data, share=0.2, seed=1, kind="random")[0]


@pytest.fixture(scope="module")
def start(split: Split) -> Start:
    left = TRAINER.fit(split, METADATA, 30, quiet).leaves
    assert left is not None
    return left


def test_it_has_learned_of_the_training_part_alone(split: Split, start: Start) -> None:
    learned = start.has_learned(split.interactions)
    assert not learned[split.held_out].any()
    # All but the slice, which only measured.
    assert 0.7 < learned[~split.held_out].mean() < 1


def test_going_on_is_short_and_adds_to_what_was_learned(split: Split, start: Start) -> None:
    data = split.interactions
    epochs: list[int] = []
    fitted = TRAINER.go_on(start, split, METADATA, 30, epochs.append)
    assert len(epochs) <= WARM_EPOCHS < TRAINER.epochs
    assert fitted.leaves is not None
    assert (fitted.leaves.fits, fitted.leaves.epochs) == (1, start.epochs)
    assert fitted.found["epochs"] == start.epochs, "a fit from nothing needs all of them"
    learned = fitted.leaves.has_learned(data)
    assert learned[start.has_learned(data)].all()
    assert not learned[split.held_out].any()


def test_by_time_it_keeps_what_the_last_slice_has_chosen() -> None:
    data = drifting(users=600, seed=1, shows=SHOWS, each=20)
    split, _ = hold_out(data, share=0.2, seed=1, kind="time")
    cold = TRAINER.fit(split, METADATA, 30, quiet)
    assert cold.leaves is not None
    warm = TRAINER.go_on(cold.leaves, split, METADATA, 30, quiet)
    assert warm.found == cold.found
    assert warm.leaves is not None
    assert warm.leaves.has_learned(data).tolist() == (~split.held_out).tolist()


@pytest.mark.parametrize("kind", ["time", "random"])
def test_what_is_held_out_reaches_no_warm_fit(kind: SplitKind) -> None:
    """Whatever was rated there: the models are equal to the bit."""
    data = drifting(users=600, seed=1, shows=SHOWS, each=20)
    early = taken(data, data.rated_at < np.quantile(data.rated_at, 0.9))
    before, _ = hold_out(early, share=0.2, seed=1, kind=kind)
    left = TRAINER.fit(before, METADATA, 30, quiet).leaves
    assert left is not None
    whole, _ = hold_out(data, share=0.2, seed=1, kind=kind)
    now = replace(whole, held_out=whole.held_out & ~left.has_learned(data))
    ratings = np.where(now.held_out, np.float32(1), data.ratings)
    other = replace(now, interactions=replace(data, ratings=ratings))
    one, two = (TRAINER.go_on(left, part, METADATA, 30, quiet).model for part in (now, other))
    assert isinstance(one, Factors)
    assert isinstance(two, Factors)
    for name, array in one.arrays().items():
        assert np.array_equal(array, two.arrays()[name]), name


@given(
    first=st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1),
    second=st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1),
    modulus=st.integers(2, 4),
)
@settings(max_examples=50, deadline=None)
def test_every_pair_of_the_chain_is_known_and_no_other(
    start: Start,
    first: set[tuple[int, int]],
    second: set[tuple[int, int]],
    modulus: int,
) -> None:
    """Whatever was held out then, by rows that mean other users and shows now."""

    def laid_out(pairs: set[tuple[int, int]]) -> Interactions:
        users, shows = np.array(sorted(pairs)).T
        maps = IdMap.of(users * 7), IdMap.of(shows * 5)
        return Interactions(
            *maps,
            maps[0].rows(users * 7).astype(np.int32),
            maps[1].rows(shows * 5).astype(np.int32),
            np.full(len(users), 9, dtype=np.float32),
            np.zeros(len(users), dtype=np.int64),
        )

    def training(pairs: set[tuple[int, int]]) -> Split:
        data = laid_out(pairs)
        return Split(data, np.arange(len(data)) % modulus == 0)

    def trained(pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
        return {pair for place, pair in enumerate(sorted(pairs)) if place % modulus}

    chain = replace(start, learned=learned_by(training(first)))
    chain = replace(start, learned=learned_by(training(second), chain))
    known = chain.has_learned(laid_out(first | second))
    expected = trained(first) | trained(second)
    assert known.tolist() == [pair in expected for pair in sorted(first | second)]


def test_shows_are_matched_by_id_and_new_ones_get_the_vectors_of_those_like_them(
    split: Split, start: Start
) -> None:
    """A show is new at row 0, so every other is one row further; show 5 is like it."""
    data = split.interactions
    moved = replace(
        data,
        shows=IdMap(np.concatenate(([-1], data.shows.ids))),
        show_rows=data.show_rows + np.int32(1),
    )
    metadata = np.zeros((SHOWS + 1, 2), dtype=np.float32)
    metadata[[0, 6], 0] = 1
    metadata[1:6, 1] = 1
    found = begun_from(start, replace(split, interactions=moved), sparse.csr_array(metadata))
    assert np.array_equal(found.show_vectors[1:], start.model.show_vectors.astype(np.float32))
    like = found.show_vectors[6]
    assert found.show_vectors[0] @ like > 0.99 * np.linalg.norm(found.show_vectors[0]) * (
        np.linalg.norm(like)
    )


def test_users_begin_with_the_tastes_of_their_histories(split: Split, start: Start) -> None:
    silent = split.interactions.user_rows == 7
    found = begun_from(start, replace(split, held_out=split.held_out | silent), METADATA)
    assert not found.user_vectors[7].any()
    assert found.user_vectors[8].any()


def test_a_chain_falls_behind_once_it_leads_by_less() -> None:
    empty = np.zeros(0, dtype=np.uint64)
    model = Factors(
        np.zeros((1, 1), np.float16), np.zeros(1, np.float32), np.zeros((8, 1), np.float32)
    )
    shows, took_part = IdMap.of([1]), np.ones(1, dtype=np.bool_)

    def fit(lead: float) -> Start:
        return Start(shows, model, took_part, empty, epochs=9, popular_share=0.3, lead=lead)

    cold = fit(2.0)
    assert not cold.falls_behind
    near, far = (fit(share * BEHIND * 2.0).after(cold) for share in (1.01, 0.99))
    assert not near.falls_behind
    assert far.falls_behind
    assert (far.fits, far.after(near).fits, far.epochs) == (1, 2, 9)
