"""Genres in every usual writing into ours: parted by bars, each once, one spelling each."""

import ast
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from mlproject.core.catalogue import GENRE_SEPARATOR

NO_GENRE: Final = frozenset(
    {
        "", "-", "--", "?", "[]", "{}", "nan", "null", "none", "na", "n/a", "<na>", r"\n",
        "unknown",
        "undefined", "no genre", "no genres", "no genres listed", "(no genres listed)",
        "not available", "not found", "no genres have been added yet",
    }
)  # fmt: skip
"""What says in a column of genres that there is none, in lower case."""

SEPARATORS: Final = ("|", ";", ",")
"""What parts genres, the strongest first; a slash parts what these leave together."""
_SLASH: Final = "/"
_NAMES: Final = ("name", "Name", "genre", "title")


def one_spelling(shows: Iterable[str]) -> list[str]:
    r"""Write the genres of all shows our way.

    Genres that differ in capitals only are one, spelled as most shows spell it.

    Examples
    --------
    >>> one_spelling(["Drama, Comedy", "['Drama', 'Crime']", r"drama/Comedy", r"\N"])
    ['Drama|Comedy', 'Drama|Crime', 'Drama|Comedy', '']
    """
    parted = [split_genres(text) for text in shows]
    counts = Counter(genre for genres in parted for genre in genres)
    spelled: dict[str, str] = {}
    for genre, _ in counts.most_common():
        spelled.setdefault(genre.casefold(), genre)
    return [
        GENRE_SEPARATOR.join(dict.fromkeys(spelled[genre.casefold()] for genre in genres))
        for genres in parted
    ]


def split_genres(text: str) -> list[str]:
    """Part a show's genres.

    Parameters
    ----------
    text
        As a file has them: parted by bars, semicolons, commas or slashes, or as a list of
        texts or objects in JSON or Python.

    Examples
    --------
    >>> split_genres("[{'id': 18, 'name': 'Drama'}]"), split_genres("Sci-Fi / Fantasy")
    (['Drama'], ['Sci-Fi', 'Fantasy'])
    """
    text = text.strip()
    if text.casefold() in NO_GENRE:
        return []
    if text[0] in "[{(" and (listed := _listed(text)) is not None:
        return _cleaned(listed)
    by = next((mark for mark in SEPARATORS if mark in text), None)
    parts = text.split(by) if by else [text]
    return _cleaned(piece for part in parts for piece in part.split(_SLASH))


def _listed(text: str) -> list[str] | None:
    """Read a list in JSON or Python; None if it is none."""
    value: Any = None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        try:
            # Reads constants only; nothing is run.
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            # As TVMaze's and others' exports write it: [Drama, Comedy]
            inside = text[1:-1] if text[0] == "[" and text.endswith("]") else None
            return inside.split(",") if inside is not None else None
    if isinstance(value, dict):
        value = [value]
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list | tuple | set):
        return None
    return [_name(one) for one in value]


def _name(one: Any) -> str:
    if isinstance(one, dict):
        return str(next((one[name] for name in _NAMES if one.get(name)), ""))
    return "" if one is None else str(one)


def _cleaned(parts: Iterable[str]) -> list[str]:
    names = (part.strip(" \t\r\n'\"|") for part in parts)
    # A bar within a name would part it anew.
    return [name.replace(GENRE_SEPARATOR, " ") for name in names if name.casefold() not in NO_GENRE]
