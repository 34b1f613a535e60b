"""What is new is told from what was there, and production is measured by it and by nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.dates import DATED_FROM
from mlproject.core.ids import IdMap
from mlproject.core.interactions import Interactions
from mlproject.core.model import TrainedModel
from mlproject.core.preferences import history_weights
from mlproject.core.rating_columns import RatingColumns
from mlproject.models.popularity import Popularity
from mlproject.pipelines.prequential import Online, arrived, foreseen

USERS, SHOWS, K = 40, 12, 2
POPULAR = np.arange(SHOWS, 0, -1).astype(np.float32)
"""Show 0 leads."""


def interactions(pairs: list[tuple[int, int, float]], shows: int = SHOWS) -> Interactions:
    """Lay out (user, show, rating)."""
    users, columns, ratings = (np.array(part) for part in zip(*sorted(pairs), strict=True))
    ids, rows = np.unique(users, return_inverse=True)
    return Interactions(
        users=IdMap(ids.astype(np.int64)),
        shows=IdMap(np.arange(shows)),
        user_rows=rows.astype(np.int32),
        show_rows=columns.astype(np.int32),
        ratings=ratings.astype(np.float32),
        rated_at=np.full(len(pairs), DATED_FROM, dtype=np.int64),
    )


def columns(pairs: set[tuple[int, int]]) -> RatingColumns:
    """Return ratings of these pairs, sorted."""
    found = RatingColumns.unfilled(len(pairs))
    for place, (user, show) in enumerate(sorted(pairs)):
        found.user_id[place], found.show_id[place] = user, show
    return found


def model(popularity: np.ndarray, scores: np.ndarray | None = None) -> TrainedModel:
    size = len(popularity)
    return TrainedModel(
        shows=IdMap(np.arange(size)),
        model=Popularity(popularity if scores is None else scores),
        popularity=popularity,
        history_weights=history_weights(),
        cards=tuple({"show_id": show} for show in range(size)),
    )


PAIRS = st.sets(st.tuples(st.integers(0, 9), st.integers(0, SHOWS - 1)), max_size=40)


@given(before=PAIRS, more=PAIRS, gone=PAIRS)
def test_new_is_each_pair_that_was_not_there(
    before: set[tuple[int, int]], more: set[tuple[int, int]], gone: set[tuple[int, int]]
) -> None:
    """Whoever has gone, and shows that the catalogue does not know, change nothing."""
    now = (before | more) - gone
    if not now:
        return
    data = interactions([(user, show, 9) for user, show in now])
    found = arrived(data, columns(before | {(3, 99), (70, 1)}))
    told = {
        (int(data.users.ids[user]), int(show))
        for user, show in zip(data.user_rows[found], data.show_rows[found], strict=True)
    }
    assert told == now - before


def everyone(new: dict[int, float], old: dict[int, float]) -> tuple[Interactions, np.ndarray]:
    """Return users who had rated ``old`` and now rate ``new``, and which are new."""
    pairs = [(user, show, rating) for user in range(USERS) for show, rating in (old | new).items()]
    data = interactions(pairs)
    return data, np.isin(data.show_rows, list(new))


def look(
    data: Interactions, new: np.ndarray, served: TrainedModel, measured: TrainedModel
) -> Online:
    found = foreseen(data, new, served, measured, version=7, k=K)
    assert found is not None
    return found


def test_nothing_new_says_nothing() -> None:
    data, new = everyone({1: 9.0}, {2: 9.0})
    assert foreseen(data, new & False, model(POPULAR), model(POPULAR), version=7, k=K) is None


def test_each_model_is_measured_by_what_is_new_without_what_was_seen() -> None:
    """Show 0 was seen, so the popular list is of shows 1 and 2; the other one of 11 and 10."""
    data, new = everyone(new={1: 9.0, 5: 3.0}, old={0: 9.0})
    found = look(data, new, model(POPULAR, -POPULAR), model(POPULAR))
    assert found.precisions == {"": 0.0, "measured": 0.5, "popularity": 0.5}
    assert (found.users, found.ratings) == (USERS, 2 * USERS)
    assert found.metrics()["online_precision_at_2"] == 0
    assert found.metrics()["online_popularity_precision_at_2"] == 0.5


def test_worse_than_popularity_is_an_alarm() -> None:
    data, new = everyone({1: 9.0, 5: 8.0}, {0: 9.0, 4: 8.0})
    (alarm,) = look(data, new, model(POPULAR, -POPULAR), model(POPULAR)).alarms
    assert alarm.startswith("version 7 serves 40 users of the newest ratings worse than")
    assert look(data, new, model(POPULAR), model(POPULAR)).alarms == ()


def test_what_few_users_say_is_no_alarm() -> None:
    data, new = everyone({1: 9.0, 5: 8.0}, {0: 9.0, 4: 8.0})
    few = data.user_rows < 20
    some = replace(
        data,
        user_rows=data.user_rows[few],
        show_rows=data.show_rows[few],
        ratings=data.ratings[few],
        rated_at=data.rated_at[few],
    )
    found = look(some, new[few], model(POPULAR, -POPULAR), model(POPULAR))
    assert found.precisions[""] < found.precisions["popularity"]
    assert found.alarms == ()


def test_unknown_users_and_shows_are_counted() -> None:
    """Shows from 6 on came after production was made; users from 30 on are new."""
    pairs = [(user, 0, 9.0) for user in range(30)]
    pairs += [(user, show, 9.0) for user in range(USERS) for show in (1, 7)]
    data = interactions(pairs)
    known = model(POPULAR[:6])
    found = look(data, data.show_rows > 0, known, known)
    assert found.unknown_users == pytest.approx(0.25)
    assert found.unknown_shows == pytest.approx(0.5)
    assert any("50% of the newest ratings are of shows" in alarm for alarm in found.alarms)


def test_values_of_another_kind_are_an_alarm_even_if_nobody_likes_any() -> None:
    data, new = everyone({1: 2.0}, {0: 9.0, 4: 8.0})
    found = look(data, new, model(POPULAR), model(POPULAR))
    assert (found.users, found.precisions) == (0, {})
    assert found.rating_shift > 1
    assert any("has a scale or a source changed?" in alarm for alarm in found.alarms)
    assert "precision" not in found.sentence
