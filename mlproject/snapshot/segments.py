"""Segments: immutable objects of the snapshot's ratings, arrays of numpy in a zip file.

``numpy.load`` reads one anywhere; the arrays are those of
:class:`~mlproject.snapshot.by_user.RatingsByUser`. Older releases wrote Parquet. The service
reads segments too, and would need pyarrow (152 MB installed) for that alone. Measured before
the change, with 2 million ratings on one core:

============  ========  ========  =======
form          B/rating  to write  to read
============  ========  ========  =======
Parquet       21.8      1.02 s    1.32 s
these arrays  29.2      0.28 s    0.19 s
============  ========  ========  =======

Most bytes are random ones of event ids, which nothing compresses.
"""

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Final

import numpy as np

from mlproject.core.errors import DataError
from mlproject.core.rating_columns import RatingColumns
from mlproject.snapshot.by_user import RatingsByUser
from mlproject.snapshot.keys import is_parquet, segment
from mlproject.snapshot.manifest import SegmentInfo

_NAMED_BY: Final = 16
# What numpy and zipfile raise for content that is none of theirs.
_DAMAGE: Final = (ValueError, OSError, EOFError, LookupError, zipfile.BadZipFile)


def encode_segment(ratings: RatingColumns, generation: int) -> tuple[SegmentInfo, bytes]:
    """Write sorted rows as a segment for a generation; equal rows, equal key."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **RatingsByUser.of(ratings).arrays)
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
    _check(info, content)
    try:
        if is_parquet(info.key):
            # Only builders meet these, right after an upgrade, and they have pyarrow.
            from mlproject.snapshot.parquet_segments import (  # noqa: PLC0415
                read_parquet_segment,
            )

            ratings = read_parquet_segment(content)
        else:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                ratings = RatingsByUser.named(dict(arrays)).columns()
    except (DataError, *_DAMAGE) as error:
        raise DataError(f"the segment {info.key} cannot be read: {error}") from error
    if len(ratings) != info.rows:
        raise DataError(f"the segment {info.key} does not have the expected rows")
    return ratings


def unpack_segment(info: SegmentInfo, content: bytes, folder: Path) -> RatingsByUser:
    """Lay a segment's arrays down in a folder of their own, and map them.

    Raises
    ------
    DataError
        If the content is not what was written, or is of an older release.
    """
    if is_parquet(info.key):
        raise DataError(
            "the snapshot was written by an older release of tvrec; the next ingest rewrites it"
        )
    _check(info, content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as arrays:
            arrays.extractall(folder)
        ratings = RatingsByUser.mapped(folder)
    except (DataError, *_DAMAGE) as error:
        raise DataError(f"the segment {info.key} cannot be read: {error}") from error
    if len(ratings) != info.rows:
        raise DataError(f"the segment {info.key} does not have the expected rows")
    return ratings


def _check(info: SegmentInfo, content: bytes) -> None:
    if hashlib.sha256(content).hexdigest() != info.sha256:
        raise DataError(f"the segment {info.key} differs from its checksum")
