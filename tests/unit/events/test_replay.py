"""A replayed file is the same stream at every reading, from every position."""

import logging
from pathlib import Path

import pandas as pd
import pytest

from mlproject.core import columns as c
from mlproject.core.dates import DATED_FROM
from mlproject.core.errors import RatingsFileError
from mlproject.core.ports import RatingSource
from mlproject.core.ratings import DTYPES
from mlproject.events.replay import ReplaySource
from tests.logged import messages, records

DATED = "user_id,show_id,rating,rated_at\n"
UNDATED = "user_id,anime_id,rating\n"
N = 40


@pytest.fixture
def dated(tmp_path: Path) -> Path:
    """The newest first, two an hour."""
    path = tmp_path / "dated.csv"
    lines = [
        f"{i % 7},{i},{i % 10 + 1},2024-01-{1 + i // 20:02}T{i // 2 % 10:02}:00:00Z\n"
        for i in range(N)
    ]
    path.write_text(DATED + "".join(lines[::-1]))
    return path


@pytest.fixture
def undated(tmp_path: Path) -> Path:
    """User by user, as such files are; every fifth is not rated."""
    path = tmp_path / "undated.csv"
    lines = [f"{i // 10},{i},{-1 if i % 5 == 0 else i % 10 + 1}\n" for i in range(N)]
    path.write_text(UNDATED + "".join(lines))
    return path


def opened(path: Path, *, backlog_share: float = 0.5, seed: int = 1) -> ReplaySource:
    return ReplaySource.open(path, backlog_share=backlog_share, seed=seed)


def whole(path: Path, seed: int = 1) -> pd.DataFrame:
    return opened(path, seed=seed).read(0, N).frame


@pytest.mark.parametrize("chunk", [1, 7, N, 1000])
def test_chunks_join_to_the_whole(undated: Path, chunk: int) -> None:
    source: RatingSource = opened(undated)
    parts = [source.read(at, chunk).frame for at in range(0, N, chunk)]
    assert all(list(part.index) == list(range(len(part))) for part in parts)
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole(undated))


@pytest.mark.parametrize("file", ["dated", "undated"])
def test_opened_again_it_is_the_same_to_the_ids(file: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(file)
    first = whole(path)
    pd.testing.assert_frame_equal(first, whole(path))
    assert first[c.EVENT_ID].is_unique
    assert len(first) == N
    assert first.dtypes.astype("str").to_dict() == DTYPES
    assert set(first[c.SOURCE]) == {"REPLAYED"}


def test_a_dated_file_is_read_by_time(dated: Path) -> None:
    frame = whole(dated)
    assert frame[c.RATED_AT].is_monotonic_increasing
    assert frame[c.RATED_AT].iloc[0] == pd.Timestamp("2024-01-01", tz="UTC")
    # Of the same hour, the file's order is kept.
    assert frame[c.SHOW_ID].tolist()[:4] == [1, 0, 3, 2]


def test_an_undated_file_is_shuffled(undated: Path) -> None:
    """So that every user is in the backlog."""
    source = opened(undated)
    assert set(source.read(0, source.backlog).frame[c.USER_ID]) == {0, 1, 2, 3}
    assert sorted(source.order) == list(range(N))


def test_of_an_undated_file_the_later_row_is_the_later_rating(undated: Path) -> None:
    frame = whole(undated).sort_values(c.RATED_AT)
    assert frame[c.SHOW_ID].tolist() == list(range(N))


def test_an_undated_file_gets_times_that_nobody_takes_for_real(undated: Path) -> None:
    """Nor do they say that one rating is as old as another."""
    times = whole(undated)[c.RATED_AT]
    assert times.is_unique
    assert (times < pd.Timestamp(DATED_FROM, unit="ms", tz="UTC")).all()


def test_another_seed_is_another_order_of_the_same(undated: Path) -> None:
    one, other = whole(undated, seed=1), whole(undated, seed=2)
    assert one[c.SHOW_ID].tolist() != other[c.SHOW_ID].tolist()
    rated = [c.USER_ID, c.SHOW_ID, c.RATING]
    pd.testing.assert_frame_equal(
        one[rated].sort_values(c.SHOW_ID, ignore_index=True),
        other[rated].sort_values(c.SHOW_ID, ignore_index=True),
    )
    assert not set(one[c.EVENT_ID]) & set(other[c.EVENT_ID])


def test_what_is_not_rated_stays_so(undated: Path) -> None:
    frame = whole(undated)
    assert (frame[c.SHOW_ID][frame[c.RATING].isna()] % 5 == 0).all()
    assert frame[c.RATING].isna().sum() == N / 5


@pytest.mark.parametrize(("share", "backlog"), [(0.0, 0), (0.5, N // 2), (0.95, 38), (1.0, N)])
def test_the_backlog_is_a_share_of_the_good_rows(undated: Path, share: float, backlog: int) -> None:
    assert opened(undated, backlog_share=share).backlog == backlog


def test_rejected_rows_are_left_out_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "mixed.csv"
    path.write_text(f"{UNDATED}1,1,9\n1,2,abc\n-1,3,9\n1,4,7\n1,5,6\n1,6,8\n")
    kept: list[pd.DataFrame] = []
    with caplog.at_level(logging.WARNING):
        source = ReplaySource.open(path, backlog_share=1, seed=1, on_rejected=kept.append)
    assert sorted(source.read(0, 10).frame[c.SHOW_ID]) == [1, 4, 5, 6]
    assert source.backlog == 4
    (message,) = messages(caplog)
    assert message.startswith(f"{path}: 4 ratings (MyAnimeList, commas); ")
    assert "rows left out: 2: 1 times rating is not a number (line 3: 1,2,abc)" in message
    assert kept[0][c.REASON].tolist() == ["rating is not a number", "user_id is below 0"]


def test_a_good_file_is_not_logged(undated: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        opened(undated)
    assert [one.levelname for one in records(caplog)] == ["INFO"]


def test_a_row_without_a_time_is_left_out_where_others_have_one(tmp_path: Path) -> None:
    path = tmp_path / "half.csv"
    path.write_text(f"{DATED}1,1,9,2024-01-01T00:00:00Z\n1,2,9,\n")
    assert opened(path).read(0, 10).frame[c.SHOW_ID].tolist() == [1]


@pytest.mark.parametrize("position", [N, N + 1, 10**9])
def test_past_the_end_there_is_nothing(undated: Path, position: int) -> None:
    rest = opened(undated).read(position, 5)
    assert len(rest) == 0
    assert rest.frame.dtypes.astype("str").to_dict() == DTYPES


def test_a_file_without_a_rating_is_an_error_with_the_first_reason(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(f"{UNDATED}1,1,abc\n1,2,abc\n")
    with pytest.raises(RatingsFileError, match=r"2 of 2 rows of .* are no ratings.*rating is"):
        opened(path)


def grown(path: Path, *lines: str) -> None:
    path.write_text(path.read_text() + "".join(f"{line}\n" for line in lines))


@pytest.mark.parametrize("file", ["dated", "undated"])
def test_a_grown_file_goes_on_where_it_was(file: str, request: pytest.FixtureRequest) -> None:
    """What was there keeps its place in the stream and its id; what is new comes after."""
    path: Path = request.getfixturevalue(file)
    before = opened(path)
    stamp = ",2023-01-01" if file == "dated" else ""
    grown(path, *(f"{9 - i},{900 + i},{i + 1}{stamp}" for i in range(4)))
    after = opened(path).resumed(before.parts, N)
    assert [part.end for part in after.parts] == [N, N + 4]
    pd.testing.assert_frame_equal(after.read(0, N).frame, before.read(0, N).frame)
    assert set(after.read(N, 10).frame[c.SHOW_ID]) == {900, 901, 902, 903}
    again = opened(path).resumed(after.parts, N + 1)
    pd.testing.assert_frame_equal(again.read(0, N + 4).frame, after.read(0, N + 4).frame)


def test_a_file_that_has_not_grown_has_no_new_part(undated: Path) -> None:
    source = opened(undated)
    assert source.resumed(source.parts, 1).parts == source.parts


@pytest.mark.parametrize("change", ["a rating", "a row less", "a row in front", "another scale"])
def test_a_file_that_has_changed_is_refused(undated: Path, change: str) -> None:
    begun = opened(undated).parts
    header, *lines = undated.read_text().splitlines()
    if change == "a rating":
        lines[7] = lines[7][:-1] + ("1" if lines[7][-1] != "1" else "2")
    elif change == "a row less":
        lines.pop()
    elif change == "a row in front":
        lines.insert(0, "99,99,9")
    else:
        lines = [
            ",".join([*line.split(",")[:2], str(int(line.split(",")[2]) * 10)]) for line in lines
        ]
        lines = [line.replace(",-10", ",-1") for line in lines]
        lines[9] = lines[9].replace(",100", ",90")
    undated.write_text("\n".join([header, *lines]) + "\n")
    with pytest.raises(
        RatingsFileError, match=r"when its replay was begun; a file may grow at its"
    ):
        opened(undated).resumed(begun, 1)


def test_how_a_file_is_written_is_no_change(undated: Path) -> None:
    begun = opened(undated).parts
    undated.write_text(undated.read_text().replace(",", ";"), encoding="utf-16")
    assert opened(undated).resumed(begun, 1).parts == begun


def test_what_was_never_sent_may_change(undated: Path) -> None:
    begun = opened(undated).parts
    grown(undated, "99,99,9")
    grown_once = opened(undated).resumed(begun, N)
    undated.write_text(undated.read_text().replace("99,99,9", "99,98,9"))
    other = opened(undated).resumed(grown_once.parts, N)
    assert other.read(N, 5).frame[c.SHOW_ID].tolist() == [98]
    with pytest.raises(RatingsFileError, match="has other ratings within its first 41 than when"):
        opened(undated).resumed(grown_once.parts, N + 1)
