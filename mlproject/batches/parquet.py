"""Batches of ratings as Parquet."""

import io
from collections.abc import Collection
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from mlproject.batches.plain_rows import plain_rows
from mlproject.core.errors import BatchError
from mlproject.core.event_fields import EVENT_FIELDS, NEEDED, Kind
from mlproject.core.rating_columns import RatingColumns
from mlproject.core.ratings import RatingFrame

_TYPES: Final = {
    Kind.TEXT: pa.string(),
    Kind.SYMBOL: pa.string(),
    Kind.WHOLE: pa.int64(),
    Kind.SCORE: pa.int8(),
    Kind.INSTANT: pa.timestamp("ms", tz="UTC"),
    Kind.FLAG: pa.bool_(),
}
_SCHEMA: Final = pa.schema(
    [pa.field(field.name, _TYPES[field.kind], nullable=field.is_optional) for field in EVENT_FIELDS]
)
_INSTANTS: Final = [field.name for field in EVENT_FIELDS if field.kind is Kind.INSTANT]

# So that one row without a number does not turn the column into floats, which are inexact.
_NULLABLE: Final = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}
# Made once, since making a data frame costs a third of what reading a small file does.
_NONE: Final = pd.DataFrame()


def encode_ratings(ratings: RatingFrame) -> bytes:
    """Write ratings as one Parquet file."""
    frame = ratings.frame
    # Without its zone, since pyarrow asks pandas for it in a way that is deprecated.
    plain = frame.assign(**{name: frame[name].dt.tz_convert(None) for name in _INSTANTS})
    arrays = [pa.array(plain[field.name], type=field.type) for field in _SCHEMA]
    buffer = io.BytesIO()
    parquet.write_table(pa.Table.from_arrays(arrays, schema=_SCHEMA), buffer, compression="zstd")
    return buffer.getvalue()


def count_rows(content: bytes) -> int:
    """Count the rows of a batch, good and bad; only the file's footer is read.

    Raises
    ------
    BatchError
        If the file is not Parquet, or is cut off.
    """
    try:
        return int(parquet.ParquetFile(pa.BufferReader(content)).metadata.num_rows)
    except (pa.ArrowException, OSError) as error:
        raise BatchError(f"not a readable Parquet file: {error}") from error


def decode_ratings(content: bytes) -> tuple[RatingFrame, pd.DataFrame]:
    """Read a batch: the good rows, and the rejected ones with their ``reason``.

    Raises
    ------
    BatchError
        If the file is not Parquet, is cut off, or lacks a column.
    """
    try:
        return _validated(_without_blanks(parquet.read_table(io.BytesIO(content))))
    except (pa.ArrowException, OSError, TypeError, ValueError) as error:
        raise BatchError(f"not a readable Parquet file of ratings: {error}") from error


def decode_table(table: pa.Table) -> tuple[RatingColumns, pd.DataFrame]:
    """Read a batch as arrays: what is plain at once, the rest row by row.

    Small batches are the rule, and building and checking a data frame for each costs more
    than ten times what reading the file does.

    Raises
    ------
    BatchError
        If a column is missing.
    """
    columns = dict(zip(names := table.column_names, table.columns, strict=True))
    _check_columns(columns)
    if len(columns) < len(names):
        raise BatchError("two columns have the same name")
    plain, which = plain_rows(columns)
    rest = _without_blanks(table.filter(pa.array(~which))) if not which.all() else None
    if not rest:
        return plain, _NONE
    good, rejected = _validated(rest)
    return RatingColumns.concat([plain, good.to_columns()]), rejected


def _without_blanks(table: pa.Table) -> pa.Table:
    """Leave out rows without any value: see :mod:`mlproject.batches.blanking`."""
    if not all(column.null_count for column in table.columns):
        return table
    is_valid = np.logical_or.reduce([column.is_valid().to_numpy() for column in table.columns])
    return table.filter(pa.array(is_valid))


def _validated(table: pa.Table) -> tuple[RatingFrame, pd.DataFrame]:
    _check_columns(table.column_names)
    return RatingFrame.validated(table.to_pandas(types_mapper=_NULLABLE.get))


def _check_columns(names: Collection[str]) -> None:
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise BatchError(f"no column {', '.join(missing)}")
