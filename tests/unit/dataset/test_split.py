"""What measures is a hash of the pair, so that it stays out of the training."""

import numpy as np
import pytest

from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions, Split
from mlproject.dataset.split import FEWEST_RATINGS, hold_out

Pairs = set[tuple[int, int]]

ENOUGH: Pairs = {(user, show) for user in range(1000, 1200) for show in range(50)}


def interactions(pairs: Pairs) -> Interactions:
    users, shows = np.array(sorted(pairs)).T
    user_map, show_map = IdMap.of(users), IdMap.of(shows)
    return Interactions(
        users=user_map,
        shows=show_map,
        user_rows=user_map.rows(users).astype(np.int32),
        show_rows=show_map.rows(shows).astype(np.int32),
        ratings=np.full(len(users), 8, dtype=np.float32),
    )


def held(pairs: Pairs, *, share: float = 0.2, seed: int = 1) -> Pairs:
    """The pairs that are held out."""
    split: Split = hold_out(interactions(pairs), share=share, seed=seed)
    data = split.interactions
    users = data.users.ids[data.user_rows[split.held_out]].tolist()
    shows = data.shows.ids[data.show_rows[split.held_out]].tolist()
    return set(zip(users, shows, strict=True))


def test_a_pair_stays_on_its_side_while_ratings_come_in() -> None:
    """New users, new shows and more ratings by known users change rows, not sides."""
    more = ENOUGH | {(user, show) for user in range(900, 1300) for show in range(0, 90, 3)}
    assert held(more) & ENOUGH == held(ENOUGH)


def test_a_holdout_never_shrinks() -> None:
    """Not even as users become active enough to be measured."""
    few = {(user, show) for user, show in ENOUGH if show < user % 10}
    assert held(few) < held(ENOUGH)


def test_users_with_few_ratings_hold_nothing_out() -> None:
    pairs = {(user, show) for user in range(8) for show in range(user)}
    assert {user for user, _ in held(pairs, share=0.99)} == set(range(FEWEST_RATINGS, 8))


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_the_share_is_about_right(share: float) -> None:
    assert len(held(ENOUGH, share=share)) / len(ENOUGH) == pytest.approx(share, abs=0.02)


def test_a_larger_share_holds_out_the_same_and_more() -> None:
    assert held(ENOUGH, share=0.1) < held(ENOUGH, share=0.3)


@pytest.mark.parametrize("seed", [2, 3, 42])
def test_another_seed_is_another_holdout(seed: int) -> None:
    """Two holdouts share what chance lets them."""
    one, other = held(ENOUGH), held(ENOUGH, seed=seed)
    assert len(one & other) / len(one) == pytest.approx(0.2, abs=0.05)


def test_no_interactions_hold_nothing_out() -> None:
    nobody = IdMap.of([])
    none = np.array([], dtype=np.int32)
    data = Interactions(nobody, IdMap.of([1]), none, none, none.astype(np.float32))
    assert hold_out(data, share=0.2, seed=1).held_out.tolist() == []
