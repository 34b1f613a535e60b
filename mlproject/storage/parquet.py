"""Ratings and the catalogue as Parquet."""

import io
from typing import Final

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from mlproject.core import columns as c
from mlproject.core.catalogue import Catalogue
from mlproject.core.errors import BatchError, CatalogueError
from mlproject.core.ratings import RatingFrame

_RATINGS: Final = pa.schema(
    [
        pa.field(c.EVENT_ID, pa.string(), nullable=False),
        pa.field(c.USER_ID, pa.int64(), nullable=False),
        pa.field(c.SHOW_ID, pa.int64(), nullable=False),
        pa.field(c.RATING, pa.int8()),
        pa.field(c.RATED_AT, pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field(c.SOURCE, pa.string(), nullable=False),
    ]
)


def encode_ratings(ratings: RatingFrame) -> bytes:
    """Write ratings as one Parquet file."""
    frame = ratings.frame
    # Without its zone, since pyarrow asks pandas for it in a way that is deprecated.
    plain = frame.assign(**{c.RATED_AT: frame[c.RATED_AT].dt.tz_convert(None)})
    arrays = [pa.array(plain[field.name], type=field.type) for field in _RATINGS]
    return _encode(pa.Table.from_arrays(arrays, schema=_RATINGS))


def decode_ratings(content: bytes) -> tuple[RatingFrame, pd.DataFrame]:
    """Read a batch: the good rows, and the rejected ones with their ``reason``.

    Raises
    ------
    BatchError
        If the file is not Parquet, is cut off, or lacks a column.
    """
    try:
        table = parquet.read_table(io.BytesIO(content))
        missing = [name for name in c.RATING_COLUMNS if name not in table.column_names]
        if missing:
            raise BatchError(f"no column {', '.join(missing)}")
        return RatingFrame.validated(table.to_pandas(types_mapper=_nullable))
    except (pa.ArrowException, OSError, TypeError, ValueError) as error:
        raise BatchError(f"not a readable Parquet file of ratings: {error}") from error


def encode_catalogue(catalogue: Catalogue) -> bytes:
    """Write the catalogue as one Parquet file."""
    return _encode(pa.Table.from_pandas(catalogue.frame, preserve_index=False))


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


def _encode(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _nullable(kind: pa.DataType) -> pd.Int8Dtype | None:
    return pd.Int8Dtype() if kind == pa.int8() else None
