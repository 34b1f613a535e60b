"""Catalogue files: the bundled one, and those that users bring."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pandas as pd

from mlproject.core.catalogue import Catalogue
from mlproject.core.rejected import ignore
from mlproject.reading.catalogues import read_catalogue_file
from mlproject.reading.rejections import MOST_REJECTED

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileCatalogue:
    """A file of shows of any kind that :mod:`mlproject.reading` knows, read anew at each export.

    Parameters
    ----------
    path
        The file.
    on_rejected
        Given the rows that cannot be used, with their ``reason``.
    most_rejected
        The share of rows that may be no shows.
    """

    path: Path
    on_rejected: Callable[[pd.DataFrame], None] = ignore
    most_rejected: float = MOST_REJECTED

    def read(self) -> Catalogue:
        """Return the file's shows; rows that cannot be used are logged.

        Raises
        ------
        CatalogueError
            If the file is missing, empty, no table, or of no known kind.
        """
        file = read_catalogue_file(self.path, self.most_rejected)
        if len(file.rejected):
            log.warning("%s", file.said)
            self.on_rejected(file.rejected)
        return file.catalogue


def bundled() -> FileCatalogue:
    """Return the catalogue that comes with the package."""
    return FileCatalogue(Path(str(resources.files("mlproject.catalogue") / "data" / "shows.csv")))
