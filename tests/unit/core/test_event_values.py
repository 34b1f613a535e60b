"""Values one by one come to what they come to in a column."""

from datetime import datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core import columns as c
from mlproject.core.event_fields import EVENT_FIELDS, NAMES, EventField, Kind
from mlproject.core.event_values import check_time, read_value
from mlproject.core.ratings import RatingFrame

GOOD = {
    c.EVENT_ID: "one",
    c.USER_ID: 7,
    c.SHOW_ID: 101,
    c.RATING: 8,
    c.RATED_AT: 1_735_689_600_123,
    c.SOURCE: "REPLAYED",
    c.RETRACTED: None,
}
NUMERIC = st.text("0123456789.eE+-_ xnaif", max_size=6)
SINCE, UNTIL = datetime(1990, 1, 3), datetime(2026, 1, 1)  # noqa: DTZ001 - hypothesis wants none
TIMES = st.datetimes(SINCE, UNTIL, timezones=st.timezones()).map(datetime.isoformat) | st.datetimes(
    SINCE, UNTIL
).map(lambda time: time.isoformat(" ", "milliseconds"))
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-20, 20)
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | NUMERIC
    | st.sampled_from(
        ["7.65612E+16", 7.6e16, 1e15, "9007199254740993.0", 1_577_836_800, "2099-01-01"]
    )
    | st.sampled_from(["", "7.0", "07", "\u0663", "True", "2025-01-01", "2025-01-01T00:00:00Z"])
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, VALUES)))
def test_a_value_is_read_as_in_a_column(changes: dict[str, object]) -> None:
    row = GOOD | changes
    raw = pd.DataFrame([row], columns=list(NAMES), dtype="object")
    good, rejected = RatingFrame.validated(raw)
    read: Any
    try:
        read = {field.name: read_value(field, row[field.name]) for field in EVENT_FIELDS}
        check_time(read)
        read.pop(c.SOURCE)
    except ValueError as error:
        read = str(error)
    (told,) = [*rejected[c.REASON], *good.events()]
    if isinstance(told, dict):
        told.pop(c.SOURCE)
    assert read == told


@given(TIMES)
def test_a_time_is_read_as_in_a_column(time: str) -> None:
    raw = pd.DataFrame([GOOD | {c.RATED_AT: time}], dtype="object")
    (event,) = RatingFrame.validated(raw)[0].events()
    field = next(field for field in EVENT_FIELDS if field.kind is Kind.INSTANT)
    assert read_value(field, time) == event[c.RATED_AT]


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.SYMBOL])
def test_a_field_may_be_missing_if_it_is_optional(kind: Kind) -> None:
    assert read_value(EventField("x", kind, is_optional=True), None) is None
    with pytest.raises(ValueError, match="x"):
        read_value(EventField("x", kind), None)
