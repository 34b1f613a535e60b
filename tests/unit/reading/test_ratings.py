"""Every known kind of ratings file is read, and any other is refused with what to do."""

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproject.core import columns as c
from mlproject.core.errors import RatingsFileError
from mlproject.reading.ratings import RatingsFile, Told, read_ratings
from mlproject.reading.scales import Scale
from tests.unit.reading.conftest import Write

Rows = list[list[object]]

OWN = "user_id,show_id,rating\n"
DATED = "user_id,show_id,rating,rated_at\n"
ANIME = "user_id,anime_id,rating\n"
MOVIELENS = "userId,movieId,rating,timestamp\n"
Y2K = datetime(2000, 1, 1, tzinfo=UTC)
Y2K_S = 946_684_800
AS_IT_IS = Told()


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def rows(path: Path, told: Told = AS_IT_IS) -> Rows:
    """What is read, with None for missing values; no times where they are made up."""
    file = read_ratings(path, told)
    frame = file.rows if file.dated else file.rows.drop(columns=c.RATED_AT)
    objects = frame.astype("object")
    found: Rows = objects.where(objects.notna(), None).to_numpy().tolist()
    return found


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("ratings.csv", f"{OWN}7,300,9\n8,301,\n", [[7, 300, 9], [8, 301, None]]),
        ("ratings.csv", f"{DATED}7,300,9,2000-01-01T00:00:00Z\n", [[7, 300, 9, Y2K]]),
        ("ratings.csv", f"{DATED}7,300,9,{Y2K_S}\n", [[7, 300, 9, Y2K]]),
        ("rating.csv", f"{ANIME}7,300,9\n7,301,-1\n", [[7, 300, 9], [7, 301, None]]),
        (
            "animelist.csv",
            "user_id,anime_id,rating,watching_status,watched_episodes\n7,300,9,2,26\n7,301,0,1,3\n",
            [[7, 300, 9], [7, 301, None]],
        ),
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
        ("other.csv", "item,reviewer_id,stars\n300,7,8\n", [[7, 300, 8]]),
        (
            "lines.json",
            '{"user_id": 7, "show_id": 76561197970982479, "rating": 9}\n',
            [[7, 76561197970982479, 9]],
        ),
        ("array.json", '[{"userId": 7, "tvShowId": 300, "score": 9.0}]', [[7, 300, 9]]),
    ],
)
def test_each_layout_plain_and_compressed(
    write: Write, name: str, content: str, expected: Rows
) -> None:
    assert rows(write(content, name)) == expected
    assert rows(write(gzip.compress(content.encode()), name + ".gz")) == expected
    # The suffix says nothing.
    assert rows(write(gzip.compress(content.encode()), name)) == expected
    assert rows(write(zipped(**{name: content}), name + ".zip")) == expected


def test_parquet_is_read(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "user_id": [7, 8],
            "show_id": [2**60 + 1, 3.0],
            "rating": [9.0, None],
            "rated_at": pd.to_datetime(["2000-01-01", "2000-01-01"], utc=True).as_unit("us"),
        }
    ).astype({"show_id": "object"})
    frame["show_id"] = pd.array([2**60 + 1, 3], dtype="Int64")
    frame.to_parquet(tmp_path / "ratings.parquet")
    assert rows(tmp_path / "ratings.parquet") == [[7, 2**60 + 1, 9, Y2K], [8, 3, None, Y2K]]


def test_columns_may_be_in_any_order_among_others(write: Write) -> None:
    assert rows(write("rating,comment,show_id,user_id\n9,good,300,7\n")) == [[7, 300, 9]]


@pytest.mark.parametrize(
    "header", ["User ID, Show ID ,Rating", "userId,showId,RATING", "\ufeffuser-id,show.id,rating"]
)
def test_names_may_be_spelled_in_any_way(write: Write, header: str) -> None:
    assert rows(write(f"{header}\n7,300,9\n")) == [[7, 300, 9]]


def test_two_columns_of_one_name_are_in_doubt(write: Write) -> None:
    with pytest.raises(RatingsFileError, match="has two columns rating; take one away"):
        rows(write("user_id,show_id,rating,Rating\n7,300,9,2\n"))


def test_a_rating_that_is_no_number_is_rejected_with_its_line(write: Write) -> None:
    """As missing it would count as watched."""
    file = read_ratings(write(f"{ANIME}7,300,abc\n7,301,-1\n7,302,8\n"))
    assert file.rows[c.SHOW_ID].tolist() == [301, 302]
    assert file.rejected[c.REASON].tolist() == ["rating is not a number"]
    assert file.rejected[c.RATING].tolist() == ["abc"]
    assert "rows left out: 1: 1 times rating is not a number (line 2: 7,300,abc)" in file.said


def test_an_error_lists_the_columns_that_are_there_and_those_wanted(write: Write) -> None:
    with pytest.raises(RatingsFileError) as caught:
        rows(write("viewer,programme,verdict\n1,2,3\n"))
    assert "has the columns viewer, programme, verdict; wanted are a user (user_id), a show" in str(
        caught.value
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        (OWN, "has a header and no rows"),
        ("1::2::3\n", "has 3 columns; a file without a header has user, show, rating and"),
        (
            "1,31,9,1260759144\n",
            "no header; begin it with a line .*user_id,show_id,rating,rated_at",
        ),
        ("1 31 9\n", "has no header; begin it with a line"),
        ('user_id,show_id,rating\n1,2,"3\n4,5,6\n7,8,9\n', "a quotation mark opens a field that"),
        (b"\xff\xfe\x00\x01\xd8", "cannot be read as a table"),
        ("{}", "its objects have no columns"),
        ("<!DOCTYPE html><p>Sign in", "is a web page"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:4\n", "git lfs pull"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an Excel workbook"),
        (zipped(**{"xl/workbook.xml": "<x/>", "a": ""}), "is an Excel workbook"),
    ],
)
def test_an_error_says_what_is_wrong_with_the_file(
    write: Write, content: str | bytes, reason: str
) -> None:
    path = write(content)
    with pytest.raises(RatingsFileError, match=reason) as caught:
        rows(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_a_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(RatingsFileError, match=r"there is no file .*nowhere\.csv"):
        read_ratings(tmp_path / "nowhere.csv")
    with pytest.raises(RatingsFileError, match="cannot be read"):
        read_ratings(tmp_path)


@pytest.mark.parametrize("kept", [1, 5, 12, 100, -9, -1])
def test_a_cut_gz_file_is_an_error(write: Write, kept: int) -> None:
    whole = gzip.compress((OWN + "".join(f"{i},{i * 7},9\n" for i in range(999))).encode())
    with pytest.raises(RatingsFileError):
        read_ratings(write(whole[:kept], "ratings.csv.gz"))


GZ = gzip.compress(OWN.encode())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("garbage.gz", b"garbage", id="gz"),
        pytest.param("garbage.bz2", b"BZhgarbage", id="bz2"),
        pytest.param("altered.gz", GZ[:10] + b"\xff" * 30, id="altered gz"),
        pytest.param("garbage.zip", b"PK\x03\x04garbage", id="zip"),
        pytest.param("none.zip", zipped(), id="zip of no file"),
        pytest.param("two.zip", zipped(a=OWN, b=OWN), id="zip of two files"),
        pytest.param("garbage.xz", b"\xfd7zXZ\x00garbage", id="xz"),
        pytest.param("garbage.tar", b"\x00" * 257 + b"ustar", id="tar"),
        pytest.param("garbage.zst", b"\x28\xb5\x2f\xfdgarbage", id="zst"),
        pytest.param("garbage.parquet", b"PAR1garbage", id="parquet"),
    ],
)
def test_a_bad_archive_is_an_error(write: Write, name: str, content: bytes) -> None:
    with pytest.raises(RatingsFileError):
        read_ratings(write(content, name))


def test_a_comma_at_the_end_of_the_rows_shifts_nothing(write: Write) -> None:
    """User 7 must not become an index, and the show's id the user's."""
    assert rows(write(f"{OWN}7,300,9,\n")) == [[7, 300, 9]]
    with pytest.raises(RatingsFileError, match="it has 4 fields, and the header names 3"):
        rows(write(f"{OWN}7,300,9,9\n"))


def test_our_own_file_by_tabs_is_not_taken_for_five_stars(write: Write) -> None:
    """The header would be a rating, and every rating doubled."""
    told = Told(scale=Scale(1, 10))
    path = write(f"{DATED}7,300,4,2000-01-01T00:00:00Z\n".replace(",", "\t"))
    assert rows(path, told) == [[7, 300, 4, Y2K]]


def test_a_bad_time_does_not_touch_the_others(write: Write) -> None:
    path = write(f"{DATED}7,300,9,{Y2K_S}\n7,301,9,soon\n")
    file = read_ratings(path)
    assert file.rows[c.RATED_AT].tolist() == [Y2K]
    assert "rated_at is no time that can be read" in file.rejected[c.REASON].iloc[0]


def test_times_that_cannot_be_read_are_no_file_without_times(write: Write) -> None:
    with pytest.raises(RatingsFileError, match="rated_at is no time that can be read"):
        rows(write(f"{DATED}7,300,9,soon\n7,301,9,later\n"))


def test_an_empty_column_of_times_is_a_file_without_times(write: Write) -> None:
    file = read_ratings(write(f"{DATED}7,300,9,\n7,301,9,\n"))
    assert not file.dated
    assert "without times" in file.said


@pytest.mark.parametrize(
    "time", ["1989-12-31T23:00:00Z", "2099-01-01", "0", "1", str(Y2K_S * 40), "43831"]
)
def test_no_rating_is_older_than_1990_or_newer_than_tomorrow(write: Write, time: str) -> None:
    file = read_ratings(write(f"{DATED}7,300,9,{Y2K_S}\n7,301,9,{time}\n"))
    assert file.rows[c.SHOW_ID].tolist() == [300]
    assert file.rejected[c.REASON].tolist() == ["rated_at is before 1990 or after tomorrow"]


def test_a_rating_of_today_is_read(write: Write) -> None:
    now = datetime.now(UTC) + timedelta(hours=12)
    assert len(rows(write(f"{DATED}7,300,9,{now.isoformat()}\n"))) == 1


def test_without_times_the_later_row_is_the_later_rating(write: Write) -> None:
    times = read_ratings(write(f"{OWN}7,300,2\n7,300,9\n7,301,x\n7,300,8\n")).rows[c.RATED_AT]
    assert times.is_monotonic_increasing
    assert times.is_unique


def test_what_was_found_is_said_in_one_line(write: Write) -> None:
    stars = "".join(f"7,{show},{show % 10 / 2 + 0.5},{Y2K_S}\n" for show in range(30))
    path = write(MOVIELENS + stars)
    assert read_ratings(path).said == (
        f"{path}: 30 ratings (MovieLens, commas); ratings 0.5 to 5 in steps of 0.5: five stars, "
        "doubled; times in timestamp, seconds"
    )


def test_a_scale_in_doubt_is_refused_with_the_choices(write: Write) -> None:
    path = write(f"{OWN}7,300,4\n7,301,3\n")
    with pytest.raises(RatingsFileError, match=r"--scale 1-5 or --scale 1-10 \(or set TVREC_SCALE"):
        rows(path)
    assert rows(path, Told(scale=Scale(1, 5))) == [[7, 300, 8], [7, 301, 6]]
    assert rows(path, Told(scale=Scale(1, 10))) == [[7, 300, 4], [7, 301, 3]]


def test_thumbs_are_told_or_named(write: Write) -> None:
    truths = "7,300,true\n7,301,False\n"
    with pytest.raises(RatingsFileError, match="true or false; if true is a thumb up, say --scale"):
        rows(write(OWN + truths))
    expected = [[7, 300, 10], [7, 301, 1]]
    assert rows(write(OWN + truths), Told(scale=Scale(0, 1))) == expected
    assert rows(write("user_id,show_id,liked\n" + truths)) == expected
    assert rows(write("user_id,show_id,liked\n7,300,1\n7,301,0\n")) == expected


def test_what_means_unrated_is_told(write: Write) -> None:
    path = write(f"{OWN}7,300,9\n7,301,0\n")
    with pytest.raises(RatingsFileError, match=r"--unrated 0, if it is the lowest .*--scale=0-9"):
        rows(path)
    assert rows(path, Told(unrated=0)) == [[7, 300, 9], [7, 301, None]]


def many(bad: int, of: int) -> str:
    return OWN + "".join(f"{'x' if i < bad else i},300,{i % 10 + 1}\n" for i in range(of))


def test_a_file_of_which_more_than_a_tenth_fails_is_refused(write: Write) -> None:
    with pytest.raises(RatingsFileError) as caught:
        rows(write(many(11, 100)))
    assert "11 of 100 rows of" in str(caught.value)
    assert "more than the 10% that TVREC_MAX_REJECTED allows" in str(caught.value)
    assert "11 times user_id is not a number; give each name or UUID a whole number first" in str(
        caught.value
    )
    assert "(line 2: x,300,1)" in str(caught.value)
    assert len(rows(write(many(10, 100)))) == 90
    assert len(rows(write(many(11, 100)), Told(most_rejected=0.2))) == 89


def test_a_file_of_which_more_than_half_fails_is_always_refused(write: Write) -> None:
    with pytest.raises(RatingsFileError, match="more than half"):
        rows(write(many(6, 10)), Told(most_rejected=1))


def test_rows_of_another_width_count_as_rejected(write: Write) -> None:
    file = read_ratings(write(f"{OWN}7,300,9\n7,301\n7,302,8\n"))
    assert file.rows[c.SHOW_ID].tolist() == [300, 302]
    assert file.rejected[c.REASON].tolist() == ["it has 2 fields, and the header names 3"]
    assert "(line 3: 7,301)" in file.said


def test_lines_are_counted_with_blank_ones_and_with_newlines_in_fields(write: Write) -> None:
    path = write(
        'user_id,show_id,review,rating\n\n7,300,"good\nvery good",9\n\n7,301,,8\n7,x,bad,1\n'
    )
    assert "(line 7: 7,x,bad,1)" in read_ratings(path).said


# One table, however it is written.

TABLE = st.lists(
    st.tuples(
        st.integers(0, 2**63 - 1),
        st.integers(0, 2**63 - 1),
        st.integers(1, 10),
        st.integers(631_152_000, 1_700_000_000),
    ),
    min_size=1,
    max_size=20,
)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1"])
SCALES = {
    "1-10": lambda points: f"{points}",
    "0.5-5": lambda points: f"{points / 2:g}",
    "0-100": lambda points: f"{points * 10}",
}
TIMES = {
    "s": lambda at: f"{at}",
    "s as float": lambda at: f"{at}.0",
    "ms": lambda at: f"{at}000",
    "us": lambda at: f"{at}000000",
    "ns": lambda at: f"{at}000000000",
    "ISO": lambda at: datetime.fromtimestamp(at, UTC).isoformat(),
    "ISO without zone": lambda at: f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}",
    "by name": lambda at: f"{datetime.fromtimestamp(at, UTC):%d %b %Y %H:%M:%S}",
}
NAMES = st.tuples(
    st.sampled_from(["user_id", "userId", "User ID", "USERID"]),
    st.sampled_from(["show_id", "movieId", "anime_id", "itemID", "tv_show_id"]),
    st.sampled_from(["rating", "Score", "stars", "my_score"]),
    st.sampled_from(["rated_at", "timestamp", "date", "rating_date", "created_at", "Updated At"]),
)


def read_expected(file: RatingsFile) -> list[tuple[int, ...]]:
    frame = file.rows
    seconds = frame[c.RATED_AT].dt.as_unit("s").astype("int64")
    return list(
        zip(frame[c.USER_ID], frame[c.SHOW_ID], frame[c.RATING].astype(int), seconds, strict=True)
    )


@settings(max_examples=100)
@given(
    table=TABLE,
    names=NAMES,
    order=st.permutations(range(5)),
    separator=st.sampled_from([",", ";", "\t", "|"]),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=ENCODINGS,
    scale=st.sampled_from(sorted(SCALES)),
    time=st.sampled_from(sorted(TIMES)),
    comma=st.booleans(),
    sep=st.booleans(),
    blanks=st.booleans(),
    quoted=st.booleans(),
    compress=st.booleans(),
    last=st.booleans(),
)
def test_a_table_written_in_any_way_gives_the_same_events(
    *,
    tmp_path_factory: pytest.TempPathFactory,
    table: list[tuple[int, int, int, int]],
    names: tuple[str, str, str, str],
    order: list[int],
    separator: str,
    newline: str,
    encoding: str,
    scale: str,
    time: str,
    comma: bool,
    sep: bool,
    blanks: bool,
    quoted: bool,
    compress: bool,
    last: bool,
) -> None:
    mark = '"' if quoted else ""

    def cell(text: str) -> str:
        return f"{mark}{text}{mark}" + (" " if blanks and not quoted else "")

    def rating(points: int) -> str:
        text = SCALES[scale](points)
        return text.replace(".", ",") if comma and separator != "," else text

    lines = [[*names, "comment"]]
    lines += [
        [str(user), str(show), rating(points), TIMES[time](at), "Käse"]
        for user, show, points, at in table
    ]
    text = newline.join(separator.join(cell(line[place]) for place in order) for line in lines)
    if sep:
        text = f"sep={separator}{newline}{text}"
    content = (text + (newline if last else "")).encode(encoding)
    path = tmp_path_factory.getbasetemp() / "table.csv"
    path.write_bytes(gzip.compress(content) if compress else content)
    found = read_ratings(path, Told(scale=Scale.parse(scale)))
    assert read_expected(found) == table
    assert not len(found.rejected)


@settings(max_examples=50)
@given(table=TABLE, nested=st.booleans())
def test_json_gives_the_same_events(
    *, tmp_path_factory: pytest.TempPathFactory, table: list[tuple[int, ...]], nested: bool
) -> None:
    names = ("user_id", "show_id", "rating", "rated_at")
    objects = [dict(zip(names, row, strict=True)) for row in table]
    text = json.dumps(objects) if nested else "\n".join(map(json.dumps, objects))
    path = tmp_path_factory.getbasetemp() / "table.json"
    path.write_text(text)
    assert read_expected(read_ratings(path, Told(scale=Scale(1, 10)))) == table


headers = st.sampled_from(["", OWN, DATED, ANIME, MOVIELENS, "1::2::3::4\n", "1\t2\t3\t4\n"])
pieces = st.sampled_from(
    [*",\t\n\r\"'\x00 ;-", "::", "\r\n", "1", "3.5", "-1", "1e400", "9" * 30, "nan", "inf", "é"]
)
garbage = st.binary(max_size=80) | st.lists(pieces, max_size=25).map(
    lambda all_: "".join(all_).encode()
)


@settings(max_examples=300)
@given(header=headers, body=garbage)
def test_any_bytes_are_a_table_or_a_ratings_file_error(
    tmp_path_factory: pytest.TempPathFactory, header: str, body: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "garbage.csv"
    path.write_bytes(header.encode() + body)
    try:
        file = read_ratings(path)
    except RatingsFileError:
        return
    assert len(file.rows)
