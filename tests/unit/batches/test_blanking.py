"""Ratings of the forgotten leave a batch, and nothing else changes."""

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.batches.blanking import blanked, concerns, is_about
from mlproject.batches.formats import decode_batch, decode_frame, encode_batch, next_offset
from mlproject.batches.jsonl import good_events
from mlproject.batches.keys import BatchKey
from mlproject.batches.rated_lines import read_rated_lines
from mlproject.core import columns as c
from mlproject.core.forgotten import NOBODY
from tests import builders
from tests.rating_rows import many

pytestmark = builders.PYARROW_AND_PANDAS

FIRST = builders.FIRST_INSTANT.value // 1_000_000
FORMATS = ["jsonl", "jsonl.gz", "parquet"]


@pytest.mark.parametrize("ending", FORMATS)
def test_a_batch_is_as_if_the_user_had_never_rated(ending: str) -> None:
    key = BatchKey(0, 500, ending)
    ratings = builders.ratings(10, user_id=[1, 7, 2, 7, 1, 2, 1, 2, 1, 7])
    content = encode_batch(key, ratings)
    forgotten = NOBODY.adding(7, FIRST + 10_000)
    clean, count = blanked(key, content, forgotten)
    others = ratings.frame[ratings.frame[c.USER_ID] != 7]
    assert count == 3
    assert decode_frame(key, clean).frame.to_dict("records") == others.to_dict("records")
    read = decode_batch(key, clean)
    assert len(read.ratings) == 7
    assert len(read.rejected) == 0
    assert not concerns(read, forgotten)
    assert read.next_offset == 510
    assert next_offset(key, clean) == 510, "who writes on goes on after what was there"


@pytest.mark.parametrize("ending", FORMATS)
def test_a_batch_of_nothing_else_keeps_its_offsets(ending: str) -> None:
    key = BatchKey(0, 500, ending)
    content = encode_batch(key, builders.ratings(4, user_id=7))
    clean, count = blanked(key, content, NOBODY.adding(7, FIRST + 10_000))
    assert count == 4
    assert len(decode_batch(key, clean).ratings) == 0
    assert decode_batch(key, clean).next_offset == 504
    assert next_offset(key, clean) == 504


@pytest.mark.parametrize("ending", FORMATS)
def test_what_was_rated_later_stays(ending: str) -> None:
    key = BatchKey(0, 0, ending)
    content = encode_batch(key, builders.ratings(5, user_id=7))
    clean, count = blanked(key, content, NOBODY.adding(7, FIRST + 2_000))
    assert count == 3
    assert decode_batch(key, clean).ratings.rated_at.tolist() == [FIRST + 3_000, FIRST + 4_000]


@pytest.mark.parametrize("ending", FORMATS)
@given(seed=st.integers(0, 999), gone=st.sets(st.integers(0, 9), max_size=4))
def test_blanking_is_leaving_out(ending: str, seed: int, gone: set[int]) -> None:
    key = BatchKey(0, 0, ending)
    ratings = many(30, seed, users=10)
    forgotten = NOBODY
    for user in gone:
        forgotten = forgotten.adding(user, 500_000)
    before = decode_batch(key, encode_batch(key, ratings)).ratings
    clean, count = blanked(key, encode_batch(key, ratings), forgotten)
    leaves = forgotten.rows(before.user_id, before.rated_at)
    after = decode_batch(key, clean).ratings
    assert count == leaves.sum()
    expected = sorted(before.take(~leaves).id_low.tolist())
    assert sorted(after.id_low.tolist()) == expected
    assert blanked(key, clean, forgotten)[1] == 0, "once is enough"


def test_offsets_of_the_others_stay_where_they_were() -> None:
    """Also where lines do not tell them, and where an event lies under ``value``."""
    event = json.dumps(next(iter(builders.ratings(1, user_id=7).events())))
    other = json.dumps(next(iter(builders.ratings(1, user_id=8).events())))
    plain = f"{event}\n{other}\n".encode()
    nested = (
        f'{{"offset":40,"value":{event}}}\n{{"offset":44,"value":{other}}}\n'
        f'{{"offset":46,"value":{event}}}\n'
    ).encode()
    forgotten = NOBODY.adding(7, FIRST)
    key = BatchKey(0, 40, "jsonl")
    read = read_rated_lines(blanked(key, plain, forgotten)[0], 40)
    assert [offset for offset, _ in read.ratings] == [41]
    assert (read.next_offset, read.passed_over) == (42, 0)
    clean = blanked(key, nested, forgotten)[0]
    assert clean.startswith(b'{"offset":40,"value":null}\n'), "the sink of Kafka Connect reads it"
    read = read_rated_lines(clean, 40)
    assert [offset for offset, _ in read.ratings] == [44]
    assert (read.next_offset, read.passed_over) == (47, 0)
    assert decode_batch(key, clean).next_offset == 47
    assert [each[c.USER_ID] for each in good_events(clean)] == [8]


def test_a_row_that_is_no_rating_goes_too() -> None:
    key = BatchKey(0, 0, "jsonl")
    lines = [
        '{"user_id": 7, "show_id": "none"}',
        '{"user_id": 8, "show_id": 7}',
        '{"user_id": 7, "show_',
        '{"user_id": 77, "show_',
    ]
    forgotten = NOBODY.adding(7, FIRST)
    content = "\n".join(lines).encode()
    assert concerns(decode_batch(key, content), forgotten)
    clean, count = blanked(key, content, forgotten)
    assert count == 2
    assert clean.decode().split("\n") == ['{"value":null}', lines[1], '{"value":null}', lines[3]]
    assert not concerns(decode_batch(key, clean), forgotten)


def test_a_row_of_parquet_that_is_no_rating_goes_too() -> None:
    key = BatchKey(0, 0, "parquet")
    table = pa.table(
        {
            c.EVENT_ID: ["a", "b", "c"],
            c.USER_ID: ["7", "8", "7"],
            c.SHOW_ID: ["x", "x", "5"],
            c.RATING: ["5", "5", "5"],
            c.RATED_AT: ["2025-01-01T00:00:00Z"] * 3,
            c.SOURCE: ["SERVICE"] * 3,
        }
    )
    buffer = pa.BufferOutputStream()
    pa.parquet.write_table(table, buffer)
    content = buffer.getvalue().to_pybytes()
    forgotten = NOBODY.adding(7, FIRST - 1)
    clean, count = blanked(key, content, forgotten)
    assert count == 1, "the third is a rating, and later"
    assert decode_batch(key, clean).ratings.user_id.tolist() == [7]
    assert decode_batch(key, clean).next_offset == 3


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"user_id": 7, "show_id": 8}, True),
        ({"user_id": "7", "show_id": 8}, True),
        ({"user_id": 8, "show_id": 7}, False),
        ({"user_id": None, "line": '{"user": 7}'}, True),
        ({"user_id": float("nan"), "userId": 7.0}, True),
        ({"line": "70 77"}, False),
    ],
)
def test_whom_a_row_is_about(row: dict[str, object], *, expected: bool) -> None:
    assert is_about(row, NOBODY.adding(7, 0)) is expected
