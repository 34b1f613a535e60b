"""The catalogue in the store, as Parquet."""

import io
from datetime import date

import pyarrow as pa
from pyarrow import parquet

from mlproject.catalogue.keys import CATALOGUE, catalogue_of
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
    content = store.get(CATALOGUE)
    if content is None:
        raise CatalogueError(
            f"no catalogue in {store.uri} yet; `tvrec export-shows` puts one there"
        )
    return decode_catalogue(content)


def write_catalogue(store: ObjectStore, catalogue: Catalogue, day: date) -> bool:
    """Store the catalogue, and a copy under its day, unless the same one is there.

    Returns
    -------
    bool
        Whether it was written.
    """
    content = encode_catalogue(catalogue)
    if store.get(CATALOGUE) == content:
        return False
    store.put(catalogue_of(day), content)
    store.put(CATALOGUE, content)
    return True


def encode_catalogue(catalogue: Catalogue) -> bytes:
    """Write the catalogue as one Parquet file."""
    table = pa.Table.from_pandas(catalogue.frame, preserve_index=False)
    buffer = io.BytesIO()
    parquet.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def decode_catalogue(content: bytes) -> Catalogue:
    """Read the catalogue.

    Raises
    ------
    CatalogueError
        If the file is not Parquet, is cut off, or has no usable show.
    """
    try:
        table = parquet.read_table(io.BytesIO(content))
    except (pa.ArrowException, OSError) as error:
        raise CatalogueError(f"the stored catalogue cannot be read: {error}") from error
    catalogue, _ = Catalogue.validated(table.to_pandas())
    return catalogue
