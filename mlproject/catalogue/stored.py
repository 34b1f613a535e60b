"""The catalogue's place in the store."""

from datetime import date

from mlproject.batches import keys
from mlproject.batches.parquet import decode_catalogue, encode_catalogue
from mlproject.core.catalogue import Catalogue
from mlproject.core.errors import CatalogueError
from mlproject.core.ports import ObjectStore


def read_catalogue(store: ObjectStore) -> Catalogue:
    """Return the exported catalogue.

    Raises
    ------
    CatalogueError
        If nothing has been exported yet, or what is there cannot be read.
    """
    content = store.get(keys.CATALOGUE)
    if content is None:
        raise CatalogueError(
            f"no catalogue in {store.uri} yet; `tvrec export-shows` puts one there"
        )
    return decode_catalogue(content)


def write_catalogue(store: ObjectStore, catalogue: Catalogue, day: date) -> bool:
    """Store the catalogue, and as the day's, unless the same one is there.

    Returns
    -------
    bool
        Whether it was written.
    """
    content = encode_catalogue(catalogue)
    if store.get(keys.CATALOGUE) == content:
        return False
    store.put(keys.catalogue_of(day), content)
    store.put(keys.CATALOGUE, content)
    return True
