"""A show is described by its metadata: a feature is there or not."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from mlproject.core import columns as c
from mlproject.core.catalogue import Catalogue
from mlproject.dataset.features import genre_matrix, show_metadata

FULL: dict[str, Any] = {
    c.GENRES: "Crime|Drama",
    c.TYPE: "Scripted",
    c.NETWORK: "HBO",
    c.COUNTRY: "US",
    c.FIRST_YEAR: 2008,
    c.EPISODES: 62,
}


def shows(*rows: dict[str, Any]) -> Catalogue:
    raw = pd.DataFrame(
        [{c.SHOW_ID: i, c.TITLE: "a show"} | row for i, row in enumerate(rows)],
        columns=[c.SHOW_ID, c.TITLE, *FULL],
    )
    return Catalogue.validated(raw)[0]


def metadata(*rows: dict[str, Any]) -> NDArray[np.float32]:
    dense: NDArray[np.float32] = show_metadata(shows(*rows)).toarray()
    assert dense.dtype == np.float32
    assert len(dense) == len(rows)
    return dense


def test_a_show_has_a_feature_or_not() -> None:
    rows = metadata(FULL, {c.GENRES: "Comedy"}, FULL | {c.EPISODES: None})
    assert set(np.unique(rows)) == {0, 1}
    assert rows.sum(axis=1).tolist() == [7, 1, 6]


def test_a_show_without_metadata_has_none() -> None:
    rows = metadata(FULL, {}, {c.GENRES: "Drama"})
    assert not rows[1].any()
    assert rows[2].any()


def test_without_any_metadata_there_are_no_features() -> None:
    assert metadata({}, {}).sum() == 0


def test_nothing_is_nan(catalogue: Catalogue) -> None:
    """Of a catalogue that has some columns and not others."""
    assert np.isfinite(show_metadata(catalogue).data).all()
    assert np.isfinite(metadata(FULL, {}, {c.EPISODES: 0, c.GENRES: "|"})).all()


def test_genres_are_told_by_show() -> None:
    matrix = genre_matrix(shows({c.GENRES: "Crime|Drama"}, {}, {c.GENRES: "Drama"}))
    assert matrix.tolist() == [[True, True], [False, False], [False, True]]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ({c.FIRST_YEAR: 2005}, {c.FIRST_YEAR: 2009}, True),
        ({c.FIRST_YEAR: 2009}, {c.FIRST_YEAR: 2010}, False),
        ({c.EPISODES: 1}, {c.EPISODES: 2}, False),
        ({c.EPISODES: 2}, {c.EPISODES: 12}, True),
        ({c.EPISODES: 12}, {c.EPISODES: 13}, False),
        ({c.EPISODES: 100}, {c.EPISODES: 101}, False),
        ({c.EPISODES: 101}, {c.EPISODES: 9999}, True),
        ({c.GENRES: "Crime|Drama"}, {c.GENRES: "Drama|Crime"}, True),
        ({c.NETWORK: "US"}, {c.COUNTRY: "US"}, False),
    ],
)
def test_shows_are_alike_within_a_bin(
    one: dict[str, Any], other: dict[str, Any], *, alike: bool
) -> None:
    rows = metadata(one, other)
    assert (rows[0] @ rows[1] > 0) == alike


def test_shared_genres_make_shows_similar() -> None:
    rows = metadata({c.GENRES: "Crime|Drama"}, {c.GENRES: "Crime"}, {c.GENRES: "Comedy"})
    assert rows[0] @ rows[1] == 1
    assert rows[0] @ rows[2] == 0
