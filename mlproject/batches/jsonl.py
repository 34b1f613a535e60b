"""Batches of JSON lines, gzip or plain: read and written with numpy and nothing larger.

One event per line, its fields at the top level or under ``value``, as Kafka Connect's sinks
write them; ``rated_at`` is a whole number of milliseconds since 1970, UTC, or a time in ISO
8601; ``offset`` is optional. A line whose ``value`` is null is a blank: an event was there, and
its offset is taken; see :mod:`mlproject.batches.blanking`.
"""

import gzip
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from mlproject.core import columns as c
from mlproject.core.errors import BatchError
from mlproject.core.event_fields import NAMES
from mlproject.core.event_keys import event_keys
from mlproject.core.event_values import read_event
from mlproject.core.numbers import INT64_MAX
from mlproject.core.rating_columns import COLUMN_TYPES, RatingColumns, rating_of

LINE: Final = "line"
VALUE: Final = "value"
OFFSET: Final = "offset"
GZIP: Final = b"\x1f\x8b"
# 6 takes twice the time and saves a tenth.
GZIP_LEVEL: Final = 1
_KEPT_OF_LINE: Final = 1000
_NUMBERS: Final = [name for name in COLUMN_TYPES if name in NAMES and name != c.RATING]


@dataclass(frozen=True, slots=True)
class JsonBatch:
    """Lines that have been read.

    Parameters
    ----------
    ratings
        The good rows, in any order.
    rejected
        The others as they came, with their ``reason``; what is not an event as ``line``.
    highest
        The highest ``offset`` there is, or None.
    blanks
        How many lines hold an offset and nothing else.
    """

    ratings: RatingColumns
    rejected: list[dict[str, Any]]
    highest: int | None
    blanks: int = 0

    def next_offset(self, first: int) -> int:
        """Return the offset after the last event of a batch that begins at ``first``."""
        if self.highest is not None:
            return self.highest + 1
        return first + len(self.ratings) + len(self.rejected) + self.blanks


def decode_json_lines(content: bytes) -> JsonBatch:
    """Read a batch of JSON lines.

    Parameters
    ----------
    content
        Text in UTF-8, or such text compressed by gzip.

    Raises
    ------
    BatchError
        If the content is empty, not text, or a gzip file that is damaged or cut off.
    """
    return read_lines(lines_of(unpacked(content)[1]))


def encode_json_lines(
    events: Iterable[Mapping[str, Any]], first: int, *, compressed: bool = False
) -> bytes:
    """Write events as JSON lines, with their offsets from ``first`` on.

    Parameters
    ----------
    events
        By the names of :data:`~mlproject.core.event_fields.EVENT_FIELDS`; times are whole
        numbers of milliseconds since 1970, UTC.
    first
        The offset of the first of them.
    compressed
        Whether to compress them by gzip.
    """
    lines = [
        json.dumps({**event, OFFSET: offset}, separators=(",", ":"))
        for offset, event in enumerate(events, first)
    ]
    text = "".join(f"{line}\n" for line in lines).encode()
    # Without a time of its own, the same events make the same object.
    return gzip.compress(text, GZIP_LEVEL, mtime=0) if compressed else text


def last_offset(content: bytes) -> int:
    """Return the offset of the last event that :func:`encode_json_lines` wrote.

    Raises
    ------
    BatchError
        If there is none.
    """
    last = unpacked(content)[1].rstrip("\n").rpartition("\n")[2]
    try:
        return int(json.loads(last)[OFFSET])
    except (ValueError, LookupError, TypeError) as error:
        raise BatchError(f"not a whole batch of JSON lines: it ends with {last[-80:]!r}") from error


def read_lines(lines: Iterable[str]) -> JsonBatch:
    """Read line by line; a bad one does no harm to the others."""
    good: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    highest: int | None = None
    blanks = 0
    for line in lines:
        try:
            raw, offset = raw_event(line)
        except ValueError as error:
            rejected.append({LINE: line[:_KEPT_OF_LINE], c.REASON: f"not an event: {error}"})
            continue
        if offset is not None and (highest is None or offset > highest):
            highest = offset
        if raw is None:
            blanks += 1
            continue
        try:
            good.append(read_event(raw))
        except ValueError as error:
            rejected.append({**raw, c.REASON: str(error)})
    return JsonBatch(_columns(good), rejected, highest, blanks)


def good_events(content: bytes) -> Iterator[dict[str, Any]]:
    """Yield the good events of a batch with all their fields; times are milliseconds.

    Raises
    ------
    BatchError
        As :func:`decode_json_lines`.
    """
    for line in lines_of(unpacked(content)[1]):
        with suppress(ValueError):
            raw = raw_event(line)[0]
            if raw is not None:
                yield read_event(raw)


def unpacked(content: bytes) -> tuple[bytes, str]:
    """Return the text of a batch, as bytes in UTF-8 and decoded.

    Raises
    ------
    BatchError
        If the content is empty, not text in UTF-8, or a gzip file that is damaged or cut off.
    """
    if not content:
        raise BatchError("the object is empty")
    try:
        raw = gzip.decompress(content) if content.startswith(GZIP) else content
        return raw, raw.decode()
    except UnicodeDecodeError as error:
        raise BatchError(f"not text in UTF-8: {error}") from error
    except (OSError, EOFError, zlib.error) as error:
        raise BatchError(f"not a readable gzip file: {error}") from error


def lines_of(text: str) -> list[str]:
    """Return the lines of a text that are not empty.

    Only a newline ends a line: JSON may hold other characters that end lines elsewhere.
    """
    return [line for line in text.split("\n") if line.strip()]


def raw_event(line: str) -> tuple[dict[str, Any] | None, int | None]:
    """Return a line's event as it came, None for a blank; and its offset if it has one.

    Raises
    ------
    ValueError
        If the line is not JSON, or not an object.
    """
    try:
        outer = json.loads(line)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    event = outer.get(VALUE, outer) if isinstance(outer, dict) else None
    is_blank = isinstance(outer, dict) and VALUE in outer and event is None
    if not isinstance(outer, dict) or not (is_blank or isinstance(event, dict)):
        raise ValueError("not a JSON object")
    offset = outer.get(OFFSET, None if event is None else event.get(OFFSET))
    return (
        None if event is None else {name: _scalar(event.get(name)) for name in NAMES},
        offset if type(offset) is int and offset >= 0 else None,
    )


def blank_line(line: str) -> str:
    """Return what is left of a line when its event is taken out.

    Examples
    --------
    >>> blank_line('{"user_id":7,"offset":12}')
    '{"offset":12,"value":null}'
    """
    try:
        offset = raw_event(line)[1]
    except ValueError:
        offset = None
    told = {} if offset is None else {OFFSET: offset}
    return json.dumps({**told, VALUE: None}, separators=(",", ":"))


def _scalar(value: Any) -> Any:
    """Return numbers, bools and texts as they are, anything else as text, to be rejected.

    Raises
    ------
    ValueError
        If a text holds half of a surrogate pair.
    """
    if isinstance(value, str):
        if not value.isascii():
            value.encode()
        return value
    # A number that no array holds is a text too.
    if type(value) is int and -INT64_MAX <= value <= INT64_MAX:
        return value
    is_kept = value is None or value is True or value is False
    is_kept = is_kept or (isinstance(value, float) and math.isfinite(value))
    return value if is_kept else repr(value)


def _columns(events: list[dict[str, Any]]) -> RatingColumns:
    high, low = event_keys([event[c.EVENT_ID] for event in events])
    ratings = [rating_of(event) for event in events]
    values = {name: [event[name] for event in events] for name in _NUMBERS} | {c.RATING: ratings}
    numbers = {name: np.array(those, COLUMN_TYPES[name]) for name, those in values.items()}
    return RatingColumns(**numbers, id_high=high, id_low=low)
