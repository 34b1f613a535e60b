"""The simulated stream is a function of its seed, and has the structure of real ratings."""

from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest

from mlproject.catalogue.files import bundled
from mlproject.core import columns as c
from mlproject.core.catalogue import GENRE_SEPARATOR, Catalogue
from mlproject.core.ports import RatingSource
from mlproject.core.ratings import RatingFrame
from mlproject.events.simulator import (
    EVENTS_PER_NEW_USER,
    HISTORY_DAYS,
    PERIODS,
    Simulator,
    World,
)

USERS, RATINGS = 300, 9000
NOW = datetime(2025, 1, 1, tzinfo=UTC)
RATED = [c.USER_ID, c.SHOW_ID, c.RATING]


@cache
def shows() -> Catalogue:
    return bundled().read()


def simulator(
    *, users: int = USERS, ratings: int = RATINGS, seed: int = 7, now: datetime = NOW
) -> Simulator:
    return Simulator(shows(), users=users, ratings=ratings, seed=seed, now=lambda: now)


@cache
def history() -> pd.DataFrame:
    """Not to be changed: every test reads the same."""
    return simulator().read(0, RATINGS).frame


@cache
def rated_genres() -> pd.DataFrame:
    """The history's numbers, a row for each genre of the show."""
    frame = history().dropna(subset=[c.RATING]).merge(shows().frame[[c.SHOW_ID, c.GENRES]])
    genres = frame[c.GENRES].str.split(GENRE_SEPARATOR)
    return frame.assign(**{c.GENRES: genres, c.RATING: frame[c.RATING].astype(float)})


def test_the_same_seed_is_the_same_stream() -> None:
    pd.testing.assert_frame_equal(simulator().read(0, RATINGS).frame, history())
    live, again = (simulator().read(RATINGS, 300).frame for _ in range(2))
    pd.testing.assert_frame_equal(live, again)


def test_another_day_changes_the_dates_alone() -> None:
    later = simulator(now=NOW + timedelta(days=3)).read(0, RATINGS).frame
    pd.testing.assert_frame_equal(later[RATED], history()[RATED])
    assert set(later[c.RATED_AT] - history()[c.RATED_AT]) == {pd.Timedelta(days=3)}


def test_another_seed_is_another_history() -> None:
    other = simulator(seed=8).read(0, RATINGS).frame
    assert (other[c.USER_ID] == history()[c.USER_ID]).mean() < 0.1


@pytest.mark.parametrize("chunk", [613, RATINGS - 1])
def test_chunks_join_to_the_whole(chunk: int) -> None:
    source: RatingSource = simulator()
    parts = [source.read(at, chunk) for at in range(0, RATINGS, chunk)]
    pd.testing.assert_frame_equal(RatingFrame.concat(parts).frame, history())


def test_a_live_event_does_not_depend_on_what_was_read_before() -> None:
    wanted = simulator().read(RATINGS + 50, 20).frame
    chunked = simulator()
    for at, limit in ((0, 100), (RATINGS - 1, 5), (RATINGS, 50), (RATINGS + 7, 3)):
        chunked.read(at, limit)
    pd.testing.assert_frame_equal(chunked.read(RATINGS + 50, 20).frame, wanted)
    ones = [simulator().read(RATINGS + 50 + place, 1) for place in range(3)]
    pd.testing.assert_frame_equal(RatingFrame.concat(ones).frame, wanted[:3])


def test_a_read_ends_with_the_history_and_goes_on_live() -> None:
    source = simulator()
    assert len(source.read(RATINGS - 3, 10)) == 3
    assert len(source.read(RATINGS, 10)) == 10


@pytest.mark.parametrize(
    ("users", "ratings"), [(1, 1), (300, 9000), (300, 9001), (500, 100), (3, 600), (10, 0)]
)
def test_the_backlog_has_the_wanted_size(users: int, ratings: int) -> None:
    source = simulator(users=users, ratings=ratings)
    assert source.backlog == ratings
    assert len(source.read(0, ratings + 1) if ratings else ()) == ratings


def test_nobody_rates_more_than_half_of_the_catalogue() -> None:
    source = simulator(users=3, ratings=10_000)
    assert source.backlog == 3 * (len(shows()) // 2)
    assert source.read(0, 10_000).frame[c.USER_ID].value_counts().tolist() == [250] * 3


def test_in_the_history_nobody_rates_a_show_twice() -> None:
    assert not history().duplicated([c.USER_ID, c.SHOW_ID]).any()


def test_the_history_is_in_order_and_in_the_past() -> None:
    times = history()[c.RATED_AT]
    assert times.is_monotonic_increasing
    assert times.min() >= pd.Timestamp(NOW) - pd.Timedelta(days=HISTORY_DAYS)
    assert times.max() <= pd.Timestamp(NOW)
    assert times.max() - times.min() > pd.Timedelta(days=0.95 * HISTORY_DAYS)


def test_a_cut_by_time_has_nearly_everyone_on_both_sides() -> None:
    """So that it tells how taste goes on, not who has come or gone."""
    frame = history()
    late = frame[c.RATED_AT] >= frame[c.RATED_AT].quantile(0.8)
    by_user = late.groupby(frame[c.USER_ID]).mean()
    active = frame[c.USER_ID].value_counts() >= 10
    assert by_user[active].between(0.01, 0.5).mean() > 0.95


def test_people_rate_in_the_evening() -> None:
    hours = history()[c.RATED_AT].dt.hour
    assert hours.between(18, 21).mean() > 2 * hours.between(2, 5).mean() > 0


def test_a_late_show_is_not_rated_before_it_comes_out() -> None:
    """But then it is."""
    since = pd.Series(World.of(shows(), seed=7).since, index=shows().frame[c.SHOW_ID])
    late = since[since.between(1, PERIODS - 1)]
    length = pd.Timedelta(days=HISTORY_DAYS / PERIODS)
    period = (history()[c.RATED_AT] - pd.Timestamp(NOW)) // length + PERIODS
    out = history()[c.SHOW_ID].map(since)
    assert set(period) == set(range(PERIODS))
    assert (period >= out).all()
    assert late.index.isin(history()[c.SHOW_ID]).mean() > 0.8


def test_live_events_are_of_now() -> None:
    assert set(simulator().read(RATINGS, 50).frame[c.RATED_AT]) == {pd.Timestamp(NOW)}


def test_every_row_is_a_good_rating_of_a_known_show() -> None:
    stream = pd.concat([history(), simulator().read(RATINGS, 500).frame], ignore_index=True)
    good, rejected = RatingFrame.validated(stream)
    assert rejected.empty
    pd.testing.assert_frame_equal(good.frame, stream)
    assert set(stream[c.SHOW_ID]) <= set(shows().frame[c.SHOW_ID])
    assert stream[c.EVENT_ID].is_unique
    assert set(stream[c.SOURCE]) == {"SIMULATED"}


def test_some_ratings_are_missing_and_the_rest_use_the_scale() -> None:
    ratings = history()[c.RATING]
    assert 0.09 < ratings.isna().mean() < 0.15
    assert set(range(3, 11)) <= set(ratings.dropna())
    assert 6.5 < ratings.mean() < 8.5


def test_every_user_of_the_history_is_there() -> None:
    assert set(history()[c.USER_ID]) == set(range(USERS))


def test_new_users_appear() -> None:
    """About as many as promised, none before its time."""
    live = simulator().read(RATINGS, 3000).frame[c.USER_ID].to_numpy()
    there = USERS + np.arange(len(live)) // EVENTS_PER_NEW_USER
    assert (live >= 0).all()
    assert (live <= there).all()
    newcomers = set(live[live >= USERS].tolist())
    assert len(newcomers) >= 0.8 * len(live) / EVENTS_PER_NEW_USER


def test_a_few_users_rate_much() -> None:
    counts = history()[c.USER_ID].value_counts()
    assert counts[: USERS // 10].sum() > 0.25 * RATINGS
    assert counts.median() < counts.mean()


def test_a_few_shows_are_rated_much() -> None:
    counts = history()[c.SHOW_ID].value_counts()
    assert counts[: len(shows()) // 10].sum() > 0.2 * RATINGS
    known = shows().frame.set_index(c.SHOW_ID)[c.POPULARITY]
    rated = counts.reindex(known.index, fill_value=0)
    assert known.corr(rated, method="spearman") > 0.5


def test_users_rate_the_genre_higher_that_they_pick_most() -> None:
    """Most against all users' picks, since half of all shows are dramas."""
    exploded = rated_genres().explode(c.GENRES)
    picked = pd.crosstab(exploded[c.USER_ID], exploded[c.GENRES])
    expected = np.outer(picked.sum(axis=1), picked.sum() / picked.to_numpy().sum())
    top = ((picked - expected) / np.sqrt(expected)).idxmax(axis=1)
    of_top = exploded[exploded[c.GENRES] == exploded[c.USER_ID].map(top)]
    by_user = rated_genres().groupby(c.USER_ID)[c.RATING].mean()
    lift = of_top.groupby(c.USER_ID)[c.RATING].mean() - by_user
    assert lift.mean() > 0.1
    assert (lift > 0).mean() > 0.55


def test_without_genres_years_and_popularity_there_are_ratings_still() -> None:
    bare, _ = Catalogue.validated(
        pd.DataFrame({c.SHOW_ID: [1, 2, 3, 4], c.TITLE: ["a", "b", "c", "d"]})
    )
    source = Simulator(bare, users=5, ratings=10, seed=1, now=lambda: NOW)
    frame = source.read(0, 10).frame
    assert len(frame) == 10
    assert len(source.read(10, 5)) == 5
