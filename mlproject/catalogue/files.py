"""Catalogue files: the bundled one, and the kinds that users bring.

A table with our column names is read as it is: CSV, or JSON lines (``.jsonl``, where
genres may be a list). The anime set (``anime_id, name, genre,
type, episodes, rating, members``) and MovieLens's ``movies.csv`` (``movieId, title,
genres``) are recognised by their headers. Any may be compressed.
"""

import html
import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pandas as pd

from mlproject.core import columns as c
from mlproject.core.catalogue import GENRE_SEPARATOR, Catalogue
from mlproject.core.errors import CatalogueError
from mlproject.core.rejected import ignore
from mlproject.core.tables import read_table

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileCatalogue:
    """A file of shows, read anew at every export.

    Parameters
    ----------
    path
        The file.
    on_rejected
        Given the rows that cannot be used, with their ``reason``.
    """

    path: Path
    on_rejected: Callable[[pd.DataFrame], None] = ignore

    def read(self) -> Catalogue:
        """Return the file's shows; rows that cannot be used are logged.

        Raises
        ------
        CatalogueError
            If the file is missing, empty, no table, or of no known kind.
        """
        raw = read_table(self.path, CatalogueError)
        try:
            catalogue, rejected = Catalogue.validated(_renamed(raw))
        except CatalogueError as error:
            raise CatalogueError(f"{self.path}: {error}") from None
        if len(rejected):
            counts = rejected[c.REASON].value_counts().to_dict()
            log.warning("%d rows of %s are left out: %s", len(rejected), self.path, counts)
            self.on_rejected(rejected)
        return catalogue


def bundled() -> FileCatalogue:
    """Return the catalogue that comes with the package."""
    return FileCatalogue(Path(str(resources.files("mlproject.catalogue") / "data" / "shows.csv")))


def _renamed(raw: pd.DataFrame) -> pd.DataFrame:
    """Give the columns of a known kind of file our names and forms."""
    nothing = pd.Series("", index=raw.index)

    def text(name: str) -> pd.Series:
        column = raw.get(name, nothing)
        return column.astype("str").where(column.notna(), "")

    if "anime_id" in raw:
        return pd.DataFrame(
            {
                c.SHOW_ID: raw["anime_id"],
                # The set was gathered from web pages: "Gintama&#039;".
                c.TITLE: text("name").map(html.unescape),
                c.GENRES: text("genre").str.replace(", ", GENRE_SEPARATOR),
                c.TYPE: text("type"),
                c.EPISODES: text("episodes"),
                c.POPULARITY: text("members"),
                c.MEAN_RATING: text("rating"),
            }
        )
    if "movieId" in raw:
        titles = text("title").str.extract(r"^(?P<title>.*?)(?:\s*\((?P<year>\d{4})\))?\s*$")
        genres = text("genres")
        return pd.DataFrame(
            {
                c.SHOW_ID: raw["movieId"],
                c.TITLE: titles["title"],
                c.GENRES: genres.where(genres != "(no genres listed)", ""),
                c.FIRST_YEAR: titles["year"],
                c.TYPE: "Movie",
            }
        )
    if c.GENRES in raw:
        # JSON lines may have a list.
        joined = raw[c.GENRES].map(
            lambda genres: (
                GENRE_SEPARATOR.join(str(genre) for genre in genres if genre is not None)
                if isinstance(genres, list)
                else genres
            )
        )
        return raw.assign(**{c.GENRES: joined})
    return raw
