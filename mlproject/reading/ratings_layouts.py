"""Kinds of ratings files: an entry each. A new kind is a new entry and a new test."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mlproject.core import columns as c
from mlproject.reading.names import plain, positions

_USERS: Final = (
    "user", "uid", "reviewer_id", "customer_id", "member_id", "account_id", "profile_id",
    "viewer_id", "rater_id", "subscriber_id", "person_id", "client_id", "username", "user_name",
)  # fmt: skip
_SHOWS: Final = (
    "show", "item_id", "item", "series_id", "tv_show_id", "tv_id", "title_id", "media_id",
    "film_id", "content_id", "program_id", "programme_id", "video_id", "product_id", "asin",
    "parent_asin", "tconst", "imdb_id", "tmdb_id", "tvdb_id", "game_id", "book_id", "isbn", "anime",
    "movie", "series", "iid", "sid",
)  # fmt: skip
_RATINGS: Final = (
    "user_rating", "user_score", "my_score", "my_rating", "rating_value", "rating_score", "ratings",
    "score", "stars", "star_rating", "star", "overall", "grade", "points", "vote", "mark", "rate",
    "preference",
)  # fmt: skip
THUMBS: Final = (
    "liked", "like", "is_liked", "is_like", "thumb", "thumbs", "thumbs_up", "thumb_up", "likes",
)  # fmt: skip
"""Names of columns that hold thumbs: 0 and 1, or false and true."""
_TIMES: Final = (
    c.RATED_AT, "rating_date", "rating_time", "rating_timestamp", "rated_on", "timestamp",
    "time_stamp", "time_stamp_ms", "timestamp_ms", "timestamp_s", "ts", "unix_review_time",
    "unix_time", "epoch", "datetime", "date_time", "event_time", "review_date", "review_time",
    "watched_at", "watch_date", "date_rated", "date", "time", "updated_at", "last_updated",
    "my_last_updated", "modified_at", "created_at", "created", "added_at", "submitted_at",
    "date_added", "date_created", "date_updated",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RatingsLayout:
    """How a known kind of file spells our columns, and what its ratings mean.

    Parameters
    ----------
    name
        For people.
    users, shows, ratings, times
        Names of the columns, the best first; blanks, marks and capitals do not matter.
    separator
        Of a kind without a header: its columns are then user, show, rating, time.
    stars
        Whether such files are five stars as a rule. The ratings decide all the same.
    unrated
        Ratings that mean that a show was watched and not rated.
    """

    name: str
    users: tuple[str, ...] = (c.USER_ID,)
    shows: tuple[str, ...] = (c.SHOW_ID,)
    ratings: tuple[str, ...] = (c.RATING, *_RATINGS, *THUMBS)
    times: tuple[str, ...] = _TIMES
    separator: str | None = None
    stars: bool = False
    unrated: tuple[float, ...] = ()


OWN: Final = "tvrec"
LAYOUTS: Final = (
    RatingsLayout(OWN),
    RatingsLayout(
        "MyAnimeList",
        users=(c.USER_ID, *_USERS),
        shows=("anime_id", "animelist_id", "mal_id"),
        unrated=(-1, 0),
    ),
    RatingsLayout("MovieLens", users=(c.USER_ID, *_USERS), shows=("movie_id",), stars=True),
    RatingsLayout("MovieLens ratings.dat", separator="::", stars=True),
    RatingsLayout("MovieLens u.data", separator="\t", stars=True),
    RatingsLayout("other", users=(c.USER_ID, *_USERS), shows=(c.SHOW_ID, *_SHOWS)),
)
HEADERLESS_WIDTH: Final = 4


@dataclass(frozen=True, slots=True)
class Found:
    """A layout, and where in a file its columns are; ``times`` in the order to try them."""

    layout: RatingsLayout
    user: int
    show: int
    rating: int
    times: tuple[int, ...]

    @property
    def all(self) -> tuple[int, ...]:
        """Every column that is to be read, once."""
        return tuple(dict.fromkeys((self.user, self.show, self.rating, *self.times)))


_KNOWN: Final = frozenset(
    plain(name)
    for layout in LAYOUTS
    for name in (*layout.users, *layout.shows, *layout.ratings, *layout.times)
)


def known(header: Sequence[str]) -> int:
    """Count the names that some kind of ratings file has."""
    return len({plain(name) for name in header} & _KNOWN)


def recognise(header: Sequence[str]) -> Found | None:
    """Return the first layout whose user, show and rating a header has."""
    for layout in LAYOUTS:
        if layout.separator is not None:
            continue
        users, shows = positions(header, layout.users), positions(header, layout.shows)
        if users and shows and (ratings := positions(header, layout.ratings)):
            times = tuple(positions(header, layout.times))
            return Found(layout, users[0], shows[0], ratings[0], times)
    return None


def headerless(separator: str) -> Found | None:
    """Return the layout of files without a header that are separated so."""
    for layout in LAYOUTS:
        if layout.separator == separator:
            return Found(layout, 0, 1, 2, (3,))
    return None


def wanted() -> str:
    """Say which columns a file must have."""
    shows = [layout.shows[0] for layout in LAYOUTS if layout.separator is None]
    return (
        f"a user ({c.USER_ID}), a show ({', '.join(dict.fromkeys((*shows, 'item_id')))}) and a "
        f"rating ({c.RATING}, score, stars)"
    )
