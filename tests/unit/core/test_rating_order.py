"""The order of single ratings is that by which the snapshot chooses winners."""

from struct import pack

from hypothesis import given
from hypothesis import strategies as st

from mlproject.core import columns as c
from mlproject.core.event_keys import event_key, event_keys
from mlproject.core.rating_order import Rated, order_of, parts_of, rated_of, rating_in
from mlproject.core.rating_scale import RETRACTED
from mlproject.snapshot.latest import beats
from tests.rating_rows import RATINGS, Row, columns

ROW = st.tuples(
    st.just(0),
    st.just(0),
    st.sampled_from(RATINGS),
    st.integers(-(2**63), 2**63 - 1) | st.integers(-1, 1),
    st.sampled_from([0, 1, 2**64 - 1]),
    st.sampled_from([0, 1, 2**63]),
)
EVENT = {c.EVENT_ID: "x", c.USER_ID: 1, c.SHOW_ID: 2, c.RATING: 7, c.RATED_AT: 1000}
EVENT |= {c.RETRACTED: None}


def order(row: Row) -> bytes:
    return order_of(row[3], pack(">QQ", row[4], row[5]), row[2])


@given(ROW, ROW)
def test_it_is_the_order_of_the_snapshot(first: Row, second: Row) -> None:
    assert (order(first) > order(second)) == beats(columns([first]), columns([second]))[0]


@given(ROW)
def test_its_parts_come_back(row: Row) -> None:
    assert parts_of(order(row)) == (row[3], pack(">QQ", row[4], row[5]), row[2])
    assert rating_in(order(row)) == row[2]


@given(st.uuids().map(str) | st.uuids().map(lambda each: str(each).upper()) | st.text())
def test_one_event_has_the_key_that_many_have(event_id: str) -> None:
    high, low = event_keys([event_id, "another"])
    assert event_key(event_id) == pack(">QQ", high[0], low[0])


def test_an_event_is_read() -> None:
    assert rated_of(EVENT) == Rated(1, 2, order_of(1000, event_key("x"), 7))
    taken_back = {**EVENT, c.RETRACTED: True}
    assert rated_of(taken_back) == Rated(1, 2, order_of(1000, event_key("x"), RETRACTED))
    assert rated_of({**EVENT, c.RATING: None}) == Rated(1, 2, order_of(1000, event_key("x"), 0))
