"""Segments hold exactly the ratings they were made of, and notice damage."""

import io
from dataclasses import replace

import pytest
from hypothesis import given
from pyarrow import parquet

from mlproject.core.errors import DataError
from mlproject.snapshot.keys import generation_of
from mlproject.snapshot.segments import decode_segment, encode_segment
from tests.rating_rows import ROWS, Row, columns, rows, winners


@given(ROWS)
def test_ratings_come_back_as_they_were(given_rows: list[Row]) -> None:
    ratings = columns(winners(given_rows))
    info, content = encode_segment(ratings, generation=3)
    found = decode_segment(info, content)
    assert rows(found) == rows(ratings)
    assert [array.dtype for array in found.arrays] == [array.dtype for array in ratings.arrays]
    assert (info.rows, info.size, generation_of(info.key)) == (len(ratings), len(content), 3)


def test_equal_ratings_have_equal_keys_and_others_have_not() -> None:
    one, other = columns([(1, 2, 3, 4, 5, 6)]), columns([(1, 2, 3, 4, 5, 7)])
    assert encode_segment(one, 1) == encode_segment(one, 1)
    assert encode_segment(one, 1)[0].key != encode_segment(other, 1)[0].key


def test_other_tools_can_read_it() -> None:
    _, content = encode_segment(columns([(1, 2, 0, 1000, 0, 1), (1, 3, 7, 0, 0, 2)]), 1)
    table = parquet.read_table(io.BytesIO(content))
    assert table.column_names == ["user_id", "show_id", "rating", "rated_at", "event_id"]
    assert table["rating"].to_pylist() == [None, 7]
    assert table["event_id"].to_pylist() == [bytes(15) + b"\x01", bytes(15) + b"\x02"]
    assert str(table.schema.field("rated_at").type) == "timestamp[ms, tz=UTC]"


def test_damage_is_noticed() -> None:
    info, content = encode_segment(columns([(1, 2, 3, 4, 5, 6)]), 1)
    with pytest.raises(DataError, match="differs from its checksum"):
        decode_segment(info, content[:-1])
    with pytest.raises(DataError, match="other columns or rows"):
        decode_segment(replace(info, rows=2), content)
