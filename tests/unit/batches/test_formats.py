"""Any batch becomes arrays; the short way for our own files gives what the long one does."""

import io
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from mlproject.batches import parquet as parquet_module
from mlproject.batches.formats import Batch, decode_batch
from mlproject.batches.keys import BatchKey
from mlproject.batches.parquet import decode_ratings, encode_ratings
from mlproject.core import columns as c
from mlproject.core.errors import BatchError
from tests import builders
from tests.rating_rows import ROWS, Row, batch, rows
from tests.unit.batches.test_jsonl import event, lines

KEY = BatchKey(0, 100)


@settings(max_examples=30)
@given(ROWS.filter(bool))
def test_the_short_way_gives_what_the_long_way_gives(given_rows: list[Row]) -> None:
    content = batch(*[(u, s, r, abs(at), h, low) for u, s, r, at, h, low in given_rows])
    short = decode_batch(KEY, content)
    good, _ = decode_ratings(content)
    assert rows(short.ratings) == rows(good.to_columns())
    assert short.next_offset == 100 + len(given_rows)


def table(**columns: pa.Array) -> bytes:
    whole = parquet.read_table(io.BytesIO(encode_ratings(builders.ratings(3))))
    for name, values in columns.items():
        place = whole.column_names.index(name)
        whole = whole.set_column(place, name, values)
    buffer = io.BytesIO()
    parquet.write_table(whole, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "columns",
    [
        {c.RATING: pa.array([1, 0, 3], pa.int8())},
        {c.RATING: pa.array([None, 0, None], pa.int8())},
        {c.RATING: pa.array([1, 11, 3], pa.int8())},
        {c.USER_ID: pa.array([1, -1, 3], pa.int64())},
        {c.SHOW_ID: pa.array([1, -(2**63), 3], pa.int64())},
        {c.USER_ID: pa.array([1, None, 3], pa.int64())},
        {c.EVENT_ID: pa.array(["a", None, "c"])},
    ],
)
def test_one_bad_row_is_rejected_and_two_are_kept(columns: dict[str, pa.Array]) -> None:
    found = decode_batch(KEY, table(**columns))
    assert (len(found.ratings), len(found.rejected)) == (2, 1)
    assert found.rejected[c.REASON].str.len().gt(0).all()
    assert found.next_offset == 103


def test_other_types_are_coerced() -> None:
    found = decode_batch(
        KEY, table(user_id=pa.array([1, 2, 3], pa.int32()), rating=pa.array([1, 2, 3]))
    )
    assert found.ratings.user_id.tolist() == [1, 2, 3]
    assert found.ratings.rating.tolist() == [1, 2, 3]


@st.composite
def foreign_tables(draw: st.DrawFn) -> bytes:
    """Files of types that others write, with values that are out of bounds at times."""
    count = draw(st.integers(1, 5))

    def column(values: st.SearchStrategy[Any], types: list[pa.DataType]) -> pa.Array:
        drawn = draw(st.lists(values | st.none(), min_size=count, max_size=count))
        kind = draw(st.sampled_from(types))
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            drawn = [None if value is None else str(value) for value in drawn]
        elif pa.types.is_floating(kind):
            drawn = [None if value is None else float(value) for value in drawn]
        return pa.array(drawn, kind)

    ids, whole = st.sampled_from([0, 7, 100]), [pa.int64(), pa.int32(), pa.uint64(), pa.uint8()]
    zones = [None, "UTC", "Europe/Berlin"]
    stamps = [pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in zones]
    made = pa.table(
        {
            "extra": pa.array([1] * count),
            c.RATED_AT: column(
                st.integers(0, 2**50), [*stamps, pa.int64(), pa.float64(), pa.string()]
            ),
            c.RATING: column(st.integers(0, 11), [*whole, pa.int8(), pa.float64(), pa.string()]),
            c.SHOW_ID: column(ids, [*whole, pa.float64(), pa.string()]),
            c.USER_ID: column(ids, whole),
            c.EVENT_ID: column(ids, [pa.string(), pa.large_string(), pa.int64()]),
            c.SOURCE: column(ids, [pa.string(), pa.int64()]),
        }
    )
    if draw(st.booleans()):
        made = made.set_column(5, c.EVENT_ID, made[c.EVENT_ID].cast("string").dictionary_encode())
    buffer = io.BytesIO()
    parquet.write_table(made, buffer)
    return buffer.getvalue()


@settings(max_examples=200, deadline=None)
@given(foreign_tables())
def test_the_short_way_gives_what_the_long_way_gives_for_foreign_types(content: bytes) -> None:
    short = decode_batch(KEY, content)
    good, rejected = decode_ratings(content)
    assert sorted(rows(short.ratings)) == sorted(rows(good.to_columns()))
    assert list(short.rejected.get(c.REASON, [])) == list(rejected[c.REASON])


NS = 1_735_689_600_000_000_000


def test_convertible_types_take_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_module, "_validated", None)
    found = decode_batch(
        KEY,
        table(
            user_id=pa.array([1, 2, 3], pa.int32()),
            rating=pa.array([1.0, None, 3.0]),
            rated_at=pa.array([NS + 5_000_000, NS, NS + 1], pa.timestamp("ns")),
            event_id=pa.array(["a", "b", "a"]).dictionary_encode(),
            source=pa.nulls(3, pa.string()),
        ),
    )
    assert (found.ratings.rated_at - NS // 10**6).tolist() == [5, 0, 0]
    assert found.ratings.rating.tolist() == [1, 0, 3]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"PAR1", "not a readable Parquet file"),
        (encode_ratings(builders.ratings(5))[:-20], "not a readable Parquet file"),
        (encode_ratings(builders.ratings(5))[:40], "not a readable Parquet file"),
    ],
)
def test_what_is_no_batch_is_said_to_be_none(content: bytes, reason: str) -> None:
    with pytest.raises(BatchError, match=reason):
        decode_batch(KEY, content)


@pytest.mark.parametrize(
    "columns",
    [{c.USER_ID: pa.array([[1], [2], [3]])}, {c.RATING: pa.array([{"a": 1}] * 3)}],
)
def test_columns_of_lists_and_structures_are_rejected_row_by_row(
    columns: dict[str, pa.Array],
) -> None:
    found = decode_batch(KEY, table(**columns))
    assert (len(found.ratings), len(found.rejected)) == (0, 3)


def test_a_missing_column_is_named() -> None:
    buffer = io.BytesIO()
    pd.DataFrame({c.USER_ID: [1]}).to_parquet(buffer)
    with pytest.raises(BatchError, match="no column event_id, show_id"):
        decode_batch(KEY, buffer.getvalue())


@settings(max_examples=30)
@given(st.data())
def test_no_damage_stops_the_reader(data: st.DataObject) -> None:
    content = bytearray(encode_ratings(builders.ratings(5)))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=5)):
        content[place] ^= data.draw(st.integers(1, 255))
    outcome: Batch | BatchError
    try:
        outcome = decode_batch(KEY, bytes(content))
    except BatchError as error:
        outcome = error
    # Nothing else is raised, and no row is made up.
    assert isinstance(outcome, BatchError) or len(outcome.ratings) <= 5


@pytest.mark.parametrize("ending", ["json", "jsonl", "jsonl.gz", "gz"])
def test_json_lines_are_told_by_their_ending(ending: str) -> None:
    content = lines(event(), event(user_id=-1))
    found = decode_batch(BatchKey(0, 100, ending), content)
    assert (len(found.ratings), len(found.rejected), found.next_offset) == (1, 1, 102)
    told = decode_batch(BatchKey(0, 100, ending), lines({"value": event(), "offset": 700}))
    assert told.next_offset == 701


@pytest.mark.parametrize("ending", ["snappy.parquet", "gz.parquet"])
def test_parquet_may_name_its_compression(ending: str) -> None:
    assert (
        len(decode_batch(BatchKey(0, 0, ending), encode_ratings(builders.ratings(2))).ratings) == 2
    )


def test_an_unknown_ending_is_named() -> None:
    with pytest.raises(BatchError, match=r"no reader for \.avro"):
        decode_batch(BatchKey(0, 0, "avro"), b"Obj")


def test_our_own_batches_take_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_module, "_validated", None)
    assert len(decode_batch(KEY, encode_ratings(builders.ratings(3))).ratings) == 3
