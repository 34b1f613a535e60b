"""Small files of users that were misread once, beside the project; each with what is right.

The tests of ``mlproject.reading`` have inputs of their own for each of them; this reads the
files themselves where they are.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from mlproject.core import columns as c
from mlproject.core.errors import CatalogueError, RatingsFileError
from mlproject.reading.catalogues import CatalogueFile, read_catalogue_file
from mlproject.reading.ratings import RatingsFile, read_ratings
from mlproject.reading.rejections import MOST_REJECTED

CASES = Path(__file__).parents[3] / "shared" / "cases"

pytestmark = pytest.mark.skipif(not CASES.exists(), reason="the cases are not beside the project")


def read_shows(path: Path) -> CatalogueFile:
    return read_catalogue_file(path, MOST_REJECTED)


def read(name: str) -> RatingsFile:
    return read_ratings(CASES / name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bool/ratings.csv", "--scale 0-1"),
        ("float-ids/excel.csv", "Excel"),
        ("header-messages/headerless.csv", "has no header"),
        ("header-messages/spaces.data", "has no header"),
        ("catalogue-messages/netflix_titles.csv", "has the columns show_id, type, title"),
    ],
)
def test_what_cannot_be_read_is_refused(name: str, reason: str) -> None:
    with pytest.raises(RatingsFileError, match=reason):
        read(name)


@pytest.mark.parametrize(
    ("name", "ratings"),
    [
        ("movielens-header-1to10/ratings.csv", [9, 3, 10, 4, 5, 8]),
        ("movietweetings-scale/ratings.dat", [10, 10, 8, 8, 7, 2, 1, 3, 5]),
        ("time-units/mix.csv", [8, 4, 4, 10]),
        ("header-messages/semi.csv", [5]),
        ("header-messages/sep.csv", [5]),
        ("header-messages/utf16.csv", [5]),
        ("header-messages/space_header.csv", [9]),
        ("header-messages/plain.csv", [9]),
    ],
)
def test_ratings_are_what_they_were(name: str, ratings: list[int]) -> None:
    file = read(name)
    assert file.rows[c.RATING].tolist() == ratings
    assert not len(file.rejected)


@pytest.mark.parametrize("name", ["float-ids/steam.csv", "float-ids/bignull.jsonl"])
def test_ids_are_exact(name: str) -> None:
    file = read(name)
    users = set(file.rows[c.USER_ID])
    assert users <= {76561197970982479, 76561197970982480, 76561197970982481}
    assert len(users) == len(file.rows)
    assert file.rejected[c.REASON].tolist() == ["there is no user_id"]


def test_a_scale_of_a_hundred_or_five_is_a_scale_of_ten() -> None:
    """The same ratings, written on three scales."""
    ten = read("growing-file/day1.csv").rows
    hundred, stars = (
        read("scale-0-100/w_100.csv").rows,
        read("own-five-stars/ratings-half.csv").rows,
    )
    assert hundred[c.RATING].tolist() == stars[c.RATING].tolist() == ten[c.RATING].tolist()


@pytest.mark.parametrize(
    "name", ["time-units/us.csv", "time-units/mix.csv", "time-units/train.csv"]
)
def test_times_are_of_2020(name: str) -> None:
    assert read(name).rows[c.RATED_AT].dt.year.min() == 2020


def test_the_later_row_is_the_later_rating() -> None:
    rows = read("untimed-duplicates/untimed_dup.csv").rows.sort_values(c.RATED_AT)
    assert set(rows.groupby([c.USER_ID, c.SHOW_ID])[c.RATING].last()) == {9}


@pytest.mark.parametrize(
    "path", sorted((CASES / "catalogue-messages").glob("*.*")), ids=lambda p: p.name
)
def test_a_catalogue_is_read_whole(path: Path) -> None:
    file = read_catalogue_file(path, MOST_REJECTED)
    assert len(file.catalogue)
    assert not len(file.rejected)


def test_genres_are_split() -> None:
    frame = read_catalogue_file(CASES / "genres/own_genres.csv", MOST_REJECTED).catalogue.frame
    assert frame[c.GENRES].tolist() == ["Drama|Comedy"] * 7 + ["Drama"] + [""] * 3


@pytest.mark.parametrize("read_any", [read_ratings, read_shows], ids=["ratings", "shows"])
def test_every_file_is_read_or_refused_with_its_name(read_any: Callable[[Path], object]) -> None:
    for path in sorted(CASES.rglob("*.*")):
        error = None
        try:
            read_any(path)
        except (RatingsFileError, CatalogueError) as refused:
            error = str(refused)
        assert error is None or str(path) in error
