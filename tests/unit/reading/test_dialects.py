"""The header decides what separates the fields."""

from collections.abc import Sequence

import pytest

from mlproject.reading.dialects import Dialect, find_dialect, is_quoted
from mlproject.reading.ratings_layouts import known


def found(text: str) -> Dialect:
    return find_dialect(text.encode(), known)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "::", " "])
def test_the_separator_is_that_which_gives_known_names(separator: str) -> None:
    names = ("user_id", "show_id", "rating")
    text = "\n".join([separator.join(names), separator.join("123")])
    assert found(text) == Dialect(separator, names, 3, 1)


def test_a_comma_in_a_field_is_not_what_separates() -> None:
    text = 'user_id;title, and more;rating\n1;"A, B, C, D";9\n'
    assert found(text).separator == ";"


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "sep=;\r"])
def test_the_line_that_excel_reads_is_heeded(line: str) -> None:
    assert found(f"{line}\nuser_id;show_id;rating\n1;2;3\n") == Dialect(
        ";", ("user_id", "show_id", "rating"), 3, 2
    )


@pytest.mark.parametrize(
    ("text", "separator"),
    [("1::2::3::4\n", "::"), ("1\t2\t3\n", "\t"), ("1,2,3\n4,5,6\n", ","), ("1 2 3\n", " ")],
)
def test_a_line_with_a_number_is_no_header(text: str, separator: str) -> None:
    dialect = found(text)
    assert (dialect.header, dialect.separator, dialect.skip) == (None, separator, 0)


def test_unknown_names_are_told_all_the_same() -> None:
    assert found("viewer;verdict;programme\na;b;c\n").header == ("viewer", "verdict", "programme")


def test_a_separator_at_the_end_of_the_rows_is_no_shift() -> None:
    assert found("user_id,show_id\n1,2,\n3,4,\n").width == 3
    assert found("user_id,show_id\n1,2,\n3,4,5\n").width == 2


@pytest.mark.parametrize(
    ("text", "separator", "expected"),
    [
        ('a,"b"\n', ",", True),
        ('1::"A" is for::x\n', "::", False),
        ('tt1\t"Rome\tDrama\ntt2\tLost\tDrama\n', "\t", False),
        ('"a"\t"b"\n"1"\t"2"\n', "\t", True),
        ("a\tb\n", "\t", False),
    ],
)
def test_quotation_marks_hold_fields_or_are_letters(
    *, text: str, separator: str, expected: bool
) -> None:
    assert is_quoted(text.encode(), separator) is expected


def test_the_number_of_known_names_is_asked_of_each_separator() -> None:
    asked: list[Sequence[str]] = []

    def count(names: Sequence[str]) -> int:
        asked.append(names)
        return len(names)

    assert find_dialect(b"a;b;c\n1;2;3\n", count).separator == ";"
    assert ["a", "b", "c"] in asked
