"""Batches of JSON lines, gzip or plain, as Kafka Connect's sinks write them.

One event a line, its fields at the top level or under ``value``; ``rated_at`` is a whole
number of milliseconds since 1970, UTC, or a time in ISO 8601; ``offset`` is optional.
"""

import gzip
import json
import math
import zlib
from contextlib import suppress
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.json
from numpy.typing import NDArray
from pyarrow import compute as pc

from mlproject.batches.plain_rows import plain_rows
from mlproject.core import columns as c
from mlproject.core.errors import BatchError
from mlproject.core.parsing import INT64_MAX
from mlproject.core.rating_columns import RatingColumns
from mlproject.core.ratings import RatingFrame

LINE: Final = "line"
_GZIP: Final = b"\x1f\x8b"
_VALUE: Final = "value"
_OFFSET: Final = "offset"
_KEPT_OF_LINE: Final = 1000
_READ: Final = (c.EVENT_ID, c.USER_ID, c.SHOW_ID, c.RATING, c.RATED_AT)
# Escapes of letters, which hide names and half letters, and numbers that are none.
_ODD: Final = (b"\\u", b"NaN", b"Inf")
_LARGEST_BLOCK: Final = 2**31 - 2
# Made once, since making a data frame takes as long as a good part of a small batch.
_NONE: Final = pd.DataFrame()


def decode_json_lines(content: bytes) -> tuple[RatingColumns, pd.DataFrame, int | None]:
    """Read a batch of JSON lines.

    Parameters
    ----------
    content
        Text in UTF-8, or such text compressed by gzip.

    Returns
    -------
    tuple
        The good rows, in any order; the rejected ones as they came, with their ``reason``,
        a line that is no event as ``line``; and the highest ``offset`` there is, or None.

    Raises
    ------
    BatchError
        If the content is empty, not text, or a gzip file that is damaged or cut off.
    """
    raw = _unpacked(content)
    text = _text(raw)
    whole = _read_whole(raw)
    # By newlines alone: JSON may hold the other characters that end a line elsewhere.
    if whole is None:
        return _read_lines(text.split("\n"))
    plain, which, highest = whole
    if which.all():
        return plain, _NONE, highest
    lines = text.strip("\n").split("\n")
    good, rejected, _ = _read_lines([lines[place] for place in np.flatnonzero(~which)])
    return RatingColumns.concat([plain, good]), rejected, highest


def decode_json_frame(content: bytes) -> tuple[RatingFrame, pd.DataFrame]:
    """Read a batch of JSON lines into a frame, and the rejected rows with their ``reason``.

    Lines that are no events are left out.

    Raises
    ------
    BatchError
        As :func:`decode_json_lines`.
    """
    events = []
    for line in _text(_unpacked(content)).split("\n"):
        with suppress(ValueError):
            events.append(_event(line)[0])
    return RatingFrame.validated(_raw(events))


def _read_whole(raw: bytes) -> tuple[RatingColumns, NDArray[np.bool_], int | None] | None:
    """Read all lines at once: the plain rows, which lines they are, the highest offset.

    None if that is not sure to give what :func:`_read_lines` gives: if lines differ in
    form, if one is broken, or with what Arrow and Python read in two ways.
    """
    body = raw.strip(b"\n")
    count = body.count(b"\n") + 1
    # With a brace at both ends of every line no object goes on in the next line.
    is_regular = body[:1] == b"{" and body[-1:] == b"}" and body.count(b"}\n{") == count - 1
    if not is_regular or len(body) > _LARGEST_BLOCK or any(odd in body for odd in _ODD):
        return None
    try:
        first = json.loads(body.partition(b"\n")[0])
        nested = isinstance(first.get(_VALUE), dict)
        if not nested and b'"value"' in body:
            return None
        table = _parsed(body, _schema(first[_VALUE] if nested else first, nested=nested))
    except (ValueError, RecursionError, pa.ArrowException):
        return None
    if len(table) != count or (nested and table[_VALUE].null_count):
        return None
    offsets, prefix = table[_OFFSET], ""
    if nested:
        table, prefix = table.flatten(), f"{_VALUE}."
        inner = table[f"{prefix}{_OFFSET}"]
        if offsets.null_count and inner.null_count < count:
            return None
    plain, which = plain_rows({name: table[f"{prefix}{name}"] for name in _READ})
    highest = pc.max(offsets).as_py()
    return plain, which, highest if highest is not None and highest >= 0 else None


def _schema(event: dict[str, Any], *, nested: bool) -> pa.Schema:
    """Return what the lines must hold if they are all like the first."""
    is_text = isinstance(event.get(c.RATED_AT), str)
    fields = [
        (c.EVENT_ID, pa.string()),
        (c.USER_ID, pa.int64()),
        (c.SHOW_ID, pa.int64()),
        (c.RATING, pa.float64()),
        (c.RATED_AT, pa.string() if is_text else pa.int64()),
        (_OFFSET, pa.int64()),
    ]
    return pa.schema([(_VALUE, pa.struct(fields)), (_OFFSET, pa.int64())] if nested else fields)


def _parsed(body: bytes, schema: pa.Schema) -> pa.Table:
    return pyarrow.json.read_json(
        pa.BufferReader(body),
        pyarrow.json.ReadOptions(use_threads=False, block_size=len(body) + 1),
        pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
    )


def _read_lines(lines: list[str]) -> tuple[RatingColumns, pd.DataFrame, int | None]:
    """Read line by line: the good rows, the rejected ones, the highest offset."""
    events: list[dict[str, Any]] = []
    broken: list[dict[str, Any]] = []
    offsets: list[int] = []
    for line in lines:
        if not line.strip():
            continue
        try:
            event, offset = _event(line)
        except ValueError as error:
            broken.append({LINE: line[:_KEPT_OF_LINE], c.REASON: f"not an event: {error}"})
            continue
        events.append(event)
        if offset is not None:
            offsets.append(offset)
    good, rejected = _checked(events)
    if broken:
        rejected = pd.concat([rejected, pd.DataFrame(broken)], ignore_index=True)
    return good, rejected, max(offsets, default=None)


def _checked(events: list[dict[str, Any]]) -> tuple[RatingColumns, pd.DataFrame]:
    """Coerce rows, and reject those that are bad, with the reason, as they came."""
    if not events:
        return RatingColumns.unfilled(0), _NONE
    raw = _raw(events)
    good, rejected = RatingFrame.validated(raw)
    return RatingColumns.of(good), raw.loc[rejected.index].assign(**{c.REASON: rejected[c.REASON]})


def _raw(events: list[dict[str, Any]]) -> pd.DataFrame:
    raw = pd.DataFrame(events, columns=list(c.RATING_COLUMNS), dtype="object")
    raw[c.SOURCE] = raw[c.SOURCE].fillna("").astype("str")
    return raw


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise BatchError(f"not text in UTF-8: {error}") from error


def _unpacked(content: bytes) -> bytes:
    if not content:
        raise BatchError("the object is empty")
    try:
        return gzip.decompress(content) if content.startswith(_GZIP) else content
    except (OSError, EOFError, zlib.error) as error:
        raise BatchError(f"not a readable gzip file: {error}") from error


def _event(line: str) -> tuple[dict[str, Any], int | None]:
    """Return a line's event, and its offset if it is there.

    Raises
    ------
    ValueError
        If the line is not JSON, or not an object.
    """
    try:
        outer = json.loads(line)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    event = outer.get(_VALUE, outer) if isinstance(outer, dict) else None
    if not isinstance(outer, dict) or not isinstance(event, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one error for all bad lines
    offset = outer.get(_OFFSET, event.get(_OFFSET))
    return (
        {name: _scalar(event.get(name)) for name in c.RATING_COLUMNS},
        offset if isinstance(offset, int) and offset >= 0 else None,
    )


def _scalar(value: Any) -> Any:
    """Return numbers and texts as they are, anything else as text, to be rejected.

    Raises
    ------
    ValueError
        If a text is none: half of a surrogate pair.
    """
    if isinstance(value, str):
        value.encode()
        return value
    if value is None or (isinstance(value, float) and math.isfinite(value)):
        return value
    # A number that no array holds is a text too.
    is_number = isinstance(value, int) and abs(value) <= INT64_MAX and not isinstance(value, bool)
    return value if is_number else repr(value)
