"""Segments: immutable Parquet objects of the snapshot's ratings.

Columns: ``user_id``, ``show_id`` (int64), ``rating`` (int8, null = watched, not rated),
``rated_at`` (milliseconds, UTC), ``event_id`` (16 bytes); sorted by user, then show.
"""

import hashlib
import io
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from mlproject.core import columns as c
from mlproject.core.errors import DataError
from mlproject.core.rating_columns import UNRATED, RatingColumns
from mlproject.snapshot.keys import segment
from mlproject.snapshot.manifest import SegmentInfo

_SCHEMA: Final = pa.schema(
    [
        pa.field(c.USER_ID, pa.int64(), nullable=False),
        pa.field(c.SHOW_ID, pa.int64(), nullable=False),
        pa.field(c.RATING, pa.int8()),
        pa.field(c.RATED_AT, pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field(c.EVENT_ID, pa.binary(16), nullable=False),
    ]
)
# Sorted ids differ little from row to row; a dictionary of event ids would be all of them.
_ENCODINGS: Final = {
    c.USER_ID: "DELTA_BINARY_PACKED",
    c.SHOW_ID: "DELTA_BINARY_PACKED",
    c.RATED_AT: "DELTA_BINARY_PACKED",
}
_NAMED_BY: Final = 16


def encode_segment(ratings: RatingColumns, generation: int) -> tuple[SegmentInfo, bytes]:
    """Write sorted rows as a segment for a generation; equal rows, equal key."""
    table = pa.Table.from_arrays(
        [
            pa.array(ratings.user_id),
            pa.array(ratings.show_id),
            pa.array(ratings.rating, mask=ratings.rating == UNRATED),
            pa.array(ratings.rated_at).cast(_SCHEMA.field(c.RATED_AT).type),
            _event_ids(ratings),
        ],
        schema=_SCHEMA,
    )
    buffer = io.BytesIO()
    parquet.write_table(
        table,
        buffer,
        compression="zstd",
        use_dictionary=[c.RATING],
        column_encoding=_ENCODINGS,
        write_statistics=False,
    )
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    key = segment(generation, digest[:_NAMED_BY])
    return SegmentInfo(key, len(ratings), digest, len(content)), content


def decode_segment(info: SegmentInfo, content: bytes) -> RatingColumns:
    """Read a segment back.

    Raises
    ------
    DataError
        If the content is not what was written.
    """
    if hashlib.sha256(content).hexdigest() != info.sha256:
        raise DataError(f"the segment {info.key} differs from its checksum")
    try:
        table = parquet.read_table(io.BytesIO(content))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"the segment {info.key} cannot be read: {error}") from error
    if not table.schema.remove_metadata().equals(_SCHEMA) or len(table) != info.rows:
        raise DataError(f"the segment {info.key} has other columns or rows than it should")
    ids = _numbers(table[c.EVENT_ID])
    return RatingColumns(
        user_id=table[c.USER_ID].to_numpy(),
        show_id=table[c.SHOW_ID].to_numpy(),
        rating=table[c.RATING].fill_null(UNRATED).to_numpy(),
        rated_at=table[c.RATED_AT].cast(pa.int64()).to_numpy(),
        id_high=ids[:, 0].astype(np.uint64),
        id_low=ids[:, 1].astype(np.uint64),
    )


def _event_ids(ratings: RatingColumns) -> Any:
    """Return the event ids as an Arrow array of 16 bytes each, the higher half first."""
    both = np.empty((len(ratings), 2), dtype=">u8")
    both[:, 0], both[:, 1] = ratings.id_high, ratings.id_low
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(16), len(ratings), [None, pa.py_buffer(both)]
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
