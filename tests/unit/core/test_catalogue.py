"""A catalogue has each show once, in order, with what is known of it."""

from typing import Any

import pandas as pd
import pytest

from mlproject.core import columns as c
from mlproject.core.catalogue import DTYPES, Catalogue
from mlproject.core.errors import CatalogueError

IDENTITY = "show_id is not a whole number of at least 0"


def validated(**values: list[Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The frame and the rejected rows of shows 1, 2, ... with the given columns."""
    n = len(next(iter(values.values())))
    raw = {c.SHOW_ID: range(1, n + 1), c.TITLE: [f"Show {i}" for i in range(n)], **values}
    catalogue, rejected = Catalogue.validated(pd.DataFrame(raw))
    assert len(catalogue) + len(rejected) == n
    return catalogue.frame, rejected


def test_shows_are_sorted_by_id() -> None:
    frame, rejected = validated(show_id=[30, 10, 20], title=["c", "a", "b"])
    assert frame[c.TITLE].to_dict() == {0: "a", 1: "b", 2: "c"}
    assert rejected.empty


def test_of_a_show_that_comes_twice_the_first_is_kept() -> None:
    frame, rejected = validated(show_id=[1, 2, 1], title=["first", "other", "second"])
    assert frame[c.TITLE].tolist() == ["first", "other"]
    assert rejected[[c.TITLE, c.REASON]].to_numpy().tolist() == [
        ["second", "show_id occurs before"]
    ]


def test_a_rejected_row_does_not_count_as_the_first() -> None:
    frame, rejected = validated(show_id=[1, 1], title=["", "second"])
    assert frame[c.TITLE].tolist() == ["second"]
    assert rejected[c.REASON].tolist() == ["no title"]


@pytest.mark.parametrize("title", [None, "", "  ", float("nan")])
def test_a_show_without_a_title_is_rejected(title: Any) -> None:
    frame, rejected = validated(title=["good", title])
    assert frame[c.TITLE].tolist() == ["good"]
    assert rejected[c.REASON].tolist() == ["no title"]


@pytest.mark.parametrize("show_id", [None, "abc", -1, 1.5, float("inf"), 2.0**63])
def test_a_show_without_a_usable_id_is_rejected(show_id: Any) -> None:
    frame, rejected = validated(show_id=[1, show_id])
    assert frame[c.SHOW_ID].tolist() == [1]
    assert rejected[c.REASON].tolist() == [IDENTITY]


def test_a_title_may_be_a_number() -> None:
    frame, _ = validated(title=[24, 1923])
    assert frame[c.TITLE].tolist() == ["24", "1923"]


def test_a_show_without_genres_is_kept() -> None:
    frame, rejected = validated(genres=["Crime|Drama", None, "", float("nan")])
    assert frame[c.GENRES].tolist() == ["Crime|Drama", "", "", ""]
    assert rejected.empty


@pytest.mark.parametrize("column", [c.EPISODES, c.SEASONS, c.FIRST_YEAR])
@pytest.mark.parametrize("unknown", ["Unknown", None, -3, 1.5, 2**40])
def test_a_count_that_is_none_is_not_known(column: str, unknown: Any) -> None:
    frame, rejected = validated(**{column: [unknown, "12"]})
    assert frame[column].isna().tolist() == [True, False]
    assert frame[column][1] == 12
    assert rejected.empty


@pytest.mark.parametrize("unknown", ["much", None, -1])
def test_a_popularity_that_is_none_is_not_known(unknown: Any) -> None:
    frame, _ = validated(popularity=[unknown, "0.5"])
    assert frame[c.POPULARITY].isna().tolist() == [True, False]
    assert frame[c.POPULARITY][1] == 0.5


def test_a_popularity_beyond_float32_is_not_known() -> None:
    frame, _ = validated(popularity=[1e300, 1])
    assert frame[c.POPULARITY].isna().tolist() == [True, False]


def test_optional_columns_may_be_missing() -> None:
    frame, _ = validated(title=["a"])
    assert frame.dtypes.astype("str").to_dict() == DTYPES
    assert frame[[c.GENRES, c.NETWORK, c.COUNTRY, c.TYPE]].iloc[0].tolist() == [""] * 4
    assert frame[[c.FIRST_YEAR, c.SEASONS, c.EPISODES, c.POPULARITY]].isna().all(axis=None)


def test_other_columns_are_left_out() -> None:
    frame, _ = validated(title=["a"], rating=[9.1])
    assert set(frame.columns) == set(DTYPES)


@pytest.mark.parametrize("missing", [c.SHOW_ID, c.TITLE])
def test_an_error_names_the_missing_column(missing: str) -> None:
    raw = pd.DataFrame({c.SHOW_ID: [1], c.TITLE: ["a"]}).drop(columns=missing)
    with pytest.raises(CatalogueError, match=f"no column {missing}$"):
        Catalogue.validated(raw)


def test_an_error_names_both_missing_columns() -> None:
    with pytest.raises(CatalogueError, match=r"no column show_id and no column title"):
        Catalogue.validated(pd.DataFrame({"name": ["a"]}))


@pytest.mark.parametrize("ids", [[], [-1, "abc"]])
def test_a_catalogue_without_a_usable_show_is_an_error(ids: list[Any]) -> None:
    with pytest.raises(CatalogueError, match="no usable show"):
        validated(show_id=ids)


def test_a_bad_row_does_not_make_other_shows_repeats() -> None:
    frame, _ = validated(show_id=[2**53, 2**53 + 1, -1])
    assert frame[c.SHOW_ID].tolist() == [2**53, 2**53 + 1]
