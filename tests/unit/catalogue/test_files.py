"""Each kind of catalogue file gives the same kind of catalogue, or a CatalogueError."""

import gzip
import html
import io
import logging
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproject.catalogue.files import FileCatalogue, bundled
from mlproject.core import columns as c
from mlproject.core.catalogue import GENRE_SEPARATOR
from mlproject.core.errors import CatalogueError
from mlproject.core.ports import CatalogueSource
from tests.logged import messages

Write = Callable[..., Path]

OWN = "show_id,title\n"
ANIME = "anime_id,name,genre,type,episodes,rating,members\n"
MOVIELENS = "movieId,title,genres\n"
REAL = Path(__file__).parents[4] / "shared" / "data" / "anime" / "anime.csv.gz"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes, name: str = "shows.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def read(path: Path) -> pd.DataFrame:
    source: CatalogueSource = FileCatalogue(path)
    return source.read().frame


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, f"{OWN}1,a\n")
    return buffer.getvalue()


def test_the_bundled_catalogue_has_no_bad_row(caplog: pytest.LogCaptureFixture) -> None:
    # It has no votes, summaries or posters.
    frame = bundled().read().frame.drop(columns=[c.MEAN_RATING, c.SUMMARY, c.IMAGE])
    assert len(frame) >= 400
    assert len(frame) == len(pd.read_csv(bundled().path))
    assert not messages(caplog)
    assert not frame.isna().any(axis=None)
    assert (frame != "").all(axis=None)


def test_the_bundled_catalogue_has_each_title_once() -> None:
    titles = bundled().read().frame[c.TITLE].str.casefold()
    assert titles[titles.duplicated(keep=False)].tolist() == []


def test_the_bundled_catalogue_spells_each_genre_one_way() -> None:
    """No genre of a single show, none by two names, none twice in a show."""
    genres = bundled().read().frame[c.GENRES].str.split(GENRE_SEPARATOR)
    assert (genres.map(set).map(len) == genres.map(len)).all()
    counts = genres.explode().value_counts()
    assert counts.min() >= 5
    assert 15 <= len(counts) <= 40
    assert counts.index.str.fullmatch(r"[A-Z][a-z]+(-[A-Z][a-z]+)?").all()
    assert counts.index.str.replace("-", "").str.casefold().is_unique


def test_the_bundled_catalogue_is_plausible() -> None:
    frame = bundled().read().frame
    assert frame[c.FIRST_YEAR].between(1940, 2026).all()
    assert (frame[c.SEASONS] <= frame[c.EPISODES]).all()
    assert frame[c.SEASONS].between(1, 60).all()
    assert frame[c.COUNTRY].str.fullmatch("[A-Z]{2}").all()
    assert frame[c.POPULARITY].between(0, 100).all()


def test_our_own_columns_are_read_as_they_are(write: Write) -> None:
    content = "show_id,title,genres,first_year,popularity\n2,b,Crime|Drama,2008,9.5\n1,a,,,\n"
    for path in (write(content), write(gzip.compress(content.encode()), "shows.csv.gz")):
        frame = read(path)
        columns = [c.SHOW_ID, c.TITLE, c.GENRES]
        assert frame[columns].to_numpy().tolist() == [[1, "a", ""], [2, "b", "Crime|Drama"]]
        assert frame[[c.FIRST_YEAR, c.POPULARITY]].iloc[1].tolist() == [2008, 9.5]
        assert frame[[c.FIRST_YEAR, c.POPULARITY]].iloc[0].isna().all()


def test_the_anime_set_is_recognised(write: Write) -> None:
    path = write(
        f'{ANIME}28977,Gintama&#039;,"Action, Comedy, Sci-Fi",TV,51,9.16,114262\n'
        "1,Tom &amp; Jerry,,,Unknown,,10\n"
    )
    frame = read(path)
    assert frame[c.TITLE].tolist() == ["Tom & Jerry", "Gintama'"]
    assert frame[c.GENRES].tolist() == ["", "Action|Comedy|Sci-Fi"]
    assert frame[c.TYPE].tolist() == ["", "TV"]
    assert frame[c.EPISODES].isna().tolist() == [True, False]
    assert frame[c.EPISODES][1] == 51
    assert frame[c.POPULARITY].tolist() == [10, 114262]


def test_movielens_is_recognised(write: Write) -> None:
    path = write(
        f"{MOVIELENS}1,Toy Story (1995),Adventure|Animation\n"
        '2,"American President, The (1995) ",Drama\n'
        "3,Babylon 5,(no genres listed)\n"
        "4,2001 (Two (1968) Parts) (1969),Drama\n"
    )
    frame = read(path)
    assert frame[c.TITLE].tolist() == [
        "Toy Story",
        "American President, The",
        "Babylon 5",
        "2001 (Two (1968) Parts)",
    ]
    assert frame[c.FIRST_YEAR].fillna(0).tolist() == [1995, 1995, 0, 1969]
    assert frame[c.GENRES].tolist() == ["Adventure|Animation", "Drama", "", "Drama"]
    assert set(frame[c.TYPE]) == {"Movie"}


def test_json_lines_are_read(write: Write) -> None:
    """Genres may be a list or a text."""
    content = (
        '{"show_id": 2, "title": "b", "genres": ["Crime", "Drama"], "first_year": 2008}\n'
        '{"show_id": 1, "title": "a", "genres": "Comedy|Drama"}\n'
        '{"show_id": 3, "title": "c"}\n'
    )
    for path in (write(content, "a.jsonl"), write(gzip.compress(content.encode()), "a.jsonl.gz")):
        frame = read(path)
        assert frame[c.TITLE].tolist() == ["a", "b", "c"]
        assert frame[c.GENRES].tolist() == ["Comedy|Drama", "Crime|Drama", ""]
        assert frame[c.FIRST_YEAR].fillna(0).tolist() == [0, 2008, 0]


@pytest.mark.parametrize("content", ["", "{}", "[1, 2]", '{"show_id": 1'])
def test_bad_json_lines_are_an_error(write: Write, content: str) -> None:
    path = write(content, "shows.jsonl")
    with pytest.raises(CatalogueError) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_genre_that_is_no_text_is_read_or_a_catalogue_error(write: Write) -> None:
    try:
        frame = read(write('{"show_id": 1, "title": "a", "genres": ["Drama", null]}', "a.jsonl"))
    except CatalogueError:
        return
    assert len(frame) == 1


def test_rows_that_cannot_be_used_are_logged(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(f"{OWN}1,a\nx,b\n2,\n1,c\n3,d\n4,e\n")
    with caplog.at_level(logging.WARNING):
        assert read(path)[c.TITLE].tolist() == ["a", "d", "e"]
    (message,) = messages(caplog)
    assert message.startswith(f"{path}: 3 shows (tvrec and Netflix, commas); rows left out: 3: ")
    for reason in (
        "1 times there is no title (line 4: 2,)",
        "1 times show_id occurs before (line 5: 1,c)",
        "1 times show_id is not a number",
    ):
        assert reason in message


def test_a_file_that_mostly_fails_is_refused(write: Write) -> None:
    with pytest.raises(CatalogueError, match=r"2 of 3 rows of .* are no shows, more than half"):
        read(write(f"{OWN}1,a\nx,b\ny,c\n"))


def test_a_file_is_read_anew_each_time(write: Write) -> None:
    source = FileCatalogue(write(f"{OWN}1,a\n"))
    assert len(source.read()) == 1
    write(f"{OWN}1,a\n2,b\n")
    assert len(source.read()) == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        (OWN, "has a header and no rows"),
        (f"{OWN}x,a\n", "1 of 1 rows of .* are no shows"),
        ("key,title\n1,a\n", r"has the columns key, title; wanted are an id \(show_id, anime_id"),
        ("show_id,label\n1,a\n", r"has the columns show_id, label; wanted are .* a title \(title"),
        ("1,a,b\n", "has no header and 3 columns; begin it with a line that names them"),
        ("show_id,title,Title\n1,a,b\n", "has two columns title; take one away"),
        (bytes(range(256)), "cannot be read as a table"),
        (b"\xff\xfe\x00\x01\xd8", "cannot be read as a table"),
    ],
)
def test_an_error_says_what_is_wrong_with_the_file(
    write: Write, content: str | bytes, reason: str
) -> None:
    path = write(content)
    with pytest.raises(CatalogueError, match=reason) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_a_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"there is no file .*nowhere\.csv"):
        read(tmp_path / "nowhere.csv")
    with pytest.raises(CatalogueError, match="cannot be read"):
        read(tmp_path)


GZ = gzip.compress(OWN.encode())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("garbage.gz", b"garbage", id="gz"),
        pytest.param("cut.gz", GZ[:-9], id="cut gz"),
        pytest.param("altered.gz", GZ[:10] + b"\xff" * 30, id="altered gz"),
        pytest.param("garbage.zip", b"PK\x03\x04garbage", id="zip"),
        pytest.param("two.zip", zipped("a", "b"), id="zip of two files"),
        pytest.param("garbage.xz", b"\xfd7zXZ\x00garbage", id="xz"),
    ],
)
def test_a_bad_archive_is_an_error(write: Write, name: str, content: bytes) -> None:
    with pytest.raises(CatalogueError):
        read(write(content, name))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("anime_id,name\n1,a\n", id="anime without genre"),
        pytest.param("movieId,name\n1,a\n", id="MovieLens without title"),
        pytest.param(f"{ANIME}1,a,,TV,1,2,3\n", id="anime, no genre at all"),
        pytest.param(f"{ANIME}1,91,Drama,TV,1,2,3\n", id="anime, number as name"),
        pytest.param(f"{MOVIELENS}1,300,Drama\n", id="MovieLens, number as title"),
        pytest.param(f"{OWN}True,a\n", id="True as show_id"),
    ],
)
def test_an_odd_file_is_read_or_a_catalogue_error(write: Write, content: str) -> None:
    try:
        frame = read(write(content))
    except CatalogueError:
        return
    assert len(frame) == 1


@pytest.mark.parametrize(
    ("content", "column", "expected"),
    [
        ("show_id,title\n1,None\n2,b\n", c.TITLE, ["None", "b"]),
        ("show_id,title,country\n1,a,NA\n2,b,US\n", c.COUNTRY, ["NA", "US"]),
    ],
)
def test_a_text_that_looks_missing_is_a_text(
    write: Write, content: str, column: str, expected: list[str]
) -> None:
    """Namibia is NA."""
    assert read(write(content))[column].tolist() == expected


def test_a_comma_at_the_end_of_the_rows_shifts_nothing(write: Write) -> None:
    assert read(write(f"{OWN}1,7,\n"))[c.SHOW_ID].tolist() == [1]


@settings(deadline=None, max_examples=150)
@given(body=st.binary(max_size=80))
def test_any_bytes_are_a_catalogue_or_a_catalogue_error(
    tmp_path_factory: pytest.TempPathFactory, body: bytes
) -> None:
    for header in ("", OWN):
        path = tmp_path_factory.getbasetemp() / "garbage.csv"
        path.write_bytes(header.encode() + body)
        try:
            catalogue = FileCatalogue(path).read()
        except CatalogueError:
            continue
        assert len(catalogue)


real = pytest.mark.skipif(not REAL.exists(), reason="the real anime set is not beside the project")


@real
def test_the_real_anime_set_is_read_whole(caplog: pytest.LogCaptureFixture) -> None:
    frame = read(REAL)
    assert len(frame) == 12_294
    assert not messages(caplog)
    assert (frame[c.GENRES] == "").sum() == 62
    assert (frame[c.TYPE] == "").sum() == 25
    assert frame[c.EPISODES].isna().sum() == 340
    assert (frame[c.POPULARITY] > 0).all()


@real
def test_the_real_anime_set_has_no_entities_left() -> None:
    titles = read(REAL)[c.TITLE]
    assert "Gintama'" in set(titles)
    assert titles[titles.map(html.unescape) != titles].tolist() == []
