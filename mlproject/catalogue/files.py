"""Catalogue files: the bundled one, and the kinds that users bring.

A CSV with our column names is read as it is. The anime set (``anime_id, name, genre,
type, episodes, rating, members``) and MovieLens's ``movies.csv`` (``movieId, title,
genres``) are recognised by their headers. Any may be compressed.
"""

import html
import logging
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pandas as pd

from mlproject.core import columns as c
from mlproject.core.catalogue import GENRE_SEPARATOR, Catalogue
from mlproject.core.errors import CatalogueError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileCatalogue:
    """A CSV file of shows, read anew at every export."""

    path: Path

    def read(self) -> Catalogue:
        """Return the file's shows; rows that cannot be used are logged.

        Raises
        ------
        CatalogueError
            If the file is missing, empty, no table, or of no known kind.
        """
        try:
            raw = pd.read_csv(self.path, low_memory=False)
        except FileNotFoundError:
            raise CatalogueError(f"there is no file {self.path}") from None
        except pd.errors.EmptyDataError:
            raise CatalogueError(f"{self.path} is empty") from None
        except (OSError, EOFError, UnicodeDecodeError, pd.errors.ParserError) as error:
            raise CatalogueError(f"{self.path} cannot be read as a table: {error}") from error
        try:
            catalogue, rejected = Catalogue.validated(_renamed(raw))
        except CatalogueError as error:
            raise CatalogueError(f"{self.path}: {error}") from None
        if len(rejected):
            counts = rejected[c.REASON].value_counts().to_dict()
            log.warning("%d rows of %s are left out: %s", len(rejected), self.path, counts)
        return catalogue


def bundled() -> FileCatalogue:
    """Return the catalogue that comes with the package."""
    return FileCatalogue(Path(str(resources.files("mlproject.catalogue") / "data" / "shows.csv")))


def _renamed(raw: pd.DataFrame) -> pd.DataFrame:
    """Give the columns of a known kind of file our names and forms."""
    if "anime_id" in raw:
        return pd.DataFrame(
            {
                c.SHOW_ID: raw["anime_id"],
                # The set was gathered from web pages: "Gintama&#039;".
                c.TITLE: raw["name"].map(html.unescape, na_action="ignore"),
                c.GENRES: raw["genre"].str.replace(", ", GENRE_SEPARATOR),
                c.TYPE: raw["type"],
                c.EPISODES: raw["episodes"],
                c.POPULARITY: raw["members"],
            }
        )
    if "movieId" in raw:
        titles = raw["title"].str.extract(r"^(?P<title>.*?)(?:\s*\((?P<year>\d{4})\))?\s*$")
        return pd.DataFrame(
            {
                c.SHOW_ID: raw["movieId"],
                c.TITLE: titles["title"],
                c.GENRES: raw["genres"].where(raw["genres"] != "(no genres listed)"),
                c.FIRST_YEAR: titles["year"],
                c.TYPE: "Movie",
            }
        )
    return raw
