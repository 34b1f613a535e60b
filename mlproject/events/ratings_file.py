"""Files of ratings, recognised by their columns.

========================  ==========================================  =======
file                      columns                                     ratings
========================  ==========================================  =======
our own                   user_id, show_id, rating[, rated_at]        1 to 10
anime (Kaggle)            user_id, anime_id, rating                   1 to 10, -1 = watched
MovieLens ``ratings.csv`` userId, movieId, rating, timestamp          0.5 to 5
MovieLens ``ratings.dat`` no header, separated by ``::``              1 to 5
MovieLens ``u.data``      no header, separated by tabs                1 to 5
========================  ==========================================  =======

Times are texts in ISO 8601, or seconds or milliseconds since 1970. Five-star ratings are
doubled. Any of them may be compressed (``.gz``, ``.zip``, ...).
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from mlproject.core import columns as c
from mlproject.core.errors import RatingsFileError
from mlproject.core.parsing import decimals, instants
from mlproject.core.tables import read_table


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a known kind of file spells our columns, and its scale against 1 to 10."""

    name: str
    user: str
    show: str
    rating: str
    rated_at: str | None
    scale: float = 1.0
    unrated: float | None = None


_LAYOUTS: Final = (
    _Layout("tvrec", c.USER_ID, c.SHOW_ID, c.RATING, c.RATED_AT),
    _Layout("anime", c.USER_ID, "anime_id", c.RATING, None, unrated=-1),
    _Layout("MovieLens", "userId", "movieId", c.RATING, "timestamp", scale=2.0),
)
_LARGEST_SECONDS: Final = 1e11
_HEADERLESS: Final = {"user_id": 0, "show_id": 1, "rating": 2, "timestamp": 3}
_MOVIELENS_OLD: Final = _Layout("MovieLens", "user_id", "show_id", "rating", "timestamp", scale=2.0)


def read_ratings_file(path: Path) -> pd.DataFrame:
    """Read a file of ratings into raw columns ``user_id, show_id, rating, rated_at``.

    Parameters
    ----------
    path
        The file; its kind is recognised by its separator and header.

    Returns
    -------
    pandas.DataFrame
        One rating a row, unchecked: ``rating`` on the scale 1 to 10 with NA for watched
        but not rated, and the original text where it is no number; ``rated_at`` a time
        in UTC, NaT where the file has none.

    Raises
    ------
    RatingsFileError
        If the file is missing, empty, not a table, or of no known kind.
    """
    raw, layout = _read(path)
    if not len(raw):
        raise RatingsFileError(f"{path} has no ratings in it")

    numbers = decimals(raw[layout.rating]) * layout.scale
    # What is no number is kept as it came, so that the row is rejected, not "unrated".
    rating = numbers.astype("object").where(numbers.notna(), raw[layout.rating])
    if layout.unrated is not None:
        rating = rating.where(numbers != layout.unrated, None)
    return pd.DataFrame(
        {
            c.USER_ID: raw[layout.user],
            c.SHOW_ID: raw[layout.show],
            c.RATING: rating,
            c.RATED_AT: _times(raw, layout.rated_at),
        }
    )


def _read(path: Path) -> tuple[pd.DataFrame, _Layout]:
    sample = _table(path, header=None, nrows=1, sep="\x00", dtype="str", quoting=csv.QUOTE_NONE)
    first = str(sample.iloc[0, 0]) if sample.size else ""
    for separator in ("::", "\t"):
        # A header has letters; the old files of MovieLens have none.
        if first.replace(separator, "").replace(".", "").isdigit() and separator in first:
            engine = {"engine": "python"} if len(separator) > 1 else {}
            raw = _table(path, sep=separator, header=None, **engine)
            return _name_columns(raw, path), _MOVIELENS_OLD
    raw = _table(path, sep="\t" if "\t" in first else ",")
    for layout in _LAYOUTS:
        if {layout.user, layout.show, layout.rating} <= set(raw.columns):
            return raw, layout
    raise RatingsFileError(
        f"{path} has the columns {', '.join(map(str, raw.columns))}; wanted are "
        + " or ".join(f"{o.user}, {o.show}, {o.rating}" for o in _LAYOUTS)
    )


def _table(path: Path, **options: Any) -> pd.DataFrame:
    return read_table(path, RatingsFileError, **options)


def _name_columns(raw: pd.DataFrame, path: Path) -> pd.DataFrame:
    if len(raw.columns) != len(_HEADERLESS):
        raise RatingsFileError(
            f"{path} has {len(raw.columns)} columns; a file without a header has "
            "user, show, rating and timestamp"
        )
    return raw.set_axis(list(_HEADERLESS), axis="columns")


def _times(raw: pd.DataFrame, column: str | None) -> pd.Series:
    if column is None or column not in raw:
        return pd.Series(pd.NaT, index=raw.index, dtype="datetime64[ms, UTC]")
    numbers = decimals(raw[column])
    # As seconds, numbers this large are beyond the year 5000.
    unit = "ms" if numbers.median() > _LARGEST_SECONDS else "s"
    return instants(raw[column], unit=unit)
