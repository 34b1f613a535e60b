"""Sets of ratings are merged on disk as if they were one set."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.forgotten import NOBODY
from mlproject.histories.merging import merge
from mlproject.snapshot.by_user import RatingsByUser
from mlproject.snapshot.latest import latest
from tests.rating_rows import ROWS, Row, columns, rows, winners


def merged(sets: list[list[Row]], block_rows: int) -> RatingsByUser:
    made = [RatingsByUser.of(latest(columns(each))) for each in sets]
    with tempfile.TemporaryDirectory() as folder:
        merge(made, Path(folder), NOBODY, block_rows)
        return RatingsByUser.mapped(Path(folder))


@given(st.lists(ROWS, max_size=4), st.integers(1, 5))
def test_the_winners_of_all_are_there(sets: list[list[Row]], block_rows: int) -> None:
    found = merged(sets, block_rows)
    assert rows(found.columns()) == winners([row for each in sets for row in each])


def test_large_ids_make_the_file_wider() -> None:
    assert merged([[(1, 2, 3, 4, 5, 6)]], 9).show_id.dtype == np.int32
    found = merged([[(1, 2, 3, 4, 5, 6)], [(2**62, 2**62, 3, 4, 5, 6)]], 9)
    assert found.show_id.dtype == np.int64
    assert found.user_id.tolist() == [1, 2**62]


def test_a_folder_in_use_is_not_written_over(tmp_path: Path) -> None:
    merge([], tmp_path, NOBODY)
    with pytest.raises(FileExistsError):
        merge([], tmp_path, NOBODY)
