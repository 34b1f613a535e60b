"""Ids are exact, or there is a reason why there is none."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlproject.reading.ids import PREFIXES, read_ids


def read(*texts: str | None, prefixes: tuple[str, ...] = ()) -> tuple[list[int], list[str]]:
    ids, reasons = read_ids(pa.chunked_array([pa.array(texts, pa.string())]), "user_id", prefixes)
    return ids.tolist(), reasons.tolist()


def test_a_blank_cell_does_not_make_its_neighbours_floats() -> None:
    ids, reasons = read("76561197970982479", None, "76561197970982481")
    assert ids == [76561197970982479, -1, 76561197970982481]
    assert reasons == ["", "there is no user_id", ""]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("7.65612E+16", "user_id was shortened to a float, as Excel and pandas do; write ids as"),
        ("7,65612E+16", "user_id was shortened to a float"),
        ("76561197970982480.0", "user_id was shortened to a float"),
        ("9223372036854775808", "user_id is larger than 9223372036854775807"),
        ("-1", "user_id is below 0"),
        ("7.5", "user_id is not a whole number"),
        ("nan", "there is no user_id"),
        (r"\N", "there is no user_id"),
        ("0x10", "user_id is not a number; give each name or UUID a whole number first"),
        ("A2SUAM1J3GNN3B", "user_id is not a number"),
        ("4b825dc6-42cb-6eb9-a060-e54bf8d69288", "user_id is not a number"),
        ("٣", "user_id is not a number"),
    ],
)
def test_what_is_no_id_has_a_reason(text: str, reason: str) -> None:
    ids, reasons = read(text, "7")
    assert ids == [-1, 7]
    assert reasons[0].startswith(reason)
    assert reasons[1] == ""


@pytest.mark.parametrize(
    ("text", "number"),
    [("0000012", 12), ("7.0", 7), ("9007199254740991.0", 2**53 - 1), (str(2**63 - 1), 2**63 - 1)],
)
def test_whole_numbers_are_read_in_any_writing(text: str, number: int) -> None:
    assert read(text)[0] == [number]


def test_the_marks_of_imdb_are_part_of_no_number() -> None:
    assert read("tt0111161", "tt0068646", prefixes=PREFIXES["show"])[0] == [111161, 68646]
    assert read("tt0111161", "7", prefixes=PREFIXES["show"])[0] == [-1, 7]


def test_a_mark_is_not_taken_away_if_two_ids_became_one() -> None:
    assert read("s1", "s01", prefixes=PREFIXES["show"])[0] == [-1, -1]


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1))
def test_every_id_is_what_it_was(ids: list[int]) -> None:
    assert read(*map(str, ids))[0] == ids
    assert read(*map(str, ids), None)[0] == [*ids, -1]
