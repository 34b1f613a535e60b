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

from mlproject.core import columns as c
from mlproject.core.errors import BatchError
from mlproject.core.event_keys import event_keys
from mlproject.core.parsing import INT64_MAX
from mlproject.core.rating_columns import UNRATED, RatingColumns
from mlproject.core.rating_scale import HIGHEST, LOWEST
from mlproject.core.ratings import RatingFrame

LINE: Final = "line"
_GZIP: Final = b"\x1f\x8b"
_VALUE: Final = "value"
_OFFSET: Final = "offset"
_KEPT_OF_LINE: Final = 1000
# 9999, the last year that ISO 8601 writes in four digits.
_LAST_INSTANT: Final = 253_402_300_799_999


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
    events: list[dict[str, Any]] = []
    broken: list[dict[str, Any]] = []
    offsets: list[int] = []
    # By newlines alone: JSON may hold the other characters that end a line elsewhere.
    for line in _text(content).split("\n"):
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

    # Rows that need no coercion also need no data frame, which costs a small batch most.
    plain = [event for event in events if _is_plain(event)]
    good, rejected = _checked([event for event in events if not _is_plain(event)])
    if broken:
        rejected = pd.concat([rejected, pd.DataFrame(broken)], ignore_index=True)
    return RatingColumns.concat([_columns(plain), good]), rejected, max(offsets, default=None)


def decode_json_frame(content: bytes) -> tuple[RatingFrame, pd.DataFrame]:
    """Read a batch of JSON lines into a frame, and the rejected rows with their ``reason``.

    Lines that are no events are left out.

    Raises
    ------
    BatchError
        As :func:`decode_json_lines`.
    """
    events = []
    for line in _text(content).split("\n"):
        with suppress(ValueError):
            events.append(_event(line)[0])
    return RatingFrame.validated(_raw(events))


def _is_plain(event: dict[str, Any]) -> bool:
    """Tell whether a row is good as it is, by the rules of ``RatingFrame.validated``."""
    rating = event[c.RATING]
    return (
        isinstance(event[c.EVENT_ID], str)
        and _is_within(event[c.USER_ID], 0, INT64_MAX)
        and _is_within(event[c.SHOW_ID], 0, INT64_MAX)
        and (rating is None or _is_within(rating, LOWEST, HIGHEST))
        and _is_within(event[c.RATED_AT], 0, _LAST_INSTANT)
    )


def _is_within(value: object, lowest: int, highest: int) -> bool:
    return isinstance(value, int) and lowest <= value <= highest


def _columns(plain: list[dict[str, Any]]) -> RatingColumns:
    high, low = event_keys([event[c.EVENT_ID] for event in plain])
    return RatingColumns(
        user_id=np.array([event[c.USER_ID] for event in plain], dtype=np.int64),
        show_id=np.array([event[c.SHOW_ID] for event in plain], dtype=np.int64),
        rating=np.array([event[c.RATING] or UNRATED for event in plain], dtype=np.int8),
        rated_at=np.array([event[c.RATED_AT] for event in plain], dtype=np.int64),
        id_high=high,
        id_low=low,
    )


def _checked(events: list[dict[str, Any]]) -> tuple[RatingColumns, pd.DataFrame]:
    """Coerce rows, and reject those that are bad, with the reason, as they came."""
    if not events:
        return RatingColumns.unfilled(0), pd.DataFrame()
    raw = _raw(events)
    good, rejected = RatingFrame.validated(raw)
    return RatingColumns.of(good), raw.loc[rejected.index].assign(**{c.REASON: rejected[c.REASON]})


def _raw(events: list[dict[str, Any]]) -> pd.DataFrame:
    raw = pd.DataFrame(events, columns=list(c.RATING_COLUMNS), dtype="object")
    raw[c.SOURCE] = raw[c.SOURCE].fillna("").astype("str")
    return raw


def _text(content: bytes) -> str:
    if not content:
        raise BatchError("the object is empty")
    try:
        return (gzip.decompress(content) if content.startswith(_GZIP) else content).decode()
    except (OSError, EOFError, zlib.error) as error:
        raise BatchError(f"not a readable gzip file: {error}") from error
    except UnicodeDecodeError as error:
        raise BatchError(f"not text in UTF-8: {error}") from error


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
    is_number = _is_within(value, -INT64_MAX, INT64_MAX) and not isinstance(value, bool)
    return value if is_number else repr(value)
