"""Names of columns, however they are spelled."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

_SIGNS: Final = re.compile(r"[^a-z0-9]")


def plain(name: str) -> str:
    """Return a name without what spellings differ in.

    Examples
    --------
    >>> {plain(name) for name in ("user_id", "userId", "User ID", " USER-ID ")}
    {'userid'}
    """
    return _SIGNS.sub("", name.casefold())


def repeated(header: Sequence[str], places: Iterable[int]) -> str | None:
    """Return the first of some columns whose name another column has too, None if none has.

    Examples
    --------
    >>> repeated(["userId", "rating", "Rating"], (0, 1))
    'rating'
    """
    plains = [plain(name) for name in header]
    return next((header[place] for place in places if plains.count(plains[place]) > 1), None)


def positions(header: Sequence[str], aliases: Iterable[str]) -> list[int]:
    """Return where the aliases are in a header, in the order of the aliases.

    Examples
    --------
    >>> positions(["rating", "movieId", "show_id"], ("show_id", "movie_id"))
    [2, 1]
    """
    plains = [plain(name) for name in header]
    return [plains.index(wanted) for alias in aliases if (wanted := plain(alias)) in plains]
