"""What becomes a rating is in range, and what does not says why."""

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproject.core import columns as c
from mlproject.core import event_fields
from mlproject.core.event_fields import NAMES
from mlproject.core.rating_scale import RETRACTED
from mlproject.core.ratings import DTYPES, RatingFrame

GOOD: dict[str, Any] = {
    c.EVENT_ID: "e1",
    c.USER_ID: 7,
    c.SHOW_ID: 300,
    c.RATING: 9,
    c.RATED_AT: 1_735_689_600_000,
    c.SOURCE: "SIMULATED",
    c.RETRACTED: False,
}
NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)

SHORTENED = event_fields.SHORTENED.format(c.USER_ID)
OUT_OF_TIME = event_fields.OUT_OF_TIME.format(c.RATED_AT)
USER = "user_id is not a whole number of at least 0"
SHOW = "show_id is not a whole number of at least 0"
RATING = "rating is not a whole number from 1 to 10"


def raw(*changes: dict[str, Any]) -> pd.DataFrame:
    """One row for each change of the good row."""
    return pd.DataFrame([GOOD | change for change in changes], columns=list(NAMES))


def times(*values: Any) -> list[datetime]:
    """What the given times are read as; those of rejected rows are missing."""
    good, _ = RatingFrame.validated(raw(*({c.RATED_AT: value} for value in values)))
    return good.frame[c.RATED_AT].dt.to_pydatetime().tolist()


def test_a_good_row_is_kept_as_it_is() -> None:
    good, rejected = RatingFrame.validated(raw({}))
    assert rejected.empty
    row = good.frame.iloc[0].to_dict()
    assert row == GOOD | {c.RATED_AT: pd.Timestamp("2025-01-01", tz="UTC")}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({c.EVENT_ID: None}, "no event_id"),
        ({c.USER_ID: None}, USER),
        ({c.USER_ID: "abc"}, USER),
        ({c.USER_ID: -1}, USER),
        ({c.USER_ID: 1.5}, USER),
        ({c.USER_ID: float("inf")}, SHORTENED),
        ({c.USER_ID: 2.0**53}, SHORTENED),
        ({c.USER_ID: "7.65612E+16"}, SHORTENED),
        ({c.USER_ID: 2**64}, USER),
        ({c.SHOW_ID: ""}, SHOW),
        ({c.SHOW_ID: -3}, SHOW),
        ({c.RATING: "abc"}, "rating is not a number"),
        ({c.RATING: ""}, "rating is not a number"),
        ({c.RATING: 0}, RATING),
        ({c.RATING: 11}, RATING),
        ({c.RATING: 7.5}, RATING),
        ({c.RATING: "inf"}, "rating is not a number"),
        ({c.RATED_AT: None}, "rated_at is not a time"),
        ({c.RATED_AT: "2099-01-01T00:00:00Z"}, OUT_OF_TIME),
        ({c.RATED_AT: "1970-01-19"}, OUT_OF_TIME),
        ({c.RATED_AT: 0}, OUT_OF_TIME),
        ({c.RETRACTED: "true"}, "retracted is not true or false"),
        ({c.RETRACTED: 1}, "retracted is not true or false"),
    ],
)
def test_a_bad_row_is_rejected_with_its_reason(change: dict[str, Any], reason: str) -> None:
    good, rejected = RatingFrame.validated(raw({}, change))
    assert len(good) == 1
    assert rejected[c.REASON].tolist() == [reason]
    assert rejected.index.tolist() == [1]


def test_a_text_that_is_no_time_is_rejected() -> None:
    rows = raw({c.RATED_AT: "2025-01-01T12:00:00Z"}, {c.RATED_AT: "noon"})
    good, rejected = RatingFrame.validated(rows)
    assert len(good) == 1
    assert rejected[c.REASON].tolist() == ["rated_at is not a time"]


def test_the_first_of_several_reasons_is_given() -> None:
    _, rejected = RatingFrame.validated(raw({c.USER_ID: -1, c.RATING: 99}))
    assert rejected[c.REASON].tolist() == [USER]


def test_a_rejected_row_is_returned_as_it_came() -> None:
    _, rejected = RatingFrame.validated(raw({c.RATING: "abc"}))
    assert rejected.drop(columns=c.REASON).iloc[0].to_dict() == GOOD | {c.RATING: "abc"}


@pytest.mark.parametrize(("retracted", "read"), [(True, RETRACTED), (False, 9), (None, 9)])
def test_what_is_taken_back_is_no_rating(retracted: Any, read: int) -> None:
    good, rejected = RatingFrame.validated(raw({c.RETRACTED: retracted}))
    assert rejected.empty
    assert good.to_columns().rating.tolist() == [read]


def test_an_event_of_the_first_schema_takes_nothing_back() -> None:
    good, _ = RatingFrame.validated(raw({}).drop(columns=c.RETRACTED))
    assert good.to_columns().rating.tolist() == [9]


@pytest.mark.parametrize("unrated", [None, float("nan"), pd.NA])
def test_unrated_stays_unrated(unrated: Any) -> None:
    good, rejected = RatingFrame.validated(raw({c.RATING: unrated}, {}))
    assert rejected.empty
    assert good.frame[c.RATING].isna().tolist() == [True, False]


def test_text_of_whole_numbers_is_coerced() -> None:
    good, rejected = RatingFrame.validated(
        raw({c.USER_ID: "7", c.SHOW_ID: "300", c.RATING: "9", c.RATED_AT: 1_735_689_600_000})
    )
    assert rejected.empty
    assert good.frame.iloc[0][[c.USER_ID, c.SHOW_ID, c.RATING]].tolist() == [7, 300, 9]


@pytest.mark.parametrize(
    "noon",
    [
        1_735_732_800_000,
        "2025-01-01T12:00:00Z",
        "2025-01-01T13:00:00+01:00",
        "2025-01-01 12:00",
        NOON,
        pd.Timestamp(NOON).as_unit("ns"),
    ],
)
def test_a_time_may_be_milliseconds_or_iso_text_or_a_timestamp(noon: Any) -> None:
    assert times(noon) == [NOON]


@pytest.mark.parametrize("other", ["2025-01-01T12:00:00.000Z", "2025-01-01 12:00:00+00:00"])
def test_iso_texts_may_differ_in_form(other: str) -> None:
    """Python's own isoformat leaves out the fraction of a whole second."""
    assert times("2025-01-01T12:00:00Z", other) == [NOON, NOON]


def test_a_bad_time_in_the_first_row_is_as_any_other() -> None:
    assert times("abc", "2025-01-01T12:00:00Z") == [NOON]


def test_milliseconds_are_milliseconds_in_a_column_of_objects() -> None:
    rows = raw({c.RATED_AT: 1_735_732_800_000}).astype({c.RATED_AT: "object"})
    good, _ = RatingFrame.validated(rows)
    assert good.frame[c.RATED_AT].tolist() == [NOON]


def test_a_bad_row_does_not_change_the_ids_of_the_others() -> None:
    good, _ = RatingFrame.validated(raw({c.USER_ID: 2**53 + 1}, {c.USER_ID: "abc"}))
    assert good.frame[c.USER_ID].tolist() == [2**53 + 1]


@pytest.mark.parametrize("user", [2**53 + 1, 2**63 - 1])
def test_nor_does_a_negative_id(user: int) -> None:
    good, _ = RatingFrame.validated(raw({c.USER_ID: user}, {c.USER_ID: -1}))
    assert good.frame[c.USER_ID].tolist() == [user]


def test_rows_need_no_index_of_their_own() -> None:
    """As after a concat of two frames."""
    rows = raw({c.USER_ID: "7"}, {c.USER_ID: "8"}).set_axis([0, 0])
    good, _ = RatingFrame.validated(rows)
    assert good.frame[c.USER_ID].tolist() == [7, 8]


@pytest.mark.parametrize("never", [1e300, float("inf")])
def test_a_number_that_is_no_time_is_rejected(never: float) -> None:
    assert times(1_735_732_800_000.0, never) == [NOON]


def test_the_highest_int64_is_an_id() -> None:
    good, _ = RatingFrame.validated(raw({c.USER_ID: 2**63 - 1}))
    assert good.frame[c.USER_ID].tolist() == [2**63 - 1]


def test_a_missing_id_of_a_nullable_column_is_rejected() -> None:
    rows = raw({c.USER_ID: 7}, {c.USER_ID: None}).astype({c.USER_ID: "Int64"})
    _, rejected = RatingFrame.validated(rows)
    assert rejected[c.REASON].tolist() == [USER]


def test_a_missing_column_is_a_key_error() -> None:
    with pytest.raises(KeyError, match=c.RATING):
        RatingFrame.validated(raw({}).drop(columns=c.RATING))


def test_no_rows_are_no_ratings_of_the_right_types() -> None:
    good, rejected = RatingFrame.validated(raw())
    assert len(good) == len(rejected) == 0
    for frame in (good.frame, RatingFrame.empty().frame, RatingFrame.concat([]).frame):
        assert frame.dtypes.astype("str").to_dict() == DTYPES


def test_concat_keeps_the_order_and_numbers_the_rows_anew() -> None:
    one, _ = RatingFrame.validated(raw({c.EVENT_ID: "a"}, {c.EVENT_ID: "b"}))
    two, _ = RatingFrame.validated(raw({c.EVENT_ID: "c"}))
    joined = RatingFrame.concat([two, RatingFrame.empty(), one])
    assert joined.frame[c.EVENT_ID].to_dict() == {0: "c", 1: "a", 2: "b"}
    assert joined.frame.dtypes.astype("str").to_dict() == DTYPES


anything = st.none() | st.integers(-5, 15) | st.floats(width=32) | st.text(max_size=3)


@settings(deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                c.EVENT_ID: st.none() | st.text(max_size=3),
                c.USER_ID: anything,
                c.SHOW_ID: anything,
                c.RATING: anything,
                c.RATED_AT: st.none() | st.integers(0, 2**42),
            }
        ),
        max_size=8,
    )
)
def test_every_row_is_either_good_or_rejected(changes: list[dict[str, Any]]) -> None:
    rows = raw(*changes)
    good, rejected = RatingFrame.validated(rows)
    assert len(good) + len(rejected) == len(rows)
    assert (rejected[c.REASON] != "").all()
    frame = good.frame
    assert frame.dtypes.astype("str").to_dict() == DTYPES
    assert (frame[[c.USER_ID, c.SHOW_ID]] >= 0).all(axis=None)
    assert frame[c.RATING].dropna().between(1, 10).all()
    assert not frame.drop(columns=c.RATING).isna().any(axis=None)


@pytest.mark.parametrize("unit", [1000, 1, 0.001, 0.000_001])
def test_the_unit_of_a_time_is_told_by_its_magnitude(unit: float) -> None:
    assert times(round(1_735_732_800_000 / unit)) == [NOON]


def test_the_made_up_time_of_a_replayed_rating_is_kept() -> None:
    good, rejected = RatingFrame.validated(raw({c.RATED_AT: 5, c.SOURCE: "REPLAYED"}))
    assert good.frame[c.RATED_AT].tolist() == [pd.Timestamp(5, unit="ms", tz="UTC")]
    assert rejected.empty
