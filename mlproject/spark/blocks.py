"""Blocks: rows of Spark that hold thousands of ratings each, as bytes of Arrow.

Only Python looks into a rating, so Spark moves blocks. To turn each rating into a row of the
JVM and back, at each step, cost more than to read and to merge it.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as f
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    IntegerType,
    LongType,
    StructField,
    StructType,
)

from mlproject.core.hashing import mix64
from mlproject.core.rating_columns import COLUMN_TYPES, RatingColumns
from mlproject.spark.rows import rows_of

Batches = Iterator[pa.RecordBatch]

BLOCK: Final = "block"
SOME_USERS: Final = "some_users"
BLOCKS: Final = StructType(
    [StructField(BLOCK, BinaryType()), StructField(SOME_USERS, ArrayType(LongType()))]
)
"""Ratings of :class:`~mlproject.core.rating_columns.RatingColumns`, and a sample of their users."""

_PART: Final = "part"
_PARTS: Final = StructType([StructField(_PART, IntegerType()), StructField(BLOCK, BinaryType())])
_AT_ONCE: Final = 100_000
# A part of a million ratings has 200 users of the sample: sizes differ by some percent.
_SAMPLED: Final = 5_000
_SEED: Final = 0x7062


def to_blocks(ratings: RatingColumns) -> Batches:
    """Yield ratings as blocks, some at a time."""
    for start in range(0, len(ratings), _AT_ONCE):
        part = _cut(ratings, start, start + _AT_ONCE)
        sample = pa.array([part.user_id[::_SAMPLED]], pa.list_(pa.int64()))
        yield rows_of(BLOCKS, **{BLOCK: pa.array([_packed(part)]), SOME_USERS: sample})


def of_blocks(batches: Iterable[pa.RecordBatch]) -> RatingColumns:
    """Return the ratings of blocks; rows without any are left out."""
    blocks = (block for batch in batches for block in batch.column(BLOCK).drop_null())
    return RatingColumns.concat([_unpacked(block.as_buffer()) for block in blocks])


def by_hash(blocks: DataFrame, tasks: int) -> DataFrame:
    """Divide ratings among tasks, those of a user to one; :func:`brought_together` moves them."""
    return _divided(blocks, lambda users: (mix64(users, _SEED) % np.uint64(tasks)).astype(np.int32))


def by_ranges(blocks: DataFrame, bounds: NDArray[np.int64]) -> DataFrame:
    """Divide ratings as :func:`by_hash` does, by ranges of users that ``bounds`` begin."""
    return _divided(
        blocks,
        lambda users: np.searchsorted(bounds, users, side="right").astype(np.int32),
    )


def bounds_of(blocks: DataFrame, tasks: int) -> NDArray[np.int64]:
    """Return where ranges of users begin that have about as many ratings each.

    Returns
    -------
    numpy.ndarray
        Users, int64, ascending, of all ranges but the first.
    """
    if tasks == 1:
        return np.empty(0, np.int64)
    found = blocks.select(f.explode(SOME_USERS).alias(SOME_USERS)).toArrow()
    users = np.sort(found.column(SOME_USERS).to_numpy())
    return users[np.arange(1, tasks) * len(users) // tasks] if len(users) else users


def brought_together(divided: DataFrame, tasks: int) -> DataFrame:
    """Give each task its ratings."""
    return divided.repartitionById(tasks, _PART)


def pieces(
    ratings: RatingColumns, parts: NDArray[np.int32]
) -> tuple[NDArray[np.int32], list[RatingColumns]]:
    """Cut ratings into parts.

    Parameters
    ----------
    ratings
        ``n`` rows.
    parts
        The part of each, shape ``(n,)``.

    Returns
    -------
    tuple
        The parts that have any, ascending; and their ratings.
    """
    order = np.argsort(parts, kind="stable")
    ratings = ratings.take(order)
    filled, starts = np.unique(parts[order], return_index=True)
    return filled, list(map(partial(_cut, ratings), starts, [*starts[1:], len(ratings)]))


def _divided(
    blocks: DataFrame, part_of: Callable[[NDArray[np.int64]], NDArray[np.int32]]
) -> DataFrame:
    def divide(batches: Batches) -> Batches:
        ratings = of_blocks(batches)  # all of the task, since small pieces cost more
        filled, cut = pieces(ratings, part_of(ratings.user_id))
        yield rows_of(_PARTS, **{_PART: filled, BLOCK: pa.array(map(_packed, cut), pa.binary())})

    return blocks.select(BLOCK).mapInArrow(divide, _PARTS)


def _cut(ratings: RatingColumns, start: int, end: int) -> RatingColumns:
    return RatingColumns(*(array[start:end] for array in ratings.arrays))


def _packed(ratings: RatingColumns) -> bytes:
    batch = pa.RecordBatch.from_arrays(
        [pa.array(array) for array in ratings.arrays], names=list(COLUMN_TYPES)
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _unpacked(block: pa.Buffer) -> RatingColumns:
    with pa.ipc.open_stream(block) as stream:
        batch = stream.read_next_batch()
    return RatingColumns(*(batch.column(name).to_numpy() for name in COLUMN_TYPES))
