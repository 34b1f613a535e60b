"""Genres are split in every usual writing, and what says there is none is none."""

import pytest

from mlproject.reading.genres import one_spelling, split_genres


@pytest.mark.parametrize(
    "text",
    [
        "Drama|Comedy",
        "Drama | Comedy",
        "Drama|Comedy|",
        "Drama, Comedy",
        "Drama,Comedy",
        " Drama, Comedy ",
        "Drama;Comedy",
        "Drama/Comedy",
        "Drama / Comedy",
        "['Drama', 'Comedy']",
        '["Drama", "Comedy"]',
        "[Drama, Comedy]",
        "('Drama', 'Comedy')",
        "[{'id': 18, 'name': 'Drama'}, {'id': 35, 'name': 'Comedy'}]",
        '[{"id": 18, "name": "Drama"}, {"id": 35, "name": "Comedy"}]',
        "Drama, Comedy, nan",
    ],
)
def test_genres_are_split(text: str) -> None:
    assert split_genres(text) == ["Drama", "Comedy"]


@pytest.mark.parametrize(
    "text",
    ["", r"\N", "nan", "NaN", "None", "Unknown", "N/A", "(no genres listed)", "[]", "[None]", "-"],
)
def test_no_genre_is_none(text: str) -> None:
    assert split_genres(text) == []


@pytest.mark.parametrize("text", ["Sci-Fi", "Sci-Fi & Fantasy", "Slice of Life", "Children's"])
def test_a_genre_of_several_words_is_one(text: str) -> None:
    assert split_genres(text) == [text]


def test_spellings_that_differ_in_capitals_are_one_genre() -> None:
    assert one_spelling(["Drama", "drama|Crime", "DRAMA|Drama"]) == [
        "Drama",
        "Drama|Crime",
        "Drama",
    ]


def test_a_list_is_read_and_not_run() -> None:
    assert split_genres("[__import__('os').getcwd()]") == ["__import__('os').getcwd()"]
