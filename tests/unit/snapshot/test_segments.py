"""Segments hold exactly the ratings they were made of, and notice damage."""

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from mlproject.core.errors import DataError
from mlproject.snapshot.keys import generation_of
from mlproject.snapshot.segments import decode_segment, encode_segment, unpack_segment
from tests.rating_rows import ROWS, Row, columns, rows, winners


@given(ROWS)
def test_ratings_come_back_as_they_were(given_rows: list[Row]) -> None:
    ratings = columns(winners(given_rows))
    info, content = encode_segment(ratings, generation=3)
    found = decode_segment(info, content)
    assert rows(found) == rows(ratings)
    assert [array.dtype for array in found.arrays] == [array.dtype for array in ratings.arrays]
    assert (info.rows, info.size, generation_of(info.key)) == (len(ratings), len(content), 3)


def test_unpacked_they_are_mapped(tmp_path: Path) -> None:
    ratings = columns([(1, 2, 3, 4, 5, 6), (1, 2**40, 0, -4, 5, 6), (7, 2, 3, 4, 5, 6)])
    found = unpack_segment(*encode_segment(ratings, 1), tmp_path)
    assert rows(found.columns()) == rows(ratings)
    assert found.columns(1).user_id.tolist() == [7]
    assert not found.rating.flags.writeable


def test_equal_ratings_have_equal_keys_and_others_have_not() -> None:
    one, other = columns([(1, 2, 3, 4, 5, 6)]), columns([(1, 2, 3, 4, 5, 7)])
    assert encode_segment(one, 1) == encode_segment(one, 1)
    assert encode_segment(one, 1)[0].key != encode_segment(other, 1)[0].key


def test_numpy_alone_can_read_it() -> None:
    _, content = encode_segment(columns([(1, 2, 0, 1000, 0, 1), (1, 3, 7, 0, 0, 2)]), 1)
    arrays = np.load(io.BytesIO(content), allow_pickle=False)
    assert {name: arrays[name].tolist() for name in arrays} == {
        "user_id": [1],
        "start": [0, 2],
        "show_id": [2, 3],
        "rating": [0, 7],
        "rated_at": [1000, 0],
        "id_high": [0, 0],
        "id_low": [1, 2],
    }
    assert arrays["show_id"].dtype == np.int32


def test_damage_is_noticed(tmp_path: Path) -> None:
    info, content = encode_segment(columns([(1, 2, 3, 4, 5, 6)]), 1)
    with pytest.raises(DataError, match="differs from its checksum"):
        decode_segment(info, content[:-1])
    with pytest.raises(DataError, match="differs from its checksum"):
        unpack_segment(info, content[:-1], tmp_path)
    with pytest.raises(DataError, match="the expected rows"):
        decode_segment(replace(info, rows=2), content)
    with pytest.raises(DataError, match="the expected rows"):
        unpack_segment(replace(info, rows=2), content, tmp_path)


def test_arrays_of_other_types_are_refused() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, user_id=np.zeros(1))
    info, _ = encode_segment(columns([(1, 2, 3, 4, 5, 6)]), 1)
    content = buffer.getvalue()
    forged = replace(info, sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(DataError, match="cannot be read: there is no start"):
        decode_segment(forged, content)
