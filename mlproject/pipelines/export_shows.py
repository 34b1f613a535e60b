"""Catalogue source to object store."""

from dataclasses import dataclass
from typing import Final

from mlproject.catalogue.stored import read_catalogue, write_catalogue
from mlproject.core.errors import CatalogueError
from mlproject.core.ports import CatalogueSource, Clock, ObjectStore

SMALLEST_SHARE: Final = 0.8
"""A catalogue with fewer shows than this share of the stored one is taken for broken."""


@dataclass(frozen=True, slots=True)
class ExportResult:
    """How many shows there are, and whether anything had changed."""

    shows: int
    written: bool


def export_shows(
    source: CatalogueSource, store: ObjectStore, clock: Clock, *, force: bool = False
) -> ExportResult:
    """Put the catalogue into the store if it has changed.

    Parameters
    ----------
    source, store
        From where to where.
    clock
        Tells the day under which the catalogue is kept in the history.
    force
        Replace the stored catalogue even by a much smaller one.

    Raises
    ------
    CatalogueError
        If the source's catalogue cannot be used, or has shrunk below four fifths.
    """
    catalogue = source.read()
    if not force:
        try:
            stored = len(read_catalogue(store))
        except CatalogueError:
            stored = 0
        if len(catalogue) < stored * SMALLEST_SHARE:
            raise CatalogueError(
                f"the new catalogue has {len(catalogue)} shows, the stored one {stored}; "
                "it stays. Use --force if that is right"
            )
    written = write_catalogue(store, catalogue, clock.now().date())
    return ExportResult(len(catalogue), written)
