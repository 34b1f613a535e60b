"""Ratings as rows of Spark, by way of Arrow."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql.types import ByteType, DataType, LongType, StringType, StructField, StructType

from mlproject.core.rating_columns import COLUMN_TYPES, RatingColumns

# Spark has no numbers without a sign: the halves of an event id are stored as they lie in memory.
_STORED: Final = {
    name: np.dtype(np.int64) if kind is np.uint64 else np.dtype(kind)
    for name, kind in COLUMN_TYPES.items()
}
_SPARK_TYPES: Final = {np.dtype(np.int8): ByteType(), np.dtype(np.int64): LongType()}
_ARROW_TYPES: Final[dict[DataType, pa.DataType]] = {
    ByteType(): pa.int8(),
    LongType(): pa.int64(),
    StringType(): pa.string(),
}
_AT_ONCE: Final = 100_000

RATING_FIELDS: Final = tuple(
    StructField(name, _SPARK_TYPES[kind]) for name, kind in _STORED.items()
)
RATING_ROWS: Final = StructType(list(RATING_FIELDS))
"""The columns of :class:`~mlproject.core.rating_columns.RatingColumns`."""


def to_arrow(ratings: RatingColumns) -> Iterator[pa.RecordBatch]:
    """Yield ratings as Arrow batches, some at a time."""
    stored = dict(zip(_STORED, ratings.arrays, strict=True))
    for start in range(0, len(ratings), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        yield pa.RecordBatch.from_pydict(
            {name: pa.array(array[part].view(_STORED[name])) for name, array in stored.items()}
        )


def of_arrow(rows: Iterable[pa.RecordBatch]) -> RatingColumns:
    """Return the ratings of Arrow batches; further columns are left out."""
    parts = [
        RatingColumns(*(_values(batch, name, kind) for name, kind in COLUMN_TYPES.items()))
        for batch in rows
    ]
    return RatingColumns.concat(parts)


def one_row(of: StructType, **values: Any) -> pa.RecordBatch:
    """Return one row with some of its columns."""
    fields = [pa.field(field.name, _ARROW_TYPES[field.dataType]) for field in of]
    return pa.RecordBatch.from_pylist([values], schema=pa.schema(fields))


def _values(batch: pa.RecordBatch, name: str, kind: type[np.generic]) -> Any:
    return batch.column(name).to_numpy(zero_copy_only=False).view(kind)


def lists(rows: NDArray[Any]) -> pa.ListArray:
    """Return the rows of a matrix as lists."""
    offsets = np.arange(len(rows) + 1, dtype=np.int32) * np.int32(rows.shape[1])
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(rows.ravel()))


def flat(column: Any) -> NDArray[Any]:
    """Return the values of all lists of an Arrow column one after the other."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    found: NDArray[Any] = array.flatten().to_numpy(zero_copy_only=False)
    return found
