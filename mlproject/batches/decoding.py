"""From the content of a batch object to arrays, whatever its format."""

from dataclasses import dataclass
from typing import Final

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from mlproject.batches.jsonl import decode_json_lines
from mlproject.batches.keys import BatchKey
from mlproject.batches.parquet import decode_table
from mlproject.core.errors import BatchError
from mlproject.core.rating_columns import RatingColumns

# What a damaged file makes the readers raise, beside BatchError: broken names and texts,
# impossible sizes, types that nothing can be coerced from.
_DAMAGE: Final = (pa.ArrowException, OSError, ValueError, TypeError, LookupError, OverflowError)


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that has been read.

    Parameters
    ----------
    ratings
        The good rows.
    rejected
        The others as they came, with a ``reason``; may have no columns if there are none.
    next_offset
        The offset after the batch's last event, as far as it can be told.
    """

    ratings: RatingColumns
    rejected: pd.DataFrame
    next_offset: int


def decode_batch(key: BatchKey, content: bytes) -> Batch:
    """Read a batch in the format that its key's ending names.

    Raises
    ------
    BatchError
        If the content is not of that format, is cut off or lacks a column, or if there is
        no reader for the format.
    """
    if not content:
        raise BatchError("the object is empty")
    endings = key.format.split(".")
    if "parquet" in endings:
        return _parquet_batch(key, content)
    if {"json", "jsonl", "gz"} & set(endings):
        good, rejected, highest = decode_json_lines(content)
        following = key.offset + len(good) + len(rejected) if highest is None else highest + 1
        return Batch(good, rejected, following)
    raise BatchError(f"there is no reader for .{key.format}")


def _parquet_batch(key: BatchKey, content: bytes) -> Batch:
    try:
        # Threads pay for large files only, and the fetching is parallel already.
        table = parquet.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
        ratings, rejected = decode_table(table)
    except _DAMAGE as error:
        raise BatchError(f"not a readable Parquet file of ratings: {error}") from error
    return Batch(ratings, rejected, key.offset + len(table))
