"""From the content of a batch object to arrays, whatever its format."""

import io
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from mlproject.core import columns as c
from mlproject.core.errors import BatchError
from mlproject.core.event_keys import event_keys
from mlproject.core.rating_columns import UNRATED, RatingColumns
from mlproject.core.rating_scale import HIGHEST, LOWEST
from mlproject.storage.jsonl import decode_json_lines
from mlproject.storage.keys import BatchKey
from mlproject.storage.parquet import decode_ratings

_TYPES: Final = {
    c.EVENT_ID: pa.string(),
    c.USER_ID: pa.int64(),
    c.SHOW_ID: pa.int64(),
    c.RATING: pa.int8(),
    c.RATED_AT: pa.timestamp("ms", tz="UTC"),
    c.SOURCE: pa.string(),
}
# What a damaged file makes the readers raise, beside BatchError: broken names and texts,
# impossible sizes, types that nothing can be coerced from.
_DAMAGE: Final = (pa.ArrowException, OSError, ValueError, TypeError, LookupError, OverflowError)
# Made once, since making a data frame costs a third of what reading a small file does.
_NONE: Final = pd.DataFrame()


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
        exact = _exact(content)
        if exact is not None:
            return Batch(exact, _NONE, key.offset + len(exact))
        good, rejected = decode_ratings(content)
        ratings = RatingColumns.of(good)
    except _DAMAGE as error:
        raise BatchError(f"not a readable Parquet file of ratings: {error}") from error
    return Batch(ratings, rejected, key.offset + len(good) + len(rejected))


def _exact(content: bytes) -> RatingColumns | None:
    """Read a file of exactly our types whose rows are all good; None for any other.

    Small batches are the rule, and building and checking a data frame for each costs more
    than ten times what reading the file does.
    """
    # Threads pay for large files only, and the fetching is parallel already.
    table = parquet.ParquetFile(io.BytesIO(content)).read(use_threads=False)
    schema = table.schema
    if schema.names != list(_TYPES) or schema.types != list(_TYPES.values()):
        return None
    ids, user, show, rating, rated_at, source = table.columns
    if any(column.null_count for column in (ids, user, show, rated_at, source)):
        return None
    users, shows = user.to_numpy(), show.to_numpy()
    values = (rating.fill_null(UNRATED) if rating.null_count else rating).to_numpy()
    unrated = int(np.count_nonzero(values == UNRATED))
    good = (
        not (users < 0).any()
        and not (shows < 0).any()
        # As many zeros as nulls: none was written as a rating.
        and unrated == rating.null_count
        and _all_within(values[values != UNRATED], LOWEST, HIGHEST)
    )
    if not good:
        return None
    high, low = event_keys(ids.to_pylist())
    return RatingColumns(
        user_id=users,
        show_id=shows,
        rating=values,
        rated_at=rated_at.to_numpy().view(np.int64),
        id_high=high,
        id_low=low,
    )


def _all_within(values: Any, lowest: int, highest: int) -> bool:
    return not len(values) or bool(values.min() >= lowest and values.max() <= highest)
