"""Reads segments of older releases, which were Parquet; the next ingest replaces them.

Columns: ``user_id``, ``show_id`` (int64), ``rating`` (int8, null = watched, not rated),
``rated_at`` (milliseconds, UTC), ``event_id`` (16 bytes); sorted by user, then show.
"""

import io
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from mlproject.core import columns as c
from mlproject.core.errors import DataError
from mlproject.core.rating_columns import RatingColumns
from mlproject.core.rating_scale import UNRATED

_SCHEMA: Final = pa.schema(
    [
        pa.field(c.USER_ID, pa.int64(), nullable=False),
        pa.field(c.SHOW_ID, pa.int64(), nullable=False),
        pa.field(c.RATING, pa.int8()),
        pa.field(c.RATED_AT, pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field(c.EVENT_ID, pa.binary(16), nullable=False),
    ]
)


def read_parquet_segment(content: bytes) -> RatingColumns:
    """Read a segment.

    Raises
    ------
    DataError
        If the content is not what was written.
    """
    try:
        table = parquet.read_table(io.BytesIO(content))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"not a readable Parquet file: {error}") from error
    if not table.schema.remove_metadata().equals(_SCHEMA):
        raise DataError("its columns are not those expected")
    ids = _numbers(table[c.EVENT_ID])
    return RatingColumns(
        user_id=table[c.USER_ID].to_numpy(),
        show_id=table[c.SHOW_ID].to_numpy(),
        rating=table[c.RATING].fill_null(UNRATED).to_numpy(),
        rated_at=table[c.RATED_AT].cast(pa.int64()).to_numpy(),
        id_high=ids[:, 0].astype(np.uint64),
        id_low=ids[:, 1].astype(np.uint64),
    )


def _numbers(column: Any) -> NDArray[np.uint64]:
    """Return event ids as two numbers each, shape ``(n, 2)``, big endian."""
    parts = [
        np.frombuffer(
            chunk.buffers()[1], dtype=">u8", count=2 * len(chunk), offset=16 * chunk.offset
        )
        for chunk in column.chunks
        if len(chunk)
    ]
    return np.concatenate([*parts, np.empty(0, dtype=">u8")]).reshape(-1, 2)
