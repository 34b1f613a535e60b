"""Kinds of catalogue files: an entry each. A new kind is a new entry and a new test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from mlproject.core import columns as c
from mlproject.reading.names import plain, positions

_IDS: Final = (
    "tv_show_id", "series_id", "title_id", "item_id", "media_id", "film_id", "content_id",
    "program_id", "video_id", "product_id", "tconst", "id", "imdb_id", "tmdb_id", "tvdb_id", "uid",
)  # fmt: skip
_TITLES: Final = (
    c.TITLE, "name", "show_title", "movie_title", "series_title", "primary_title", "title_name",
    "show_name", "series_name", "movie_name", "original_title", "original_name", "english_name",
)  # fmt: skip
_OTHERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        c.GENRES: (c.GENRES, "genre", "listed_in", "genre_names", "movie_genres", "categories"),
        c.FIRST_YEAR: (
            c.FIRST_YEAR, "release_year", "start_year", "year", "first_air_date", "release_date",
            "premiered", "aired", "start_date", "air_date", "aired_from",
        ),
        c.SEASONS: (c.SEASONS, "number_of_seasons", "season_count", "num_seasons"),
        c.EPISODES: (
            c.EPISODES, "number_of_episodes", "episode_count", "num_episodes", "total_episodes",
        ),
        c.NETWORK: (c.NETWORK, "networks", "channel", "platform"),
        c.COUNTRY: (c.COUNTRY, "origin_country", "production_countries", "countries"),
        c.TYPE: (c.TYPE, "title_type", "media_type", "show_type", "kind", "format"),
        c.POPULARITY: (c.POPULARITY, "members", "num_votes", "vote_count", "votes", "scored_by"),
        c.MEAN_RATING: (
            c.MEAN_RATING, "score", "vote_average", "average_rating", "imdb_score", "imdb_rating",
            "rating",
        ),
        c.SUMMARY: (c.SUMMARY, "overview", "description", "synopsis", "plot"),
        c.IMAGE: (c.IMAGE, "image_url", "poster_url", "poster", "img_url", "picture"),
    }
)  # fmt: skip
_U_ITEM_GENRES: Final = (
    "", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War",
    "Western",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CatalogueLayout:
    """How a known kind of file spells our columns, and what is to be done with them.

    Parameters
    ----------
    name
        For people.
    ids, titles
        Names of the columns, the best first; blanks, marks and capitals do not matter.
    others
        The same for the columns that may be missing.
    separator, width, places, flags
        Of a kind without a header: what parts its columns, how many there are, which of
        them is which of ours, and the genres that its columns of 0 and 1 stand for, by
        the first of them.
    year_in_title
        Whether titles end in a year: ``Toy Story (1995)``.
    entities
        Whether titles are from web pages: ``Gintama&#039;``.
    kind
        The type of all its shows.
    """

    name: str
    ids: tuple[str, ...] = (c.SHOW_ID,)
    titles: tuple[str, ...] = _TITLES
    others: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _OTHERS)
    separator: str | None = None
    width: int = 0
    places: Mapping[str, int] = field(default_factory=dict)
    flags: tuple[int, tuple[str, ...]] = (0, ())
    year_in_title: bool = False
    entities: bool = False
    kind: str | None = None


LAYOUTS: Final = (
    CatalogueLayout("tvrec and Netflix"),
    CatalogueLayout("MyAnimeList", ids=("anime_id", "mal_id"), entities=True),
    CatalogueLayout("MovieLens", ids=("movie_id",), year_in_title=True, kind="Movie"),
    CatalogueLayout(
        "MovieLens movies.dat",
        separator="::",
        width=3,
        places={c.SHOW_ID: 0, c.TITLE: 1, c.GENRES: 2},
        year_in_title=True,
        kind="Movie",
    ),
    CatalogueLayout(
        "MovieLens u.item",
        separator="|",
        width=24,
        places={c.SHOW_ID: 0, c.TITLE: 1},
        flags=(5, _U_ITEM_GENRES),
        year_in_title=True,
        kind="Movie",
    ),
    CatalogueLayout("IMDb, TMDB and others", ids=_IDS),
)


@dataclass(frozen=True, slots=True)
class Found:
    """A layout, and where in a file our columns are."""

    layout: CatalogueLayout
    places: Mapping[str, int]


_KNOWN: Final = frozenset(
    plain(name)
    for layout in LAYOUTS
    for names in (layout.ids, layout.titles, *layout.others.values())
    for name in names
)


def known(header: Sequence[str]) -> int:
    """Count the names that some kind of catalogue has."""
    return len({plain(name) for name in header} & _KNOWN)


def recognise(header: Sequence[str]) -> Found | None:
    """Return the first layout whose id and title a header has."""
    for layout in LAYOUTS:
        if layout.separator is not None:
            continue
        ids, titles = positions(header, layout.ids), positions(header, layout.titles)
        if ids and titles:
            places = {c.SHOW_ID: ids[0], c.TITLE: titles[0]}
            for ours, names in layout.others.items():
                if found := positions(header, names):
                    places[ours] = found[0]
            return Found(layout, places)
    return None


def headerless(separator: str, width: int) -> Found | None:
    """Return the layout of files without a header that are parted so."""
    for layout in LAYOUTS:
        if layout.separator == separator and layout.width == width:
            return Found(layout, layout.places)
    return None


def wanted() -> str:
    """Say which columns a file must have."""
    ids = [layout.ids[0] for layout in LAYOUTS if layout.separator is None]
    return (
        f"an id ({', '.join(dict.fromkeys((*ids, 'tconst', 'id')))}) and a title "
        f"({', '.join(_TITLES[:2])}, primary_title)"
    )
