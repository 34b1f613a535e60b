"""Rows of Spark, made and read as Arrow batches."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    DataType,
    IntegerType,
    LongType,
    StringType,
    StructType,
)

_ARROW_TYPES: Final[dict[DataType, pa.DataType]] = {
    ArrayType(LongType()): pa.list_(pa.int64()),
    BinaryType(): pa.binary(),
    IntegerType(): pa.int32(),
    LongType(): pa.int64(),
    StringType(): pa.string(),
}


def rows_of(of: StructType, **columns: NDArray[Any] | pa.Array) -> pa.RecordBatch:
    """Return rows with some of their columns."""
    rows = len(next(iter(columns.values())))
    kinds = {field.name: _ARROW_TYPES[field.dataType] for field in of}
    return pa.RecordBatch.from_pydict(
        {
            name: pa.array(columns[name], kind) if name in columns else pa.nulls(rows, kind)
            for name, kind in kinds.items()
        }
    )


def one_row(of: StructType, **values: Any) -> pa.RecordBatch:
    """Return one row with some of its columns."""
    fields = [pa.field(field.name, _ARROW_TYPES[field.dataType]) for field in of]
    return pa.RecordBatch.from_pylist([values], schema=pa.schema(fields))


def lists(rows: NDArray[Any]) -> pa.ListArray:
    """Return the rows of a matrix as lists."""
    offsets = np.arange(len(rows) + 1, dtype=np.int32) * np.int32(rows.shape[1])
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(rows.ravel()))


def flat(column: Any) -> NDArray[Any]:
    """Return the values of all lists of an Arrow column one after the other."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    found: NDArray[Any] = array.flatten().to_numpy(zero_copy_only=False)
    return found
