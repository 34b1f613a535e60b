"""Takes the ratings of the forgotten out of a batch, and leaves their offsets.

A blank keeps the place of an event, since whoever writes a partition goes on after the offset
of its newest batch's last event, and since the offsets of others must not move. In JSON lines
it is ``{"offset":12,"value":null}``, as Kafka has it for a record that is gone; in Parquet a
row without any value.
"""

import gzip
import io
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute as pc
from pyarrow import parquet

from mlproject.batches.formats import Batch
from mlproject.batches.jsonl import GZIP, GZIP_LEVEL, blank_line, raw_event, unpacked
from mlproject.batches.keys import BatchKey
from mlproject.batches.plain_rows import plain_rows
from mlproject.core import columns as c
from mlproject.core.event_fields import NAMES
from mlproject.core.event_values import read_event
from mlproject.core.forgotten import Forgotten

_NOBODY: Final = (None, "")


def concerns(batch: Batch, forgotten: Forgotten) -> bool:
    """Tell whether a batch that has been read holds ratings of the forgotten."""
    if not len(forgotten):
        return False
    ratings = batch.ratings
    rejected: Any = batch.rejected.to_dict("records")
    return bool(forgotten.rows(ratings.user_id, ratings.rated_at).any()) or any(
        is_about(row, forgotten) for row in rejected
    )


def is_about(rejected: Mapping[str, Any], forgotten: Forgotten) -> bool:
    """Tell whether a row that is no rating may be one of the forgotten.

    Its time cannot be relied on. Without a user's id, any number in it may be one.
    """
    user_id = rejected.get(c.USER_ID)
    is_known = user_id not in _NOBODY and user_id == user_id  # noqa: PLR0124 - not NaN
    return any(
        forgotten.is_named_in(str(value))
        for value in ([user_id] if is_known else rejected.values())
    )


def blanked(key: BatchKey, content: bytes, forgotten: Forgotten) -> tuple[bytes, int]:
    """Return a readable batch without the ratings of the forgotten, and how many these are.

    Raises
    ------
    BatchError
        If the content is not of the key's format.
    """
    if key.is_json_lines:
        return _blanked_lines(content, forgotten)
    return _blanked_table(content, forgotten)


def _blanked_lines(content: bytes, forgotten: Forgotten) -> tuple[bytes, int]:
    lines = unpacked(content)[1].split("\n")
    count = 0
    for place, line in enumerate(lines):
        if line.strip() and _is_forgotten(line, forgotten):
            lines[place] = blank_line(line)
            count += 1
    made = "\n".join(lines).encode()
    is_packed = content.startswith(GZIP)
    return gzip.compress(made, GZIP_LEVEL, mtime=0) if is_packed else made, count


def _is_forgotten(line: str, forgotten: Forgotten) -> bool:
    try:
        raw = raw_event(line)[0]
    except ValueError:
        return forgotten.is_named_in(line)
    return raw is not None and _is_event_forgotten(raw, forgotten)


def _is_event_forgotten(raw: Mapping[str, Any], forgotten: Forgotten) -> bool:
    try:
        event = read_event(raw)
    except ValueError:
        return is_about(raw, forgotten)
    return forgotten.covers(event[c.USER_ID], event[c.RATED_AT])


def _blanked_table(content: bytes, forgotten: Forgotten) -> tuple[bytes, int]:
    table = parquet.read_table(io.BytesIO(content))
    gone = _forgotten_rows(table, forgotten)
    keep = pa.array(~gone)
    columns = [
        pc.if_else(keep, column.combine_chunks(), pa.scalar(None, column.type))
        for column in table.columns
    ]
    buffer = io.BytesIO()
    parquet.write_table(pa.table(columns, names=table.column_names), buffer, compression="zstd")
    return buffer.getvalue(), int(gone.sum())


def _forgotten_rows(table: pa.Table, forgotten: Forgotten) -> NDArray[np.bool_]:
    ratings, is_plain = plain_rows(dict(zip(table.column_names, table.columns, strict=True)))
    gone = np.zeros(len(table), dtype=np.bool_)
    gone[is_plain] = forgotten.rows(ratings.user_id, ratings.rated_at)
    odd = table.filter(pa.array(~is_plain)).to_pylist()
    for place, row in zip(np.flatnonzero(~is_plain).tolist(), odd, strict=True):
        raw = {name: _as_json(row.get(name)) for name in NAMES}
        is_blank = all(value is None for value in row.values())
        gone[place] = not is_blank and _is_event_forgotten(raw, forgotten)
    return gone


def _as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
