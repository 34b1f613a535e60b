"""The slice is cut as the holdout was, off the training part, and measures as it does."""

from dataclasses import replace

import numpy as np
import pytest

from mlproject.core.dates import DATED_FROM
from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions, Split
from mlproject.dataset.split import RandomDraw, SplitKind, SplitRule, hold_out
from mlproject.training import validation
from mlproject.training.evaluation import evaluate
from mlproject.training.validation import (
    HALF_LIVES,
    Validation,
    choose_half_life,
    cut_validation,
)

USERS, SHOWS, EACH, K = 80, 60, 30, 5
DAY = 86_400_000


def cut(kind: SplitKind) -> tuple[Split, SplitRule, Validation]:
    random = np.random.default_rng(1)
    shows = np.sort(random.permuted(np.tile(np.arange(SHOWS), (USERS, 1)), axis=1)[:, :EACH])
    data = Interactions(
        users=IdMap(np.arange(USERS) * 10),
        shows=IdMap(np.arange(SHOWS) * 100),
        user_rows=np.repeat(np.arange(USERS), EACH).astype(np.int32),
        show_rows=shows.ravel().astype(np.int32),
        ratings=random.integers(1, 11, shows.size).astype(np.float32),
        rated_at=DATED_FROM + random.integers(0, 300, shows.size) * DAY,
    )
    split, rule = hold_out(data, share=0.2, seed=42, kind=kind)
    return split, rule, cut_validation(split, seed=42)


def slice_of(split: Split, found: Validation) -> np.ndarray:
    """Return what is held out of the training part alone."""
    return found.split.held_out & ~split.held_out


@pytest.mark.parametrize("kind", ["time", "random"])
def test_nothing_of_the_holdout_trains_beside_it(kind: SplitKind) -> None:
    split, _, found = cut(kind)
    assert slice_of(split, found).any()
    assert found.split.held_out[split.held_out].all()
    measured = found.liked.nnz
    liked = split.interactions.ratings >= 8
    of_them = np.isin(split.interactions.user_rows, found.users)
    assert measured <= (slice_of(split, found) & liked & of_them).sum()


def test_by_time_it_is_the_newest_of_all_users() -> None:
    split, rule, found = cut("time")
    assert not isinstance(rule, RandomDraw)
    data, part = split.interactions, slice_of(split, found)
    assert data.rated_at[~found.split.held_out].max() <= data.rated_at[part].min()
    assert part.sum() == pytest.approx(0.2 * (~split.held_out).sum(), rel=0.2)


def test_by_time_the_fit_sees_nothing_of_the_time_of_the_holdout() -> None:
    """Not the first ratings of later users either, which train in the end."""
    split, _, _ = cut("time")
    data = split.interactions
    times = np.where(data.user_rows == USERS - 1, DATED_FROM + 400 * DAY, data.rated_at)
    split, _ = hold_out(replace(data, rated_at=times), share=0.2, seed=42, kind="time")
    newcomer = split.interactions.user_rows == USERS - 1
    assert (~split.held_out & newcomer).sum() == 5
    found = cut_validation(split, seed=42)
    assert found.split.held_out[newcomer].all()
    assert USERS - 1 not in found.users


def test_at_random_it_is_a_fifth_of_the_ratings_of_some_users(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(validation, "USERS", 30)
    split, _, found = cut("random")
    data, part = split.interactions, slice_of(split, found)
    assert len(found.users) == 30
    assert set(data.user_rows[part].tolist()) == set(found.users.tolist())
    of_them = ~split.held_out & np.isin(data.user_rows, found.users)
    assert part.sum() == pytest.approx(0.2 * of_them.sum(), rel=0.2)


@pytest.mark.parametrize("cells", [1, 1 << 23])
@pytest.mark.parametrize("kind", ["time", "random"])
def test_it_measures_as_the_evaluation_does(
    kind: SplitKind, cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "_CELLS", cells)
    split, _, found = cut(kind)
    data = split.interactions
    kept = ~split.held_out & (slice_of(split, found) | ~found.split.held_out)
    inner = Interactions(
        data.users,
        data.shows,
        *(getattr(data, name)[kept] for name in ("user_rows", "show_rows", "ratings", "rated_at")),
    )
    scores = np.random.default_rng(2).normal(size=(2, USERS, SHOWS)).astype(np.float32)
    scores[1, :, 5:] = -np.inf
    same = [
        evaluate(lambda rows, one=one: one[rows], Split(inner, found.split.held_out[kept]), K)
        for one in scores
    ]
    measured = found.precisions(lambda rows: (one[rows] for one in scores), K)
    assert measured == pytest.approx([one.precision.mean() for one in same])
    assert measured[0] > measured[1] > 0


def popular_then_and_now(days: int) -> Split:
    """Return 400 users, one a day, who like what came out in their ``days``, and one old show."""
    users = np.arange(400)
    order = np.random.default_rng(3).permuted(np.tile(np.arange(8), (400, 1)), axis=1)
    old = np.zeros_like(users)
    new = 1 + users // days
    rows = np.repeat(users, 8)
    columns = np.stack([old, *(new + one * 401 for one in range(7))], axis=1).ravel()
    data = Interactions(
        users=IdMap(users),
        shows=IdMap(np.arange(columns.max() + 1)),
        user_rows=rows.astype(np.int32),
        show_rows=columns.astype(np.int32),
        ratings=np.full(len(rows), 9, dtype=np.float32),
        rated_at=DATED_FROM + rows * DAY + order.ravel(),
    )
    return hold_out(data, share=0.2, seed=1, kind="time")[0]


def test_the_half_life_follows_how_fast_tastes_turn() -> None:
    assert choose_half_life(popular_then_and_now(days=20), seed=1) == min(HALF_LIVES)


def test_where_all_half_lives_serve_alike_popularity_does_not_fade() -> None:
    assert choose_half_life(popular_then_and_now(days=400), seed=1) == max(HALF_LIVES)
    few, _, _ = cut("time")
    assert choose_half_life(replace(few, held_out=few.interactions.user_rows > 9), seed=1) == max(
        HALF_LIVES
    )
