"""The catalogues that people have are recognised, each by its entry."""

from pathlib import Path

import pandas as pd
import pytest

from mlproject.core import columns as c
from mlproject.core.errors import CatalogueError
from mlproject.reading.catalogues import CatalogueFile, read_catalogue_file
from mlproject.reading.rejections import MOST_REJECTED
from tests.unit.reading.conftest import Write

SHOWN = [c.SHOW_ID, c.TITLE, c.GENRES, c.FIRST_YEAR, c.TYPE]
U_ITEM = "1|Toy Story (1995)|01-Jan-1995||http://x|0|0|0|1|1|1" + "|0" * 13

KINDS: dict[str, tuple[str, list[list[object]]]] = {
    "ours": ("show_id,title,genres\n1,A,Drama\n", [[1, "A", "Drama", None, ""]]),
    "ours by semicolons": ("show_id;title;genres\n1;A;Drama\n", [[1, "A", "Drama", None, ""]]),
    "blanks in the header": (
        "show_id, title, genres\n1, A, Drama\n",
        [[1, "A", "Drama", None, ""]],
    ),
    "JSON lines": (
        '{"show_id": 1, "title": "A", "genres": ["Drama", {"name": "Crime"}]}\n',
        [[1, "A", "Drama|Crime", None, ""]],
    ),
    "MyAnimeList 2016": (
        ("anime_id,name,genre,type,episodes,rating,members\n"
        '9,Gintama&#039;,"Action, Comedy",TV,51,9.16,10\n'),
        [[9, "Gintama'", "Action|Comedy", None, "TV"]],
    ),
    "MyAnimeList 2018": (
        ("anime_id,title,title_english,type,source,episodes,score,genre\n"
        '11013,Inu x Boku SS,Secret Service,TV,Manga,12,7.63,"Comedy, Romance"\n'),
        [[11013, "Inu x Boku SS", "Comedy|Romance", None, "TV"]],
    ),
    "MyAnimeList 2020": (
        ("MAL_ID,Name,Score,Genres,English name,Type,Episodes,Aired\n"
        '1,Cowboy Bebop,8.78,"Action, Sci-Fi",x,TV,26,"Apr 3, 1998 to Apr 24, 1999"\n'),
        [[1, "Cowboy Bebop", "Action|Sci-Fi", 1998, "TV"]],
    ),
    "MyAnimeList 2023": (
        ("anime_id,Name,English name,Other name,Score,Genres,Synopsis,Type,Episodes,Members\n"
        '1,Cowboy Bebop,x,x,UNKNOWN,"Action, Award Winning","a\nb",TV,26.0,1771505\n'),
        [[1, "Cowboy Bebop", "Action|Award Winning", None, "TV"]],
    ),
    "MovieLens movies.csv": (
        'movieId,title,genres\n1,"Toy, A (1995)",Drama|IMAX\n2,B,(no genres listed)\n',
        [[1, "Toy, A", "Drama|IMAX", 1995, "Movie"], [2, "B", "", None, "Movie"]],
    ),
    "MovieLens movies.dat": (
        '0000008::Record of a "Sneeze" (1894)::Documentary|Short\n',
        [[8, 'Record of a "Sneeze"', "Documentary|Short", 1894, "Movie"]],
    ),
    "MovieLens u.item": (
        f"{U_ITEM}\n2|Misérables, Les (1995)|01-Jan-1995||http://x|1{'|0' * 18}\n",
        [
            [1, "Toy Story", "Animation|Children's|Comedy", 1995, "Movie"],
            [2, "Misérables, Les", "", 1995, "Movie"],
        ],
    ),
    "Netflix": (
        ("show_id,type,title,director,release_year,rating,listed_in\n"
        's2,TV Show,Blood & Water,,2021,TV-MA,"International TV Shows, TV Dramas"\n'),
        [[2, "Blood & Water", "International TV Shows|TV Dramas", 2021, "TV Show"]],
    ),
    "IMDb title.basics": (
        ("tconst\ttitleType\tprimaryTitle\toriginalTitle\tstartYear\tgenres\n"
        'tt0903747\ttvSeries\t"Rome\tx\t2008\tCrime,Drama\n'
        "tt0306414\ttvSeries\tThe Wire\tx\t\\N\t\\N\n"),
        [
            [306414, "The Wire", "", None, "tvSeries"],
            [903747, '"Rome', "Crime|Drama", 2008, "tvSeries"],
        ],
    ),
    "TMDB TV": (
        ("id,name,number_of_seasons,vote_average,first_air_date,type,genres,networks\n"
        "1399,Game of Thrones,8,8.4,2011-04-17,Scripted,"
        "\"[{'id': 18, 'name': 'Drama'}]\",\"[{'name': 'HBO'}]\"\n"),
        [[1399, "Game of Thrones", "Drama", 2011, "Scripted"]],
    ),
}  # fmt: skip


def read(path: Path) -> CatalogueFile:
    return read_catalogue_file(path, MOST_REJECTED)


def shown(frame: pd.DataFrame) -> list[list[object]]:
    objects = frame[SHOWN].astype("object")
    found: list[list[object]] = objects.where(objects.notna(), None).to_numpy().tolist()
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_catalogue_is_read(write: Write, kind: str) -> None:
    content, expected = KINDS[kind]
    found = read(write(content))
    assert shown(found.catalogue.frame) == expected
    assert not len(found.rejected)


@pytest.mark.parametrize("kind", ["MovieLens u.item", "ours"])
def test_it_may_be_in_latin_1(write: Write, kind: str) -> None:
    content, expected = KINDS[kind]
    content = content.replace("A,Drama", "Käse,Drama")
    found = read(write(content.encode("latin-1")))
    assert found.catalogue.frame[c.TITLE].iloc[-1] in {expected[-1][1], "Käse"}


def test_numbers_and_networks_are_read(write: Write) -> None:
    frame = read(write(KINDS["TMDB TV"][0])).catalogue.frame
    assert frame[[c.SEASONS, c.MEAN_RATING, c.NETWORK]].iloc[0].tolist() == [8, 8.4, "HBO"]


def test_ids_are_exact_beside_a_blank_one(write: Write) -> None:
    ids = (2**53 + 1, 2**53 + 3)
    found = read(write(f"show_id,title\n{ids[0]},A\n{ids[1]},B\n,C\n"))
    assert found.catalogue.frame[c.SHOW_ID].tolist() == list(ids)
    assert found.rejected[c.REASON].tolist() == ["there is no show_id"]
    assert "(line 4: ,C)" in found.said


def test_an_unknown_kind_is_refused_with_what_was_found_and_what_is_wanted(write: Write) -> None:
    with pytest.raises(CatalogueError) as caught:
        read(write("key,label\n1,A\n"))
    assert "has the columns key, label; wanted are an id (show_id, anime_id, movie_id" in str(
        caught.value
    )
    assert "and a title (title, name, primary_title)" in str(caught.value)
