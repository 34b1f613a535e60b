"""The formats of batch objects: by a key's ending, how it is written and read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from mlproject.batches import jsonl
from mlproject.batches.jsonl_arrow import decode_json_lines
from mlproject.batches.keys import BatchKey
from mlproject.batches.parquet import count_rows, decode_ratings, decode_table, encode_ratings
from mlproject.core.errors import BatchError
from mlproject.core.event_fields import EVENT_FIELDS, NAMES, Kind
from mlproject.core.rating_columns import RatingColumns
from mlproject.core.ratings import RatingFrame

# What the readers raise for a damaged file, apart from BatchError: for broken names and
# texts, impossible sizes, types from which nothing can be coerced.
_DAMAGE: Final = (pa.ArrowException, OSError, ValueError, TypeError, LookupError, OverflowError)
# Made once, since making a data frame takes as long as a good part of a small batch.
_NONE: Final = pd.DataFrame()


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that has been read.

    Parameters
    ----------
    ratings
        The good rows.
    rejected
        The others as they came, with a ``reason``; may have no columns if it is empty.
    next_offset
        The offset after the batch's last event, if it is known; else a guess by the number of rows.
    """

    ratings: RatingColumns
    rejected: pd.DataFrame
    next_offset: int


def encode_batch(key: BatchKey, ratings: RatingFrame) -> bytes:
    """Write a batch in the format that its key's ending names."""
    return _format(key).encode(key, ratings)


def decode_batch(key: BatchKey, content: bytes) -> Batch:
    """Read a batch in the format that its key's ending names.

    Raises
    ------
    BatchError
        If the content is not of that format, is cut off or lacks a column, or if there is
        no reader for the format.
    """
    return _format(key).decode(key, _not_empty(content))


def decode_frame(key: BatchKey, content: bytes) -> RatingFrame:
    """Read the good rows of a batch with all their fields.

    Raises
    ------
    BatchError
        As :func:`decode_batch`.
    """
    return _format(key).frame(_not_empty(content))


def next_offset(key: BatchKey, content: bytes) -> int:
    """Return the offset after the last event of a batch that we wrote, without reading it all.

    Raises
    ------
    BatchError
        If the content is cut off or not of the key's format.
    """
    return _format(key).next_offset(key, _not_empty(content))


@dataclass(frozen=True, slots=True)
class _Format:
    encode: Callable[[BatchKey, RatingFrame], bytes]
    decode: Callable[[BatchKey, bytes], Batch]
    frame: Callable[[bytes], RatingFrame]
    next_offset: Callable[[BatchKey, bytes], int]


def _format(key: BatchKey) -> _Format:
    if key.is_json_lines:
        return _JSON_LINES
    if "parquet" in key.format.split("."):
        return _PARQUET
    raise BatchError(f"there is no reader for .{key.format}")


def _not_empty(content: bytes) -> bytes:
    if not content:
        raise BatchError("the object is empty")
    return content


def _decode_parquet(key: BatchKey, content: bytes) -> Batch:
    try:
        # Threads pay for large files only, and the fetching is parallel already.
        table = parquet.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
        ratings, rejected = decode_table(table)
    except _DAMAGE as error:
        raise BatchError(f"not a readable Parquet file of ratings: {error}") from error
    return Batch(ratings, rejected, key.offset + len(table))


def _decode_json(key: BatchKey, content: bytes) -> Batch:
    read = decode_json_lines(content)
    rejected = pd.DataFrame(read.rejected, dtype="object") if read.rejected else _NONE
    return Batch(read.ratings, rejected, read.next_offset(key.offset))


def _json_frame(content: bytes) -> RatingFrame:
    events = pd.DataFrame(jsonl.good_events(content), columns=list(NAMES))
    for field in EVENT_FIELDS:
        if field.kind is Kind.INSTANT:
            events[field.name] = pd.to_datetime(events[field.name], unit="ms", utc=True)
    return RatingFrame.typed(events)


_PARQUET: Final = _Format(
    encode=lambda _, ratings: encode_ratings(ratings),
    decode=_decode_parquet,
    frame=lambda content: decode_ratings(content)[0],
    next_offset=lambda key, content: key.offset + count_rows(content),
)
_JSON_LINES: Final = _Format(
    encode=lambda key, ratings: jsonl.encode_json_lines(
        ratings.events(), key.offset, compressed=key.format.endswith("gz")
    ),
    decode=_decode_json,
    frame=_json_frame,
    next_offset=lambda _, content: jsonl.last_offset(content) + 1,
)
