"""Interactions from the snapshot are those of the row-by-row rule."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from mlproject.core import columns as c
from mlproject.core.catalogue import Catalogue
from mlproject.dataset import matrices
from mlproject.dataset.matrices import interactions
from mlproject.snapshot.latest import latest
from tests.rating_rows import ROWS, Row, columns, standing


def catalogue_of(*show_ids: int) -> Catalogue:
    raw = pd.DataFrame({c.SHOW_ID: show_ids, c.TITLE: "a title"})
    return Catalogue.validated(raw)[0]


@pytest.mark.parametrize("table", [0, 1 << 24])
@given(given_rows=ROWS)
def test_known_shows_are_laid_out_and_others_wait(given_rows: list[Row], table: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matrices, "_TABLE", table)
        found, waiting = interactions(latest(columns(given_rows)), catalogue_of(1, 3, 4, 99))
    expected = [row for row in standing(given_rows) if row[1] in {1, 3, 4}]
    assert waiting == len(standing(given_rows)) - len(expected)
    assert found.shows.ids.tolist() == [1, 3, 4, 99]
    assert found.users.ids.tolist() == sorted({row[0] for row in expected})
    assert found.users.ids[found.user_rows].tolist() == [row[0] for row in expected]
    assert found.shows.ids[found.show_rows].tolist() == [row[1] for row in expected]
    values = [np.nan if row[2] == 0 else row[2] for row in expected]
    np.testing.assert_array_equal(found.ratings, np.array(values, dtype=np.float32))
    assert found.rated_at.tolist() == [row[3] for row in expected]
    kinds = (found.user_rows.dtype, found.show_rows.dtype, found.ratings.dtype)
    assert kinds == (np.int32, np.int32, np.float32)


def test_the_matrix_has_a_row_a_user_and_a_column_a_show() -> None:
    ratings = latest(columns([(5, 3, 7, 0, 0, 0), (9, 1, 2, 0, 0, 0), (9, 2, 8, 0, 0, 0)]))
    found, waiting = interactions(ratings, catalogue_of(1, 2, 3))
    everything = np.ones(len(found), dtype=np.bool_)
    assert found.matrix(found.ratings, everything).toarray().tolist() == [[0, 0, 7], [2, 8, 0]]
    assert waiting == 0


def test_a_show_counts_once_the_catalogue_knows_it() -> None:
    ratings = latest(columns([(5, 3, 7, 0, 0, 0)]))
    assert interactions(ratings, catalogue_of(1))[1] == 1
    found, waiting = interactions(ratings, catalogue_of(1, 3))
    assert (len(found), waiting) == (1, 0)
