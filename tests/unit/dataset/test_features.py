"""A show is described by itself first, and by its metadata as much as is asked for."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from mlproject.core import columns as c
from mlproject.core.catalogue import Catalogue
from mlproject.dataset.features import show_features

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


def metadata(*rows: dict[str, Any], weight: float = 1.0) -> NDArray[np.float32]:
    """What comes after the identity."""
    dense = show_features(shows(*rows), weight=weight).toarray()
    assert dense.dtype == np.float32
    assert dense[:, : len(rows)].tolist() == np.eye(len(rows)).tolist()
    return dense[:, len(rows) :]


def test_weight_0_is_the_identity_alone(catalogue: Catalogue) -> None:
    assert show_features(catalogue, weight=0).toarray().tolist() == np.eye(12).tolist()


@pytest.mark.parametrize("weight", [0.25, 0.5, 3.0])
def test_the_metadata_of_a_show_adds_up_to_the_weight(weight: float) -> None:
    rows = metadata(FULL, {c.GENRES: "Comedy"}, FULL | {c.EPISODES: None}, weight=weight)
    assert rows.sum(axis=1) == pytest.approx([weight] * 3)
    assert np.unique(rows[1]) == pytest.approx([0, weight])


def test_a_show_without_metadata_is_itself_only() -> None:
    rows = metadata(FULL, {}, {c.GENRES: "Drama"})
    assert rows[1].tolist() == [0] * rows.shape[1]
    assert rows[2].any()


def test_without_any_metadata_there_is_the_identity() -> None:
    assert not metadata({}, {}).any()


def test_nothing_is_nan(catalogue: Catalogue) -> None:
    """Of a catalogue that has some columns and not others."""
    features = show_features(catalogue, weight=0.5)
    assert np.isfinite(features.data).all()
    assert np.isfinite(metadata(FULL, {}, {c.EPISODES: 0, c.GENRES: "|"})).all()


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
    assert rows.sum(axis=1) == pytest.approx([1, 1])


def test_shared_genres_make_shows_similar() -> None:
    rows = metadata({c.GENRES: "Crime|Drama"}, {c.GENRES: "Crime"}, {c.GENRES: "Comedy"})
    assert rows[0] @ rows[1] == pytest.approx(0.5)
    assert rows[0] @ rows[2] == 0
