"""Batches of JSON lines by array operations, for the rows that are plain."""

import json
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.json
from numpy.typing import NDArray
from pyarrow import compute as pc

from mlproject.batches.jsonl import OFFSET, VALUE, JsonBatch, lines_of, read_lines, unpacked
from mlproject.batches.plain_rows import plain_rows
from mlproject.core import columns as c
from mlproject.core.event_fields import EVENT_FIELDS, NAMES, Kind
from mlproject.core.rating_columns import RatingColumns

# Escapes of letters, which hide names and half letters, and numbers that are not numbers.
_ODD: Final = (b"\\u", b"NaN", b"Inf")
_LARGEST_BLOCK: Final = 2**31 - 2
_TYPES: Final = {
    Kind.TEXT: pa.string(),
    Kind.WHOLE: pa.int64(),
    Kind.SCORE: pa.float64(),
    Kind.SYMBOL: pa.string(),
    Kind.FLAG: pa.bool_(),
}


def decode_json_lines(content: bytes) -> JsonBatch:
    """Read a batch of JSON lines as :func:`mlproject.batches.jsonl.decode_json_lines` does.

    Raises
    ------
    BatchError
        As there.
    """
    raw, text = unpacked(content)
    whole = _read_whole(raw)
    if whole is None:
        return read_lines(lines_of(text))
    plain, which, highest = whole
    if which.all():
        return JsonBatch(plain, [], highest)
    lines = lines_of(text)
    rest = read_lines(lines[place] for place in np.flatnonzero(~which))
    return JsonBatch(RatingColumns.concat([plain, rest.ratings]), rest.rejected, highest)


def _read_whole(raw: bytes) -> tuple[RatingColumns, NDArray[np.bool_], int | None] | None:
    """Read all lines at once: the plain rows, which lines they are, the highest offset.

    None if that is not sure to give what :func:`~mlproject.batches.jsonl.read_lines` gives:
    if lines differ in form, if one is broken, or with what Arrow and Python read in two ways.
    """
    body = raw.strip(b"\n")
    count = body.count(b"\n") + 1
    # With a brace at both ends of every line no object goes on in the next line.
    is_regular = body[:1] == b"{" and body[-1:] == b"}" and body.count(b"}\n{") == count - 1
    if not is_regular or len(body) > _LARGEST_BLOCK or any(odd in body for odd in _ODD):
        return None
    try:
        first = json.loads(body.partition(b"\n")[0])
        nested = isinstance(first.get(VALUE), dict)
        if not nested and b'"value"' in body:
            return None
        table = _parsed(body, _schema(first[VALUE] if nested else first, nested=nested))
    except (ValueError, RecursionError, pa.ArrowException):
        return None
    if len(table) != count or (nested and table[VALUE].null_count):
        return None
    offsets, prefix = table[OFFSET], ""
    if nested:
        table, prefix = table.flatten(), f"{VALUE}."
        inner = table[f"{prefix}{OFFSET}"]
        if offsets.null_count and inner.null_count < count:
            return None
    plain, which = plain_rows({name: table[f"{prefix}{name}"] for name in NAMES})
    highest = pc.max(offsets).as_py()
    return plain, which, highest if highest is not None and highest >= 0 else None


def _schema(event: dict[str, Any], *, nested: bool) -> pa.Schema:
    """Return what the lines must hold if they are all like the first."""
    is_text = isinstance(event.get(c.RATED_AT), str)
    types = {**_TYPES, Kind.INSTANT: pa.string() if is_text else pa.int64()}
    fields = [(field.name, types[field.kind]) for field in EVENT_FIELDS]
    fields.append((OFFSET, pa.int64()))
    return pa.schema([(VALUE, pa.struct(fields)), (OFFSET, pa.int64())] if nested else fields)


def _parsed(body: bytes, schema: pa.Schema) -> pa.Table:
    return pyarrow.json.read_json(
        pa.BufferReader(body),
        pyarrow.json.ReadOptions(use_threads=False, block_size=len(body) + 1),
        pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
    )
