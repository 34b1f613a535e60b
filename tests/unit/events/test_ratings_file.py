"""Every known kind of file is read, and any other is a RatingsFileError that says why."""

import gzip
import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproject.core import columns as c
from mlproject.core.errors import RatingsFileError
from mlproject.core.ratings import RatingFrame
from mlproject.events.ratings_file import read_ratings_file

Rows = list[list[object]]
Write = Callable[..., Path]

OWN = "user_id,show_id,rating\n"
DATED = "user_id,show_id,rating,rated_at\n"
ANIME = "user_id,anime_id,rating\n"
MOVIELENS = "userId,movieId,rating,timestamp\n"
Y2K = datetime(2000, 1, 1, tzinfo=UTC)
Y2K_S = 946_684_800
RAW_COLUMNS = [c.USER_ID, c.SHOW_ID, c.RATING, c.RATED_AT]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes, name: str = "ratings.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def rows(path: Path) -> Rows:
    """What is read, with None for missing values."""
    raw = read_ratings_file(path)
    assert list(raw.columns) == RAW_COLUMNS
    objects = raw.astype("object")
    found: Rows = objects.where(objects.notna(), None).to_numpy().tolist()
    return found


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("ratings.csv", f"{OWN}7,300,9\n8,301,\n", [[7, 300, 9, None], [8, 301, None, None]]),
        ("ratings.csv", f"{DATED}7,300,9,2000-01-01T00:00:00Z\n", [[7, 300, 9, Y2K]]),
        ("ratings.csv", f"{DATED}7,300,9,{Y2K_S}\n", [[7, 300, 9, Y2K]]),
        ("rating.csv", f"{ANIME}7,300,9\n7,301,-1\n", [[7, 300, 9, None], [7, 301, None, None]]),
        (
            "ratings.csv",
            f"{MOVIELENS}7,300,4.5,{Y2K_S}\n7,301,0.5,{Y2K_S}\n",
            [[7, 300, 9, Y2K], [7, 301, 1, Y2K]],
        ),
        (
            "ratings.dat",
            f"7::300::5::{Y2K_S}\n7::301::1::{Y2K_S}\n",
            [[7, 300, 10, Y2K], [7, 301, 2, Y2K]],
        ),
        (
            "u.data",
            f"7\t300\t5\t{Y2K_S}\n7\t301\t1\t{Y2K_S}\n",
            [[7, 300, 10, Y2K], [7, 301, 2, Y2K]],
        ),
    ],
    ids=["own", "own dated", "own in seconds", "anime", "ratings.csv", "ratings.dat", "u.data"],
)
def test_each_layout_plain_and_compressed(
    write: Write, name: str, content: str, expected: Rows
) -> None:
    assert rows(write(content, name)) == expected
    assert rows(write(gzip.compress(content.encode()), name + ".gz")) == expected
    assert rows(write(zipped(**{name: content}), name + ".zip")) == expected


def test_columns_may_be_in_any_order_among_others(write: Write) -> None:
    path = write("rating,comment,show_id,user_id\n9,good,300,7\n")
    assert rows(path) == [[7, 300, 9, None]]


def test_minus_one_is_unrated_in_the_anime_set_only(write: Write) -> None:
    assert rows(write(f"{OWN}7,300,-1\n")) == [[7, 300, -1, None]]


def test_a_rating_that_is_no_number_is_kept_to_be_rejected(write: Write) -> None:
    """As missing it would count as watched."""
    raw = read_ratings_file(write(f"{ANIME}7,300,abc\n7,301,-1\n7,302,8\n"))
    assert raw[c.RATING].tolist() == ["abc", None, 8]
    now = pd.Timestamp(Y2K)
    good, rejected = RatingFrame.validated(
        raw.assign(**{c.EVENT_ID: "e", c.SOURCE: "REPLAYED", c.RATED_AT: now})
    )
    assert good.frame[c.SHOW_ID].tolist() == [301, 302]
    assert rejected[c.REASON].tolist() == ["rating is not a number"]


def test_a_time_that_is_none_is_missing(write: Write) -> None:
    path = write(f"{DATED}7,300,9,2000-01-01T00:00:00Z\n7,301,9,soon\n7,302,9,\n")
    assert [row[3] for row in rows(path)] == [Y2K, None, None]


def test_an_error_lists_the_columns_that_are_there_and_those_wanted(write: Write) -> None:
    with pytest.raises(RatingsFileError) as caught:
        read_ratings_file(write("user,item,stars\n1,2,3\n"))
    assert "has the columns user, item, stars; wanted are" in str(caught.value)
    for wanted in (OWN, ANIME, "userId,movieId,rating"):
        assert wanted.strip().replace(",", ", ") in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        (OWN, "has no ratings in it"),
        ("1::2::3\n", "has 3 columns; a file without a header has user, show, rating and"),
        ('user_id,show_id,rating\n1,2,"3\n', "cannot be read as a table"),
        (b"\xff\xfe\x00\x01\xd8", "cannot be read as a table"),
        ("{}", "has the columns {}; wanted"),
        ("user_id;show_id;rating\n1;2;3\n", "has the columns user_id;show_id;rating; wanted"),
    ],
)
def test_an_error_says_what_is_wrong_with_the_file(
    write: Write, content: str | bytes, reason: str
) -> None:
    path = write(content)
    with pytest.raises(RatingsFileError, match=reason) as caught:
        read_ratings_file(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_a_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(RatingsFileError, match=r"there is no file .*nowhere\.csv"):
        read_ratings_file(tmp_path / "nowhere.csv")
    with pytest.raises(RatingsFileError, match="cannot be read"):
        read_ratings_file(tmp_path)


@pytest.mark.parametrize("kept", [1, 5, 12, 100, -9, -1])
def test_a_cut_gz_file_is_an_error(write: Write, kept: int) -> None:
    whole = gzip.compress((OWN + "".join(f"{i},{i * 7},9\n" for i in range(999))).encode())
    with pytest.raises(RatingsFileError):
        read_ratings_file(write(whole[:kept], "ratings.csv.gz"))


GZ = gzip.compress(OWN.encode())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("garbage.gz", b"garbage", id="gz"),
        pytest.param("garbage.bz2", b"garbage", id="bz2"),
        pytest.param("altered.gz", GZ[:10] + b"\xff" * 30, id="altered gz"),
        pytest.param("garbage.zip", b"garbage", id="zip"),
        pytest.param("none.zip", zipped(), id="zip of no file"),
        pytest.param("two.zip", zipped(a=OWN, b=OWN), id="zip of two files"),
        pytest.param("garbage.xz", b"garbage", id="xz"),
        pytest.param("garbage.tar", b"garbage", id="tar"),
        pytest.param("garbage.zst", b"garbage", id="zst"),
    ],
)
def test_a_bad_archive_is_an_error(write: Write, name: str, content: bytes) -> None:
    with pytest.raises(RatingsFileError):
        read_ratings_file(write(content, name))


@pytest.mark.parametrize("tail", [",", ",9"])
def test_a_comma_at_the_end_of_the_rows_shifts_nothing(write: Write, tail: str) -> None:
    """User 7 must not become an index, and the show's id the user's."""
    try:
        found = rows(write(f"{OWN}7,300,9{tail}\n"))
    except RatingsFileError:
        return
    assert found == [[7, 300, 9, None]]


def test_our_own_file_by_tabs_is_not_taken_for_five_stars(write: Write) -> None:
    """The header would be a rating, and every rating doubled."""
    path = write(f"{DATED}7,300,4,2000-01-01T00:00:00Z\n".replace(",", "\t"))
    assert rows(path) == [[7, 300, 4, Y2K]]


def test_iso_times_may_differ_in_form(write: Write) -> None:
    path = write(f"{DATED}7,300,9,2000-01-01T00:00:00Z\n7,301,9,2000-01-01T00:00:00.000Z\n")
    assert [row[3] for row in rows(path)] == [Y2K, Y2K]


def test_times_may_be_milliseconds(write: Write) -> None:
    path = write(f"{DATED}7,300,9,{Y2K_S}000\n")
    assert [row[3] for row in rows(path)] == [Y2K]


def test_a_bad_time_does_not_touch_the_others(write: Write) -> None:
    path = write(f"{DATED}7,300,9,{Y2K_S}\n7,301,9,soon\n")
    assert [row[3] for row in rows(path)] == [Y2K, None]


def test_an_empty_object_is_an_error(write: Write) -> None:
    """By its name the file is read as JSON lines, as catalogues may be."""
    with pytest.raises(RatingsFileError):
        read_ratings_file(write("{}", "ratings.jsonl"))


headers = st.sampled_from(["", OWN, DATED, ANIME, MOVIELENS, "1::2::3::4\n", "1\t2\t3\t4\n"])
pieces = st.sampled_from(
    [*",\t\n\r\"'\x00 ;-", "::", "\r\n", "1", "3.5", "-1", "1e400", "9" * 30, "nan", "inf", "é"]
)
garbage = st.binary(max_size=80) | st.lists(pieces, max_size=25).map(
    lambda all_: "".join(all_).encode()
)


# As the test of a comma at the end expects it not to.
@pytest.mark.filterwarnings("ignore:Length of header or names")
@settings(deadline=None, max_examples=300)
@given(header=headers, body=garbage)
def test_any_bytes_are_a_table_or_a_ratings_file_error(
    tmp_path_factory: pytest.TempPathFactory, header: str, body: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "garbage.csv"
    path.write_bytes(header.encode() + body)
    try:
        raw = read_ratings_file(path)
    except RatingsFileError:
        return
    assert list(raw.columns) == RAW_COLUMNS
    assert len(raw)
