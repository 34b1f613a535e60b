"""External ids and rows are each other's inverse, and what is not there is -1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.core.ids import UNKNOWN_ROW, IdMap

ids = st.integers(0, 2**63 - 1)


@given(st.lists(ids))
def test_rows_inverts_ids(values: list[int]) -> None:
    id_map = IdMap.of(values)
    assert id_map.ids.tolist() == sorted(set(values))
    assert id_map.rows(id_map.ids).tolist() == list(range(len(id_map)))


@given(st.sets(ids), st.lists(ids))
def test_an_id_is_found_if_and_only_if_it_is_there(known: set[int], wanted: list[int]) -> None:
    id_map = IdMap.of(list(known))
    wanted = wanted + list(known)
    expected = [sorted(known).index(one) if one in known else UNKNOWN_ROW for one in wanted]
    assert id_map.rows(wanted).tolist() == expected
    assert [id_map.row(one) for one in wanted] == expected


def test_unknown_is_minus_one() -> None:
    """Model files and masks rely on the number itself."""
    assert IdMap.of([10, 30]).rows([9, 11, 31]).tolist() == [-1, -1, -1]


def test_an_empty_map_knows_nobody() -> None:
    empty = IdMap.of([])
    assert len(empty) == 0
    assert empty.rows([1, 2]).tolist() == [UNKNOWN_ROW, UNKNOWN_ROW]
    assert empty.row(1) == UNKNOWN_ROW


def test_rows_keeps_the_shape() -> None:
    id_map = IdMap.of([10, 20])
    assert id_map.rows([[10], [20], [30]]).tolist() == [[0], [1], [-1]]
    assert id_map.rows([]).shape == (0,)


@pytest.mark.parametrize("external_id", [-1, 2**63, 2**70])
def test_an_id_that_no_int64_holds_is_unknown(external_id: int) -> None:
    assert IdMap.of([0, 2**63 - 1]).row(external_id) == UNKNOWN_ROW


def test_rows_takes_a_single_id() -> None:
    assert IdMap.of([10, 20]).rows(20) == 1
    assert IdMap.of([]).rows(20) == UNKNOWN_ROW
