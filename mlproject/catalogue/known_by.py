"""What people know each show by, from the stored catalogue.

A promotion asks for it while a person waits, so it is read without pandas, which is slow to load.
"""

import io
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from mlproject.catalogue.keys import CATALOGUE
from mlproject.core import columns as c
from mlproject.core.errors import CatalogueError
from mlproject.core.ports import ObjectStore


def known_by(store: ObjectStore) -> dict[int, Mapping[str, Any]]:
    """Return title, genres, type and first year of each show, as a card has them.

    Returns
    -------
    dict
        By ``show_id``, without what is not known of a show; empty before the first export.

    Raises
    ------
    CatalogueError
        If what is stored cannot be read.
    """
    content = store.get(CATALOGUE)
    if content is None:
        return {}
    names = [c.SHOW_ID, c.TITLE, c.GENRES, c.TYPE, c.FIRST_YEAR]
    try:
        rows = parquet.read_table(io.BytesIO(content), columns=names).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise CatalogueError(f"the stored catalogue cannot be read: {error}") from error
    shows: dict[int, Mapping[str, Any]] = {}
    for row in rows:
        genres = [genre for genre in row[c.GENRES].split(c.GENRE_SEPARATOR) if genre]
        known = {name: value for name, value in row.items() if value}
        shows[row[c.SHOW_ID]] = known | {c.GENRES: genres}
    return shows
