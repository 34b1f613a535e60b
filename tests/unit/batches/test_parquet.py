"""Parquet in and out: exact for what we write, lenient in types, strict in values."""

import io
import warnings
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from pyarrow import parquet

from mlproject.batches.parquet import (
    decode_ratings,
    encode_ratings,
)
from mlproject.core import columns as c
from mlproject.core.dates import EARLIEST_MS
from mlproject.core.errors import BatchError
from mlproject.core.event_fields import NAMES, NEEDED
from mlproject.core.ratings import RatingFrame
from tests.builders import FIRST_INSTANT, ratings

IDS = st.integers(0, 2**63 - 2)
EVENTS = st.fixed_dictionaries(
    {
        c.EVENT_ID: st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
        c.USER_ID: IDS,
        c.SHOW_ID: IDS,
        c.RATING: st.none() | st.integers(1, 10),
        c.RATED_AT: st.integers(EARLIEST_MS, 1_760_000_000_000),
        c.SOURCE: st.sampled_from(["SIMULATED", "REPLAYED", "SERVICE"]),
    }
)
TWO_EVENTS = {
    c.EVENT_ID: pa.array(["a", "b"]),
    c.USER_ID: pa.array([1, 2]),
    c.SHOW_ID: pa.array([10, 20]),
    c.RATING: pa.array([7, None], pa.int8()),
    c.RATED_AT: pa.array([0, 1000], pa.timestamp("ms", tz="UTC")),
    c.SOURCE: pa.array(["REPLAYED", "REPLAYED"]),
}


def file_of(**changes: pa.Array) -> bytes:
    """Return a batch of two events as another writer may write it."""
    buffer = io.BytesIO()
    parquet.write_table(pa.table(TWO_EVENTS | changes), buffer)
    return buffer.getvalue()


@settings(max_examples=40)
@given(st.lists(EVENTS, max_size=10))
def test_ratings_come_back_as_they_were(events: list[dict[str, Any]]) -> None:
    raw = pd.DataFrame(events, columns=list(NAMES))
    raw[c.RATING] = raw[c.RATING].astype("Int8")
    raw[c.USER_ID], raw[c.SHOW_ID] = raw[c.USER_ID].astype(int), raw[c.SHOW_ID].astype(int)
    raw[c.RATED_AT] = pd.to_datetime(raw[c.RATED_AT].astype(int), unit="ms", utc=True)
    before, _ = RatingFrame.validated(raw)
    after, rejected = decode_ratings(encode_ratings(before))
    assert len(before) == len(events)
    assert_frame_equal(after.frame, before.frame)
    assert rejected.empty


def test_equal_data_gives_equal_bytes() -> None:
    assert encode_ratings(ratings(5)) == encode_ratings(ratings(5))


def test_encoding_warns_of_nothing() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        encode_ratings(ratings(1))
    assert told == []


def test_a_cut_off_file_is_a_batch_error_wherever_it_is_cut() -> None:
    whole = encode_ratings(ratings(50))
    for length in [0, 1, 3, 4, 8, *range(9, len(whole), 37), len(whole) - 1]:
        with pytest.raises(BatchError):
            decode_ratings(whole[:length])


def test_an_altered_file_is_a_batch_error_or_is_read() -> None:
    whole = encode_ratings(ratings(50))
    read, refused = 0, 0
    places = range(0, len(whole), 9)
    for place in places:
        altered = bytearray(whole)
        altered[place] ^= 0xFF
        try:
            good, rejected = decode_ratings(bytes(altered))
        except BatchError:
            refused += 1
        else:
            read += 1
            assert len(good) + len(rejected) == 50
    assert read + refused == len(places)
    assert refused > read


@pytest.mark.parametrize("content", [b"", b"no Parquet", b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_no_parquet_is_an_error_of_ours(content: bytes) -> None:
    with pytest.raises(BatchError, match="not a readable Parquet file of ratings"):
        decode_ratings(content)


@pytest.mark.parametrize("column", NEEDED)
def test_a_missing_column_is_named(column: str) -> None:
    buffer = io.BytesIO()
    parquet.write_table(pa.table(TWO_EVENTS).drop_columns(column), buffer)
    with pytest.raises(BatchError, match=f"no column {column}"):
        decode_ratings(buffer.getvalue())


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="as we write them"),
        pytest.param({c.USER_ID: pa.array([1, 2], pa.int32())}, id="int32"),
        pytest.param({c.USER_ID: pa.array(["1", "2"])}, id="ids as text"),
        pytest.param({c.RATING: pa.array([7.0, None])}, id="rating as double"),
        pytest.param({c.RATING: pa.array([7, None], pa.int64())}, id="rating as int64"),
        pytest.param({c.RATED_AT: pa.array([0, 10**6], pa.timestamp("us", "UTC"))}, id="us"),
        pytest.param({c.RATED_AT: pa.array([0, 10**9], pa.timestamp("ns", "UTC"))}, id="ns"),
        pytest.param({c.RATED_AT: pa.array([0, 1000], pa.timestamp("ms"))}, id="no zone"),
        pytest.param(
            {c.RATED_AT: pa.array([0, 1000], pa.timestamp("ms", "Asia/Tokyo"))}, id="zone"
        ),
        pytest.param({c.RATED_AT: pa.array([0, 1000])}, id="milliseconds"),
        pytest.param({c.SOURCE: TWO_EVENTS[c.SOURCE].dictionary_encode()}, id="dictionary"),
        pytest.param({"added later": pa.array([1, 2])}, id="one more column"),
    ],
)
def test_other_column_types_are_read_alike(changes: dict[str, pa.Array]) -> None:
    expected, _ = decode_ratings(file_of())
    read, rejected = decode_ratings(file_of(**changes))
    assert rejected.empty
    assert_frame_equal(read.frame, expected.frame)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({c.RATING: pa.array([11, 7], pa.int8())}, "rating is not a whole number from 1 to 10"),
        ({c.RATING: pa.array([0, 7], pa.int8())}, "rating is not a whole number from 1 to 10"),
        ({c.RATING: pa.array([-1, 7], pa.int64())}, "rating is not a whole number from 1 to 10"),
        ({c.RATING: pa.array([7.5, 7])}, "rating is not a whole number from 1 to 10"),
        ({c.RATING: pa.array(["x", "7"])}, "rating is not a number"),
        ({c.USER_ID: pa.array([-1, 1])}, "user_id is not a whole number of at least 0"),
        ({c.SHOW_ID: pa.array([None, 1])}, "show_id is not a whole number of at least 0"),
        ({c.USER_ID: pa.array([2**64 - 1, 1], pa.uint64())}, "user_id is not a whole number"),
        ({c.RATED_AT: pa.array([None, 0], pa.timestamp("ms", "UTC"))}, "rated_at is not a time"),
        ({c.RATED_AT: pa.array(["2025-01-01T00:00:00Z", "x"])}, "rated_at is not a time"),
        ({c.EVENT_ID: pa.array([None, "b"])}, "no event_id"),
        ({c.USER_ID: pa.array([76561197970982480.0, 1.0])}, "user_id was shortened to a float"),
        ({c.SHOW_ID: pa.array(["7.65612E+16", "1"])}, "show_id was shortened to a float"),
        ({c.RATED_AT: pa.array([4_070_908_800_000, 0])}, "rated_at is before 1990 or after"),
        ({c.RATED_AT: pa.array([631_152_000, 0], pa.timestamp("ms"))}, "rated_at is before 1990"),
        ({c.SOURCE: pa.array(["SERVICE", "REPLAYED"])}, "rated_at is before 1990 or after"),
    ],
)
def test_a_bad_row_is_rejected_with_its_reason(changes: dict[str, pa.Array], reason: str) -> None:
    read, rejected = decode_ratings(file_of(**changes))
    assert len(read) == 1
    assert rejected[c.REASON].tolist()[0].startswith(reason)


def test_times_as_text_may_have_milliseconds_or_none() -> None:
    stamps = pa.array(["2025-01-01T00:00:00Z", "2025-01-01T00:00:00.123Z"])
    read, _ = decode_ratings(file_of(**{c.RATED_AT: stamps}))
    assert read.frame[c.RATED_AT].tolist() == [
        FIRST_INSTANT,
        FIRST_INSTANT + pd.Timedelta(milliseconds=123),
    ]


def test_text_that_is_none_is_a_batch_error() -> None:
    with pytest.raises(BatchError):
        decode_ratings(file_of(**{c.EVENT_ID: pa.array([b"\xff", b"b"])}))
