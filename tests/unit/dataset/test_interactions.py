"""Of everything that was sent, the latest rating of each user and show is left."""

import itertools
from typing import NamedTuple

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproject.core import columns as c
from mlproject.core.catalogue import Catalogue
from mlproject.core.interactions import Interactions
from mlproject.core.ratings import RatingFrame
from mlproject.dataset.interactions import MergeReport, merge

SHOWS = (10, 20, 30)
UNKNOWN_SHOW = 99

Ratings = dict[tuple[int, int], float | None]


class Event(NamedTuple):
    """A rating event; its time is in milliseconds."""

    name: str
    user: int
    show: int
    rating: int | None
    at: int


events = st.builds(
    Event,
    name=st.sampled_from("abcdefghijkl"),
    user=st.sampled_from([1, 2, 2**60]),
    show=st.sampled_from([*SHOWS, UNKNOWN_SHOW]),
    rating=st.none() | st.integers(1, 10),
    at=st.integers(0, 3),
)


def shows(ids: tuple[int, ...] = SHOWS) -> Catalogue:
    raw = pd.DataFrame({c.SHOW_ID: ids, c.TITLE: [f"Show {show}" for show in ids]})
    return Catalogue.validated(raw)[0]


def frame(stream: list[Event]) -> RatingFrame:
    names = [c.EVENT_ID, c.USER_ID, c.SHOW_ID, c.RATING, c.RATED_AT]
    raw = pd.DataFrame(stream, columns=names).assign(**{c.SOURCE: "SIMULATED"})
    # Without events, or without a rating in them, the columns would be of objects.
    good, rejected = RatingFrame.validated(raw.astype({c.RATED_AT: "int64", c.RATING: "Int8"}))
    assert rejected.empty
    return good


def merged(stream: list[Event]) -> tuple[Interactions, MergeReport]:
    return merge(frame(stream), shows())


def ratings(interactions: Interactions) -> Ratings:
    """The interactions as a dictionary, their promised order checked."""
    users = interactions.users.ids[interactions.user_rows].tolist()
    ids = interactions.shows.ids[interactions.show_rows].tolist()
    values = [None if np.isnan(one) else one for one in interactions.ratings.tolist()]
    pairs = list(zip(users, ids, strict=True))
    assert pairs == sorted(set(pairs))
    return dict(zip(pairs, values, strict=True))


def naive(stream: list[Event]) -> tuple[Ratings, MergeReport]:
    names: set[str] = set()
    latest: dict[tuple[int, int], Event] = {}
    repeats = unknown = replaced = 0
    for event in stream:
        if event.name in names:
            repeats += 1
            continue
        names.add(event.name)
        if event.show not in SHOWS:
            unknown += 1
            continue
        pair = event.user, event.show
        replaced += pair in latest
        if pair not in latest or event.at >= latest[pair].at:
            latest[pair] = event
    report = MergeReport(len(stream), repeats, unknown, replaced)
    return {pair: event.rating for pair, event in latest.items()}, report


@settings(deadline=None)
@given(st.lists(events, max_size=15))
def test_merging_is_what_a_loop_over_the_events_does(stream: list[Event]) -> None:
    interactions, report = merged(stream)
    assert (ratings(interactions), report) == naive(stream)
    assert interactions.users.ids.tolist() == sorted({user for user, _ in ratings(interactions)})


@settings(deadline=None, max_examples=60)
@given(st.data(), st.lists(events, min_size=1, max_size=8))
def test_order_and_repetition_do_not_matter(data: st.DataObject, drawn: list[Event]) -> None:
    """As long as no two events have the same time."""
    stream = [event._replace(name=f"event {place}", at=place) for place, event in enumerate(drawn)]
    repeats = data.draw(st.lists(st.sampled_from(stream), max_size=8))
    again = data.draw(st.permutations(stream + repeats))
    assert ratings(merged(again)[0]) == ratings(merged(stream)[0])


def test_the_latest_by_time_wins_wherever_it_stands() -> None:
    old, new = Event("a", 1, 10, 2, at=1), Event("b", 1, 10, 9, at=2)
    for stream in itertools.permutations([old, new]):
        assert ratings(merged(list(stream))[0]) == {(1, 10): 9}


def test_of_the_same_time_the_later_by_position_wins() -> None:
    stream = [Event("a", 1, 10, 2, at=1), Event("b", 1, 10, 9, at=1), Event("c", 1, 10, 5, at=1)]
    assert ratings(merged(stream)[0]) == {(1, 10): 5}


def test_a_later_unrated_event_replaces_a_rating() -> None:
    stream = [Event("a", 1, 10, 2, at=1), Event("b", 1, 10, None, at=2)]
    assert ratings(merged(stream)[0]) == {(1, 10): None}


def test_of_a_repeated_event_the_first_counts() -> None:
    stream = [Event("a", 1, 10, 2, at=1), Event("a", 1, 10, 9, at=2)]
    interactions, report = merged(stream)
    assert ratings(interactions) == {(1, 10): 2}
    assert report == MergeReport(events=2, repeats=1, unknown_show=0, replaced=0)


def test_ratings_of_an_unknown_show_count_once_it_is_known() -> None:
    stream = [Event("a", 1, UNKNOWN_SHOW, 9, at=1), Event("b", 2, 10, 8, at=1)]
    before, report = merged(stream)
    assert (ratings(before), report.unknown_show) == ({(2, 10): 8}, 1)
    after, report = merge(frame(stream), shows((*SHOWS, UNKNOWN_SHOW)))
    assert (ratings(after), report.unknown_show) == ({(1, UNKNOWN_SHOW): 9, (2, 10): 8}, 0)


def test_every_show_has_a_row_rated_or_not() -> None:
    interactions, _ = merged([Event("a", 1, 20, 9, at=1)])
    assert interactions.shows.ids.tolist() == list(SHOWS)
    assert interactions.shape == (1, len(SHOWS))


def test_no_events_are_no_interactions() -> None:
    interactions, report = merge(RatingFrame.empty(), shows())
    assert ratings(interactions) == {}
    assert interactions.shape == (0, len(SHOWS))
    assert report == MergeReport(events=0, repeats=0, unknown_show=0, replaced=0)
